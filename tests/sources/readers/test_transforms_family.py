"""nerfstudio's family: splits of NeRF-synthetic scenes, reduced copies as DL3DV ships them, names as they come."""

import json
import shutil

import numpy as np
import pytest
import torch

from tests.scenes import (
    HW,
    edit_transforms,
    intrinsics_json,
    opengl_world_from_cam,
    plane_camera,
    plane_depth,
    plane_picture,
    write_depth,
    write_image,
    write_scene,
    write_transforms,
)
from warpdata.config import SourceOptions
from warpdata.sources import open_source


def scene_of(folder):
    source = open_source(SourceOptions(input_dir=folder))
    (scene_id,) = source.scene_ids()
    return source.scene(scene_id)


def write_synthetic(folder, splits=("train", "val", "test"), count=2, angle=0.9):
    """Pictures without suffix in a folder a split, one focal length as an angle, renderings of depth beside."""
    for number, split in enumerate(splits):
        frames = []
        for k in range(count):
            camera = plane_camera(number * count + k)
            pixels = np.dstack([plane_picture(camera), np.full(camera.hw, 255, np.uint8)])
            pixels[0, 0] = (10, 20, 30, 0)
            write_image(folder / split / f"r_{k}.png", pixels)
            if split == "test":
                write_image(folder / split / f"r_{k}_depth_0001.png", pixels)
            frames.append({"file_path": f"./{split}/r_{k}", "transform_matrix": opengl_world_from_cam(camera)})
        text = json.dumps({"camera_angle_x": angle, "frames": frames})
        (folder / f"transforms_{split}.json").write_text(text)
    return folder


def test_splits_are_one_scene_with_tags(tmp_path):
    scene = scene_of(write_synthetic(tmp_path / "lego"))
    assert scene.source == "transforms"
    names = ["test_r_0", "test_r_1", "train_r_0", "train_r_1", "val_r_0", "val_r_1"]
    assert [view.name for view in scene.views] == names
    assert [view.tags for view in scene.views] == [(name.partition("_")[0],) for name in names]
    camera = scene.views[2].camera
    height, width = camera.hw
    assert camera.K[0, 0] == pytest.approx(width / 2 / np.tan(0.45)) == camera.K[1, 1]
    assert (camera.K[0, 2], camera.K[1, 2]) == (width / 2, height / 2)
    torch.testing.assert_close(camera.cam_from_world, plane_camera(0).cam_from_world, rtol=0, atol=1e-14)
    assert scene.views[2].picture.load()[:, 0, 0].tolist() == [255, 255, 255]  # laid on white
    assert all(view.depth is None for view in scene.views)
    (note,) = scene.notes
    assert "2 pictures in" in note
    assert "r_0_depth_0001.png" in note
    assert "hold no depth in scene units" in note


def test_a_picture_in_two_splits_is_one_view(tmp_path):
    write_synthetic(tmp_path / "s", ("train",))
    shutil.copy(tmp_path / "s" / "transforms_train.json", tmp_path / "s" / "transforms_val.json")
    scene = scene_of(tmp_path / "s")
    assert [(view.name, view.tags) for view in scene.views] == [("r_0", ("train", "val")), ("r_1", ("train", "val"))]
    text = (tmp_path / "s" / "transforms_val.json").read_text()
    moved = json.loads(text)
    moved["frames"][0]["transform_matrix"][0][3] += 1
    (tmp_path / "s" / "transforms_val.json").write_text(json.dumps(moved))
    scene = scene_of(tmp_path / "s")
    assert len(scene.views) == 2
    assert "two cameras, as train and as val; the first is used" in next(iter(scene.left_out.values()))


def test_lists_of_splits_become_tags(tmp_path):
    write_scene(tmp_path / "s", train_filenames=["./images/0.png", "images/2.png"], test_filenames=["images/1.png", 4])
    assert [view.tags for view in scene_of(tmp_path / "s").views] == [("train",), ("test",), ("train",)]


