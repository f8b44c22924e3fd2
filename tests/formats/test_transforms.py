"""`transforms.json`: conventions pinned by known cameras, and every way it can be wrong."""

import json
import math
import os

import numpy as np
import pytest
import torch
from PIL import Image

from tests.scenes import (
    edit_transforms,
    intrinsics_json,
    opengl_world_from_cam,
    plane_camera,
    write_image,
    write_scene,
    write_transforms,
)
from warpdata.config import SourceOptions
from warpdata.errors import SceneError, ViewError
from warpdata.formats.transforms_lens import lens_of
from warpdata.sources import open_source
from warpdata.sources.picture import PictureFile


def read(folder):
    return open_source(SourceOptions(input_dir=folder)).scene(folder.name)


@pytest.fixture
def folder(tmp_path):
    write_scene(tmp_path / "s")
    return tmp_path / "s"


def test_cameras_are_the_ones_written(folder):
    """OpenGL camera-to-world in the file, OpenCV world-to-camera in memory; fx, fy, cx, cy as they are."""
    for index, view in enumerate(read(folder).views):
        want = plane_camera(index)
        torch.testing.assert_close(view.camera.cam_from_world, want.cam_from_world)
        assert torch.equal(view.camera.K, want.K)
        assert view.camera.hw == want.hw
        assert view.picture.path == folder / "images" / f"{index}.png"
        assert view.depth.path == folder / "depth" / f"{index}.png"


def test_an_opengl_pose_worked_by_hand(folder):
    """A camera at (1, 2, 3) that looks along world -y, its up along world z: what lies before it has positive z."""
    pose = [[-1, 0, 0, 1], [0, 0, 1, 2], [0, 1, 0, 3], [0, 0, 0, 1]]
    edit_transforms(folder, 0, transform_matrix=pose)
    point = torch.tensor([0.5, -3.0, 4.0, 1.0], dtype=torch.float64)
    x, y, z, _ = (read(folder).views[0].camera.cam_from_world @ point).tolist()
    assert (x, y, z) == (0.5, -1.0, 5.0)


def test_opencv_poses_are_taken_where_the_file_says_so(folder):
    camera = plane_camera(1)
    edit_transforms(folder, camera_convention="opencv")
    edit_transforms(folder, 1, transform_matrix=camera.world_from_cam.tolist())
    torch.testing.assert_close(read(folder).views[1].camera.cam_from_world, camera.cam_from_world)
    edit_transforms(folder, camera_convention="colmap")
    with pytest.raises(SceneError, match="camera_convention 'colmap' is not known"):
        read(folder)


def test_three_by_four_poses_and_applied_transform_change_nothing(folder):
    edit_transforms(folder, 1, transform_matrix=opengl_world_from_cam(plane_camera(1))[:3])
    edit_transforms(folder, applied_transform=[[0, 1, 0, 5], [1, 0, 0, 0], [0, 0, -1, 0]])
    torch.testing.assert_close(read(folder).views[1].camera.cam_from_world, plane_camera(1).cam_from_world)


def test_intrinsics_of_a_frame_win(folder):
    edit_transforms(folder, 1, fl_x=50.5, cx=30)
    K = read(folder).views[1].camera.K
    assert (K[0, 0], K[0, 2], K[1, 1]) == (50.5, 30, plane_camera(1).K[1, 1])


def test_field_of_view_gives_the_focal_length(folder):
    edit_transforms(folder, fl_x=None, fl_y=None, cx=None, cy=None, w=None, h=None, camera_angle_x=0.9)
    camera = read(folder).views[0].camera
    height, width = plane_camera(0).hw
    focal = width / 2 / math.tan(0.45)
    assert camera.K.tolist() == [[focal, 0, width / 2], [0, focal, height / 2], [0, 0, 1]]
    assert camera.hw == (height, width)
    edit_transforms(folder, camera_angle_y=0.7)
    assert read(folder).views[0].camera.K[1, 1] == height / 2 / math.tan(0.35)


def test_sizes_come_from_the_header_only_where_the_file_has_none(folder):
    (folder / "images" / "1.png").write_bytes(b"broken")
    assert len(read(folder).views) == 3
    edit_transforms(folder, w=None)
    assert list(read(folder).left_out) == ["images/1.png"]