@pytest.mark.parametrize("factor", [4, 8])
def test_reduced_copies_stand_for_the_full_size(tmp_path, factor):
    """DL3DV: `images_8` for `images`, with the cameras of the full size and a `nerfstudio` folder of its own."""
    root = tmp_path / "in" / "1K" / "scene" / "nerfstudio"
    cameras = write_scene(root, hw=(96, 140))
    for k, camera in enumerate(cameras):
        edit_transforms(root, k, file_path=f"images/sub/{k}.png", depth_file_path=None)
        small = camera.resized((96 // factor, 140 // factor))
        write_image(root / f"images_{factor}" / "sub" / f"{k}.png", plane_picture(small))
        write_image(root / f"images_{factor}" / "keep.png", plane_picture(small))
    shutil.rmtree(root / "images")
    source = open_source(SourceOptions(input_dir=tmp_path / "in"))
    (scene_id,) = source.scene_ids()
    assert scene_id == "1K_scene"
    scene = source.scene(scene_id)
    assert len(scene.views) == 3
    assert not scene.left_out
    view = scene.views[1]
    found = view.camera_at(view.picture.hw())
    assert found.hw == (96 // factor, 140 // factor)
    torch.testing.assert_close(found.K, cameras[1].resized(found.hw).K)


def test_windows_separators_and_names_in_any_script(tmp_path):
    cameras = write_scene(tmp_path / "s")
    for k, name in enumerate(("été", "写真 1", "фото")):
        (tmp_path / "s" / "images" / f"{k}.png").rename(tmp_path / "s" / "images" / f"{name}.png")
        edit_transforms(tmp_path / "s", k, file_path=f"images\\{name}.png", **{"fl_x": 50.0 + k, "cx": 30.0 + k})
    scene = scene_of(tmp_path / "s")
    assert not scene.left_out
    assert sorted(view.camera.K[0, 0].item() for view in scene.views) == [50, 51, 52]
    assert all(view.camera.K[1, 1] == cameras[0].K[1, 1] for view in scene.views)


def test_polycam_as_ns_process_data_leaves_it(tmp_path):
    """Intrinsics a frame and none at the top, depth of LiDAR in millimetres and smaller than the pictures, points."""
    folder, frames = tmp_path / "room", []
    for k in range(3):
        camera = plane_camera(k)
        name = f"frame_{k + 1:05d}"
        write_image(folder / "images" / f"{name}.jpg", plane_picture(camera))
        write_image(folder / "images_2" / f"{name}.jpg", plane_picture(camera.resized((HW[0] // 2, HW[1] // 2))))
        write_depth(folder / "depth" / f"{name}.png", plane_depth(camera.resized((24, 35))).numpy())
        keys = intrinsics_json(camera) | {"fl_x": 60.0 + k}
        paths = {"file_path": f"./images/{name}.jpg", "depth_file_path": f"./depth/{name}.png"}
        frames.append(keys | paths | {"transform_matrix": opengl_world_from_cam(camera)})
    write_transforms(folder, frames, camera_model="OPENCV", orientation_override="none")
    scene = scene_of(folder)
    assert (scene.left_out, scene.notes) == ({}, ())
    assert [view.name for view in scene.views] == ["frame_00001", "frame_00002", "frame_00003"]
    for k, view in enumerate(scene.views):
        assert view.camera.K[0, 0] == 60 + k
        assert view.picture.path.parent.name == "images"
        torch.testing.assert_close(view.camera.cam_from_world, plane_camera(k).cam_from_world, rtol=0, atol=1e-14)
        expected = plane_depth(plane_camera(k).resized((24, 35))).float()
        torch.testing.assert_close(view.depth.load(), expected, rtol=0, atol=0.00051)


def test_record3d_as_ns_process_data_leaves_it(tmp_path):
    """One focal length for both axes, the principal point in the middle, a name for the lens that none else uses."""
    folder, frames = tmp_path / "room", []
    for k in range(3):
        write_image(folder / "images" / f"frame_{k:05d}.jpg", plane_picture(plane_camera(k)))
        pose = np.float32(opengl_world_from_cam(plane_camera(k))).tolist()
        frames.append({"file_path": f"images/frame_{k:05d}.jpg", "transform_matrix": pose})
    height, width = HW
    lens = {"fl_x": 61.5, "fl_y": 61.5, "cx": width / 2, "cy": height / 2, "w": width, "h": height}
    write_transforms(folder, frames, camera_model="PERSPECTIVE", **lens)
    scene = scene_of(folder)
    assert (scene.left_out, scene.notes) == ({}, ())
    for k, view in enumerate(scene.views):
        assert view.camera.K.tolist() == [[61.5, 0, width / 2], [0, 61.5, height / 2], [0, 0, 1]]
        torch.testing.assert_close(view.camera.cam_from_world, plane_camera(k).cam_from_world, rtol=0, atol=1e-6)


def test_a_scale_that_was_applied_shrank_poses_and_not_depth(tmp_path):
    """A point two metres before a camera is half a unit before it, where the poses were shrunk to a quarter."""
    write_scene(tmp_path / "s", applied_scale=0.25, applied_transform=[[0, 1, 0, 7], [1, 0, 0, 8], [0, 0, -1, 9]])
    scene = scene_of(tmp_path / "s")
    for k, view in enumerate(scene.views):
        torch.testing.assert_close(view.camera.cam_from_world, plane_camera(k).cam_from_world, rtol=0, atol=1e-14)
        torch.testing.assert_close(
            view.depth.load(), plane_depth(plane_camera(k)).float() / 4, rtol=0, atol=0.00051 / 4
        )


@pytest.mark.parametrize("key", ["file_path", "depth_file_path", "mask_path", "ply_file_path"])
def test_windows_separators_in_every_path(tmp_path, key):
    write_scene(tmp_path / "s")
    for k in range(3):
        write_image(tmp_path / "s" / "masks" / f"{k}.png", np.full(HW, 255, np.uint8))
        edit_transforms(tmp_path / "s", k, mask_path=f".\\masks\\{k}.png")
        edit_transforms(tmp_path / "s", k, file_path=f".\\images\\{k}.png", depth_file_path=f"depth\\{k}.png")
    write_image(tmp_path / "s" / "points" / "all.png").rename(tmp_path / "s" / "points" / "all.ply")
    edit_transforms(tmp_path / "s", ply_file_path="points\\all.ply")
    scene = scene_of(tmp_path / "s")
    assert (scene.left_out, scene.notes) == ({}, ())
    found = {
        "file_path": [view.picture.path for view in scene.views],
        "depth_file_path": [view.depth.path for view in scene.views],
        "mask_path": [view.mask.path for view in scene.views],
        "ply_file_path": [scene.points.path],
    }
    assert all(path.is_file() for path in found[key])