def test_a_resized_picture_rescales_its_camera(folder):
    camera = plane_camera(0)
    edit_transforms(folder, w=140, h=96, fl_x=2 * camera.K[0, 0].item(), fl_y=2 * camera.K[1, 1].item())
    edit_transforms(folder, cx=2 * camera.K[0, 2].item(), cy=2 * camera.K[1, 2].item())
    view = read(folder).views[0]
    torch.testing.assert_close(view.camera_at((48, 70)).K, camera.K)
    assert view.camera_at((48, 70)).hw == (48, 70)
    assert view.camera_at((96, 140)) is view.camera
    with pytest.raises(ViewError, match=r"is for a picture of 140x96 pixels, and .* is 48x70 upright"):
        view.camera_at((70, 48))


@pytest.mark.parametrize(
    ("suffix", "keys", "unit"),
    [
        (".png", {}, 0.001),
        (".npy", {}, 1.0),
        (".exr", {}, 1.0),
        (".png", {"depth_unit_scale_factor": 0.01}, 0.01),
        (".npy", {"depth_unit_scale_factor": 0.5}, 0.5),
        (".png", {"integer_depth_scale": 0.25}, 0.25),
        (".png", {"applied_scale": 0.5}, 0.0005),
    ],
)
def test_units_of_depth(tmp_path, suffix, keys, unit):
    write_scene(tmp_path / "s", depth_suffix=suffix, **keys)
    assert read(tmp_path / "s").views[0].depth.unit == unit


def test_scale_and_license_are_those_stated(folder):
    assert (read(folder).scale, read(folder).license) == ("arbitrary", None)
    edit_transforms(folder, scale_type="metric", license="CC0-1.0")
    assert (read(folder).scale, read(folder).license) == ("metric", "CC0-1.0")


def test_images_are_found_without_suffix_and_in_a_reduced_folder(folder):
    """`./images/0` means `images/0.png`; where only `images_4` was downloaded, base names are looked for there."""
    edit_transforms(folder, 0, file_path="./images/0")
    edit_transforms(folder, 1, file_path="images\\1.png")
    assert len(read(folder).views) == 3
    (folder / "images").rename(folder / "images_4")
    assert [view.picture.path.parent.name for view in read(folder).views] == ["images_4"] * 3


def test_equal_names_in_different_folders_stay_apart(folder):
    for index, place in enumerate(("left", "right")):
        write_image(folder / place / "0.png")
        edit_transforms(folder, index + 1, file_path=f"{place}/0.png")
    scene = read(folder)
    assert len({view.name for view in scene.views}) == 3
    assert sorted(view.picture.path.parent.name for view in scene.views) == ["images", "left", "right"]


def test_views_are_in_natural_order_and_selection_counts_usable_ones(tmp_path):
    write_scene(tmp_path / "s", 12)
    content = json.loads((tmp_path / "s" / "transforms.json").read_text())
    content["frames"].reverse()
    content["frames"][5]["transform_matrix"] = None
    (tmp_path / "s" / "transforms.json").write_text(json.dumps(content))
    scene = read(tmp_path / "s")
    assert [view.name for view in scene.views] == [str(k) for k in range(12) if k != 6]
    every_third = open_source(SourceOptions(input_dir=tmp_path, skip_every=3)).scene("s")
    assert [view.name for view in every_third.views] == ["0", "3", "7", "10"]
    auto = open_source(SourceOptions(input_dir=tmp_path, auto_skip=True, target_overlap=0.0)).scene("s")
    assert auto.views[-1].name == "11"


def nan_pose():
    pose = opengl_world_from_cam(plane_camera(1))
    pose[0][3] = math.nan
    return pose


def scaled_pose(factor):
    pose = np.array(opengl_world_from_cam(plane_camera(1)))
    pose[:3, :3] *= factor
    return pose.tolist()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"transform_matrix": nan_pose()}, "NaN or infinite"),
        ({"transform_matrix": scaled_pose(2)}, "its rotation is scaled by 2,"),
        ({"transform_matrix": scaled_pose([1, 1, -1])}, "mirrors the world"),
        ({"transform_matrix": np.eye(3).tolist()}, r"has shape \(3, 3\), expected 4x4"),
        ({"transform_matrix": [[1, 2], [3]]}, "is not a matrix of numbers"),
        ({"transform_matrix": "identity"}, "is not a matrix of numbers"),
        ({"transform_matrix": None}, "is not a matrix of numbers"),
        ({"transform_matrix": np.ones((4, 4)).tolist()}, "the last row of its transform_matrix"),
        ({"fl_x": 0}, "focal lengths are .* expected positive"),
        ({"fl_y": -3.0}, "focal lengths are"),
        ({"fl_x": math.nan}, "fl_x is nan, expected a finite number"),
        ({"fl_x": 10**400}, "fl_x is too large a number"),
        ({"cx": "middle"}, "cx is 'middle', expected a finite number"),
        ({"w": 70.5}, "w = 70.5 and h = 48 are no image size"),
        ({"h": -48}, "no image size"),
        ({"k1": math.inf}, "k1 is inf, expected a finite number"),
        ({"k1": -9.0}, r"its lens cannot be used: its distortion \(BROWN k1 = -9, .* leaves .* of 70x48 pixels"),
        ({"K1": 0.1}, r"the lens is distorted \(K1 = 0.1\), in words other than nerfstudio's .*undistort the images"),
        ({"k5": 0.1}, "has k5 or k6, whose meaning only the camera model FULL_OPENCV tells"),
        ({"distortion_params": [0.1, 0, 0]}, "distortion_params is .*, expected 6 numbers"),
        ({"camera_model": "OPENCV_FISHEYE", "p1": 0.1}, "a fisheye with k5, k6, p1 or p2"),
        ({"file_path": "images/gone.png"}, "its image .*gone.png does not exist"),
        ({"file_path": None}, "its file_path is None"),
        ({"file_path": 7}, "its file_path is 7, expected a path"),
        ({"file_path": ""}, "names no file"),
        ({"file_path": "images/\0.png"}, "names no file"),
        ({"file_path": "../outside.png"}, r"path '../outside.png' leads out of the scene's folder"),
        ({"file_path": "images/../../outside.png"}, "leads out of the scene's folder"),
        ({"file_path": "..\\outside.png"}, "leads out of the scene's folder"),
        ({"file_path": "/etc/passwd"}, "leads out of the scene's folder"),
        ({"file_path": "C:\\a.png"}, "leads out of the scene's folder"),
        ({"file_path": "images/link.png"}, "is a link that leads out"),
        ({"file_path": "images/link"}, "is a link that leads out"),
        ({"file_path": "images/\ud800.png"}, "names no file"),
        ({"file_path": "images/" + "x" * 300}, "File name too long|does not exist"),
        ({"file_path": "images/0.png"}, "listed more than once"),
        ({"depth_file_path": "../depth.png"}, "leads out of the scene's folder"),
        ({"depth_file_path": "images/link.png"}, "is a link that leads out"),
        ({"mask_path": "/tmp/mask.png"}, "leads out of the scene's folder"),
        ({"mask_path": 5}, "its mask_path is 5"),
        ({"depth_unit_scale_factor": -1}, "the unit of its depth is -1"),
    ],
)
def test_a_broken_entry_costs_that_view_and_says_why(folder, changes, reason):
    write_image(folder.parent / "outside.png")
    os.symlink(folder.parent / "outside.png", folder / "images" / "link.png")
    edit_transforms(folder, 1, **changes)
    scene = read(folder)
    assert [view.name for view in scene.views] == ["0", "2"]
    ((name, found),) = scene.left_out.items()
    assert name == changes.get("file_path", "images/1.png") or name == "frame 1"
    with pytest.raises(ViewError, match=reason):
        raise ViewError(found)


def test_entries_that_are_no_objects_are_named_by_number(folder):
    content = json.loads((folder / "transforms.json").read_text())
    content["frames"] += [None, "images/0.png"]
    (folder / "transforms.json").write_text(json.dumps(content))
    assert set(read(folder).left_out) == {"frame 3", "frame 4"}


def test_a_missing_depth_file_is_left_to_whoever_reads_depth(folder):
    """The view still has its picture and its camera, which other estimators use."""
    (folder / "depth" / "1.png").unlink()
    assert len(read(folder).views) == 3


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"dist_coeffs": [0, 0.1]}, r"transforms.json: the lens is distorted \(dist_coeffs = \[0, 0.1\]\)"),
        ({"camera_model": "EQUIRECTANGULAR"}, "camera model EQUIRECTANGULAR is not supported"),
        ({"frames": {}}, "has no list called frames"),
        ({"frames": None}, "has no list called frames"),
        ({"frames": []}, "has no usable image"),
        ({"camera_angle_x": 4.0, "fl_x": None}, "camera_angle_x is 4.0, expected an angle"),
        ({"fl_x": None}, "neither fl_x nor camera_angle_x"),
    ],
)
def test_a_file_that_cannot_be_used_costs_the_scene(folder, changes, reason):
    edit_transforms(folder, **changes)
    with pytest.raises(SceneError, match=reason):
        read(folder)


def test_distortion_of_zero_is_none(folder):
    edit_transforms(folder, camera_model="OPENCV", k1=0.0, k2=0, p1=0.0, p2=0.0, distortion_params=[0.0] * 6)
    assert all(isinstance(view.picture, PictureFile) for view in read(folder).views)


@pytest.mark.parametrize(
    ("keys", "model", "coefficients"),
    [
        ({"camera_model": "OPENCV", "k1": 0.1, "k2": 0.2, "p1": 0.3, "p2": 0.4}, "BROWN", (0.1, 0.2, 0, 0, 0.3, 0.4)),
        ({"k1": 0.1, "k3": 0.2, "k4": 0.3}, "BROWN", (0.1, 0, 0.2, 0.3, 0, 0)),
        ({"distortion_params": [1, 2, 3, 4, 5, 6]}, "BROWN", (1, 2, 3, 4, 5, 6)),
        ({"camera_model": "OPENCV_FISHEYE", "k1": 0.1, "k4": 0.4}, "OPENCV_FISHEYE", (0.1, 0, 0, 0.4)),
        ({"is_fisheye": True}, "OPENCV_FISHEYE", (0, 0, 0, 0)),
        (
            {"camera_model": "FULL_OPENCV", "k1": 1, "k2": 2, "k3": 3, "k4": 4, "k5": 5, "k6": 6, "p1": 7, "p2": 8},
            "FULL_OPENCV",
            (1, 2, 7, 8, 3, 4, 5, 6),
        ),
    ],
)
def test_lenses_are_read_as_nerfstudio_means_them(keys, model, coefficients):
    lens = lens_of({"fl_x": 70.0, "fl_y": 60.0, "cx": 33.0, "cy": 26.0, **keys}, (48, 64))
    assert (lens.model, lens.parameters, lens.hw) == (model, (70, 60, 33, 26, *coefficients), (48, 64))


@pytest.mark.parametrize("content", ["", "{", "[]", "not json", "[" * 100_000, "\udcff"])
def test_a_file_that_is_no_such_json_costs_the_scene(folder, content):
    (folder / "transforms.json").write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(SceneError, match=r"cannot be read as JSON|holds list, expected an object"):
        read(folder)


def test_an_oversized_file_is_not_read(folder, monkeypatch):
    monkeypatch.setattr("warpdata.files.bounded_json.MAX_JSON_BYTES", 100)
    with pytest.raises(SceneError, match="more than the 100 that are read"):
        read(folder)


def test_images_that_are_not_listed_are_not_views(folder):
    write_image(folder / "images" / "extra.png")
    assert [view.name for view in read(folder).views] == ["0", "1", "2"]


def test_a_shared_camera_needs_no_more_than_an_angle(tmp_path):
    """The file of a synthetic data set: one angle, paths without suffix, nothing else."""
    write_image(tmp_path / "s" / "train" / "r_0.png")
    camera = plane_camera(0)
    frames = [{"file_path": "./train/r_0", "transform_matrix": opengl_world_from_cam(camera)}]
    write_transforms(tmp_path / "s", frames, camera_angle_x=0.69)
    (view,) = read(tmp_path / "s").views
    assert view.name == "r_0"
    assert view.depth is None
    assert set(intrinsics_json(view.camera).values()) == {camera.hw[0], camera.hw[1], 35.0, 24.0, 35 / math.tan(0.345)}


def test_without_a_stated_size_a_turned_picture_is_refused(folder):
    """Its focal length and principal point may be for the stored pixels; where the size is stated, it tells."""
    exif = Image.Exif()
    exif[0x0112] = 6
    write_image(folder / "images" / "1.png", exif=exif)
    assert read(folder).left_out == {}
    edit_transforms(folder, w=None, h=None)
    scene = read(folder)
    assert [view.name for view in scene.views] == ["0", "2"]
    assert "orientation tag 6, and nothing tells which pixels its camera is for" in scene.left_out["images/1.png"]


def test_the_unit_of_depth_is_known_from_the_header(folder):
    for index, dtype in enumerate((np.uint16, np.float32)):
        np.save(folder / "depth" / f"{index}.npy", np.ones((4, 5), dtype))
        edit_transforms(folder, index, depth_file_path=f"depth/{index}.npy")
    assert [view.depth.unit for view in read(folder).views] == [0.001, 1.0, 0.001]
    edit_transforms(folder, applied_scale=0.5)
    assert [view.depth.unit for view in read(folder).views] == [0.0005, 0.5, 0.0005]
