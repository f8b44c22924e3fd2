"""COLMAP's models as scenes: where they lie, what is read of them, hostile ones, and the way there and back."""

import os
import shutil
import struct
from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.scenes import (
    HW,
    PLANE_DISTANCE,
    PLANE_NORMAL,
    plane_camera,
    plane_colours,
    plane_depth,
    plane_picture,
    write_image,
)
from tests.sources.readers.colmap_scenes import plane_model, write_colmap_scene, write_mask, write_model
from warpdata.camera import Camera, pixel_centres, project
from warpdata.config import SourceOptions
from warpdata.errors import SceneError
from warpdata.formats.colmap import MODELS, ColmapCamera, encode_depth_map
from warpdata.formats.colmap.model import PANORAMA
from warpdata.lens import Lens
from warpdata.lens_models import LENS_MODELS
from warpdata.programs.materialize import main
from warpdata.sources import open_source
from warpdata.sources.undistorted import UndistortedPicture


def scene_of(folder, **options):
    source = open_source(SourceOptions(input_dir=folder, **options))
    (scene_id,) = source.scene_ids()
    return source.scene(scene_id)


def check_cameras(scene, indices=(0, 1, 2)):
    for index, view in zip(indices, scene.views, strict=True):
        camera = plane_camera(index)
        assert view.camera.hw == HW
        torch.testing.assert_close(view.camera.K, camera.K, rtol=0, atol=0)
        torch.testing.assert_close(view.camera.cam_from_world, camera.cam_from_world, rtol=0, atol=1e-14)


@pytest.mark.parametrize("kinds", [("binary",), ("text",), ("binary", "text")])
@pytest.mark.parametrize("model", ["sparse", "sparse/0", "colmap/sparse/0", "colmap", ""])
def test_models_are_found_where_colmap_and_others_leave_them(model, kinds, tmp_path):
    scene = scene_of(write_colmap_scene(tmp_path / "s", ("0.png", "1.png", "2.png"), *kinds, model=model))
    assert (scene.source, scene.scale, scene.license, scene.left_out, scene.notes) == (
        *("colmap", "arbitrary", None, {}, ()),
    )
    assert [view.name for view in scene.views] == ["0", "1", "2"]
    check_cameras(scene)


@pytest.mark.parametrize(
    ("pictures", "model"),
    [
        ("", "sparse/0"),
        ("input", "sparse/0"),
        ("images_4", "sparse/0"),
        ("sparse/0", "sparse/0"),
        ("images", "colmap/sparse/0"),
        ("colmap/images", "colmap/sparse/0"),
    ],
)
def test_pictures_are_found_where_most_of_the_names_are(pictures, model, tmp_path):
    scene = scene_of(write_colmap_scene(tmp_path / "s", pictures=pictures, model=model))
    assert len(scene.views) == 3
    check_cameras(scene)


def test_a_reduced_copy_has_a_camera_of_its_size(tmp_path):
    root = write_colmap_scene(tmp_path / "s")
    shutil.rmtree(root / "images")
    for index in range(3):
        write_image(root / "images_2" / f"{index}.png", np.zeros((HW[0] // 2, HW[1] // 2, 3), np.uint8))
    for index, view in enumerate(scene_of(root).views):
        camera = view.camera_at(view.picture.hw())
        torch.testing.assert_close(camera.K[:2], plane_camera(index).K[:2] / 2, rtol=1e-12, atol=0)


def test_names_may_have_folders_spaces_and_any_script(tmp_path):
    names = ("cam left/a b.png", "cam right/a b.png", "ü/日本.png")
    for kind in ("binary", "text"):
        scene = scene_of(write_colmap_scene(tmp_path / kind, names, kind))
        assert [view.name for view in scene.views] == ["cam_left_a_b", "cam_right_a_b", "____"]
        check_cameras(scene)


def test_the_model_with_most_pictures_is_used_and_the_others_are_named(tmp_path):
    root = write_colmap_scene(tmp_path / "s", model="sparse/10")
    write_model(root / "sparse" / "2", plane_model(["0.png"]))
    write_model(root / "sparse" / "3", plane_model(["0.png", "1.png"]), "text")
    (root / "sparse" / "2" / "cameras.bin").write_bytes(b"")
    scene = scene_of(root)
    assert len(scene.views) == 3
    assert "sparse/10 with 3 pictures; " in scene.notes[1].replace(os.sep, "/")
    assert "3 with 2 pictures is not" in scene.notes[1]
    assert "2 is not used" in scene.notes[0]
    assert "no whole COLMAP model" in scene.notes[0]


def test_binary_wins_over_text_and_a_difference_is_said(tmp_path):
    root = write_colmap_scene(tmp_path / "s")
    write_model(root / "sparse" / "0", plane_model(["0.png"]), "text")
    scene = scene_of(root)
    assert len(scene.views) == 3
    assert "a binary model of 3 pictures and a text model of 1: the binary one is used" in scene.notes[0]


def test_missing_and_unregistered_pictures_are_named(tmp_path):
    root = write_colmap_scene(tmp_path / "s")
    (root / "images" / "1.png").rename(root / "images" / "other.png")
    scene = scene_of(root)
    assert [view.name for view in scene.views] == ["0", "2"]
    assert "1.png does not exist" in scene.left_out["1.png"]
    (note,) = scene.notes
    assert "1 pictures in" in note
    assert "(other.png) are not in the model" in note


def test_masks_by_colmaps_name_and_by_stem(tmp_path):
    root = write_colmap_scene(tmp_path / "s", ("a/0.png", "a/1.png", "a/2.jpg"))
    write_mask(root / "masks" / "a" / "0.png.png")
    write_mask(root / "masks" / "a" / "2.png")
    scene = scene_of(root)
    left = torch.arange(HW[1]).expand(HW) < HW[1] // 2
    assert [view.mask is not None for view in scene.views] == [True, False, True]
    assert all(torch.equal(view.mask.load(), left) for view in scene.views if view.mask)
    assert scene.notes == (f"1 pictures (a/1.png) have no mask in {root / 'masks'}",)


def test_a_dense_workspace_has_depth(tmp_path):
    root = write_colmap_scene(tmp_path / "s", model="sparse", depth=True)
    folder = root / "stereo" / "depth_maps"
    (folder / "1.png.geometric.bin").rename(folder / "1.png.photometric.bin")
    reduced = plane_depth(plane_camera(2)).numpy()[::2, ::2].copy()
    reduced[0, 0], reduced[0, 1] = 0, np.nan
    (folder / "2.png.geometric.bin").write_bytes(encode_depth_map(reduced))
    (folder / "2.png.photometric.bin").write_bytes(encode_depth_map(reduced * 3))
    scene = scene_of(root)
    assert scene.ships_geometry
    for index in (0, 1):
        torch.testing.assert_close(
            scene.views[index].depth.load(), plane_depth(plane_camera(index)).float(), rtol=0, atol=0
        )
    depth = scene.views[2].depth.load()
    assert depth.shape == (HW[0] // 2, HW[1] // 2)
    assert depth[0, :2].tolist() == [0, 0]
    assert depth[0, 2].item() == pytest.approx(reduced[0, 2])


def test_dense_workspaces_beside_a_model_are_pointed_at(tmp_path):
    root = write_colmap_scene(tmp_path / "s")
    write_colmap_scene(root / "dense" / "0", model="sparse", depth=True)
    (note,) = scene_of(root).notes
    assert str(root / "dense" / "0") in note
    assert "give it as `input_dir`" in note


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("../outside.png", "leads out of the scene's folder"),
        ("images/../../outside.png", "leads out of the scene's folder"),
        ("/etc/passwd", "leads out of the scene's folder"),
        ("C:/x.png", "leads out of the scene's folder"),
        ("x" * 3000, ""),
        ("link.png", "is a link that leads out"),
        ("deep/../0.png", "is not plain"),
        ("", "names no file"),
    ],
)
def test_hostile_names_cost_their_view(name, reason, tmp_path):
    root = write_colmap_scene(tmp_path / "s")
    write_image(tmp_path / "outside.png")
    os.symlink(tmp_path / "outside.png", root / "images" / "link.png")
    write_model(root / "sparse" / "0", plane_model(["0.png", name, "2.png"]))
    scene = scene_of(root)
    assert [view.name for view in scene.views] == ["0", "2"]
    (found,) = scene.left_out.values()
    assert reason in found


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("12 nan 0 0 0 1 2 3 3 1.png", "quaternion"),
        ("12 0.5 0 0 0 1 2 3 3 1.png", "length 0.5"),
        ("12 0 0 0 0 1 2 3 3 1.png", "length 0"),
        ("12 1 0 0 0 1 inf 3 3 1.png", "not finite"),
        ("12 1 0 0 0 1 2 3 99 1.png", "camera 99, which the model lacks"),
        ("11 1 0 0 0 1 2 3 3 1.png", "number 11 is that of 0.png already"),
        ("12 1 0 0 0 1 2 3 3 0.png", "is that of image 11 too"),
        ("12 1 0 0 0 1 2 3 4 1.png", "focal lengths are -5"),
        ("12 1 0 0 0 1 2 3 7 1.png", "shows all directions"),
        ("12 1 0 0 0 1 2 3 5 1.png", "NaN or infinite"),
        ("12 1 0 0 0 1 2 3 6 1.png", "0x48 pixels"),
    ],
)
def test_what_cannot_be_costs_its_view(line, reason, tmp_path):
    root = write_colmap_scene(tmp_path / "s", ("0.png", "1.png", "2.png"), "text")
    model = root / "sparse" / "0"
    lines = (model / "images.txt").read_text().splitlines()
    lines[3] = line
    (model / "images.txt").write_text("\n".join(lines) + "\n")
    with (model / "cameras.txt").open("a") as file:
        file.write("4 PINHOLE 70 48 -5 5 35 24\n5 PINHOLE 70 48 nan 5 35 24\n6 PINHOLE 0 48 5 5 35 24\n")
        file.write("7 EQUIRECTANGULAR 70 35 70 35\n")
    scene = scene_of(root)
    assert [view.name for view in scene.views] == ["0", "2"]
    (found,) = scene.left_out.values()
    assert reason in found
    # Only the line that names another picture leaves 1.png outside the model.
    assert bool(scene.notes) == line.endswith("0.png")


def test_a_model_that_lies_about_its_counts_is_refused(tmp_path):
    root = write_colmap_scene(tmp_path / "s")
    path = root / "sparse" / "0" / "images.bin"
    path.write_bytes(struct.pack("<Q", 2**62) + path.read_bytes()[8:])
    with pytest.raises(SceneError, match="entries are promised"):
        scene_of(root)
    for bad in ("1 MAGIC 70 48 1 2 3 4\n", "1 PINHOLE 70 48 1 2 3\n", "1 PINHOLE\n", "1 PINHOLE 70 x 1 2 3 4\n"):
        root = write_colmap_scene(tmp_path / "t", ("0.png",), "text")
        (root / "sparse" / "0" / "cameras.txt").write_text(bad)
        with pytest.raises(SceneError, match="no COLMAP model can be read"):
            scene_of(root)


def test_text_without_the_second_line_of_each_image_is_refused(tmp_path):
    root = write_colmap_scene(tmp_path / "s", ("0.png", "1.png"), "text")
    path = root / "sparse" / "0" / "images.txt"
    path.write_text("\n".join(line for line in path.read_text().splitlines() if line) + "\n")
    with pytest.raises(SceneError, match="every image has two lines"):
        scene_of(root)


def test_a_model_behind_a_link_that_leads_out_is_refused(tmp_path):
    outside = write_model(tmp_path / "outside", plane_model(["0.png"]))
    root = write_colmap_scene(tmp_path / "s")
    shutil.rmtree(root / "sparse")
    os.symlink(outside, root / "sparse")
    with pytest.raises(SceneError, match="leads out of the scene's folder"):
        scene_of(root)


def test_points_behind_a_link_that_leads_out_are_not_used(tmp_path):
    root = write_colmap_scene(tmp_path / "s")
    path = root / "sparse" / "0" / "points3D.bin"
    os.symlink(path.rename(tmp_path / "outside.bin"), path)
    scene = scene_of(root)
    assert scene.points is None
    assert len(scene.views) == 3
    assert "its points are not used" in scene.notes[0]


def test_points_come_with_the_views_that_saw_them(tmp_path):
    pycolmap = pytest.importorskip("pycolmap", reason="the writer of COLMAP models is not installed")
    model = pycolmap.synthesize_dataset(synthetic(pycolmap, "PINHOLE"))
    loaded = {}
    for kind in ("binary", "text"):
        scene = scene_of(write_synthetic(model, tmp_path / kind, kind))
        loaded[kind] = points = scene.points.load()
        assert points.xyz.shape == (len(model.points3D), 3)
        for image in model.images.values():
            name = image.name.removesuffix(".png")
            expected = [model.points3D[p.point3D_id].xyz for p in image.points2D if p.has_point3D()]
            found = points.of_view(name).numpy()
            np.testing.assert_allclose(np.sort(found, axis=0), np.sort(expected, axis=0), rtol=1e-12)
            assert len(found) > 50
    torch.testing.assert_close(loaded["binary"].xyz, loaded["text"].xyz, rtol=0, atol=0)


def synthetic(pycolmap, model, *, rigs=False):
    options = pycolmap.SyntheticDatasetOptions()
    options.num_rigs, options.num_cameras_per_rig, options.num_frames_per_rig = 2, 2 if rigs else 1, 3
    options.sensor_from_rig_rotation_stddev, options.sensor_from_rig_translation_stddev = 5.0, 0.1
    camera = pycolmap.Camera.create_from_model_id(1, getattr(pycolmap.CameraModelId, model), 90.0, HW[1], HW[0])
    options.camera_model_id, options.camera_width, options.camera_height = camera.model, HW[1], HW[0]
    options.camera_params = list(camera.params)
    return options


def write_synthetic(model, root, kind):
    folder = root / "sparse" / "0"
    folder.mkdir(parents=True)
    (model.write_text if kind == "text" else model.write_binary)(str(folder))
    for image in model.images.values():
        write_image(root / "images" / image.name)
    return root


@pytest.mark.parametrize("rigs", [False, True], ids=["cameras", "rigs"])
@pytest.mark.parametrize("version", ["3.x", "4.x"])
@pytest.mark.parametrize("kind", ["binary", "text"])
def test_poses_are_those_of_pycolmap(kind, version, rigs, tmp_path):
    pycolmap = pytest.importorskip("pycolmap", reason="the writer of COLMAP models is not installed")
    model = pycolmap.synthesize_dataset(synthetic(pycolmap, "PINHOLE", rigs=rigs))
    root = write_synthetic(model, tmp_path / "s", kind)
    if version == "3.x":
        for path in [*root.glob("sparse/0/rigs.*"), *root.glob("sparse/0/frames.*")]:
            path.unlink()
    expected = {image.name.removesuffix(".png"): image for image in model.images.values()}
    scene = scene_of(root)
    assert {view.name for view in scene.views} == set(expected)
    for view in scene.views:
        image = expected[view.name]
        np.testing.assert_allclose(view.camera.cam_from_world[:3], image.cam_from_world().matrix(), atol=1e-9)
        np.testing.assert_allclose(view.camera.K, image.camera.calibration_matrix())


COEFFICIENTS = {
    "SIMPLE_RADIAL": [-0.05],
    "RADIAL": [-0.05, 0.01],
    "OPENCV": [-0.05, 0.01, 0.002, -0.003],
    "OPENCV_FISHEYE": [-0.02, 0.01, 0.001, -0.001],
    "FULL_OPENCV": [-0.05, 0.01, 0.002, -0.003, 0.01, 0.02, 0.01, 0.003],
    "FOV": [0.4],
    "SIMPLE_RADIAL_FISHEYE": [-0.02],
    "RADIAL_FISHEYE": [-0.02, 0.01],
    "THIN_PRISM_FISHEYE": [-0.02, 0.01, 0.002, -0.003, 0.001, 0.001, 0.002, -0.001],
    "RAD_TAN_THIN_PRISM_FISHEYE": [-0.02, 0.01, 0.001, 0.0, 0.0, 0.0, 0.002, -0.003, 0.001, 0.001, 0.002, -0.001],
    "SIMPLE_DIVISION": [-0.05],
    "DIVISION": [-0.05],
    "EUCM": [0.3, 1.1],
}
"""What follows the principal point in each model."""


@pytest.mark.parametrize("model", [name for name in MODELS if name != PANORAMA])
def test_a_point_is_where_pycolmap_sees_it_through_every_lens(model, tmp_path):
    pycolmap = pytest.importorskip("pycolmap", reason="the writer of COLMAP models is not installed")
    options = synthetic(pycolmap, model)
    focals = len(LENS_MODELS[model].focals)
    options.camera_params = [*[90.0, 86.0][:focals], 33.0, 25.5, *COEFFICIENTS.get(model, [])]
    reconstruction = pycolmap.synthesize_dataset(options)
    images = {image.name.removesuffix(".png"): image for image in reconstruction.images.values()}
    scene = scene_of(write_synthetic(reconstruction, tmp_path / "s", "binary"))
    assert len(scene.views) == 6
    for view in scene.views:
        image = images[view.name]
        xyz = np.array([reconstruction.points3D[p.point3D_id].xyz for p in image.points2D if p.has_point3D()])
        xy, depth = project(torch.from_numpy(xyz), view.camera)
        if isinstance(view.picture, UndistortedPicture):
            xy = torch.from_numpy(view.picture.lens.undistortion.distorted_xy(xy.numpy()))
        expected = np.array([image.project_point(point) for point in xyz])
        assert (depth > 0).all()
        np.testing.assert_allclose(xy, expected, atol=0.03)


def test_a_lens_is_undone_in_picture_mask_and_depth_alike(tmp_path):
    """As the plane is seen by the pinhole: the exact picture, the exact depth, and the half that the mask keeps."""
    lens = Lens(model="OPENCV", parameters=(77.0, 74.0, 33.0, 26.0, -0.12, 0.02, 0.002, -0.003), hw=HW)
    names = ("0.png", "1.png")
    model = plane_model(names)
    root = tmp_path / "s"
    write_model(root / "sparse" / "0", replace(model, cameras={3: ColmapCamera(lens.model, HW[::-1], lens.parameters)}))
    (root / "stereo" / "depth_maps").mkdir(parents=True)
    for index, name in enumerate(names):
        shown = Camera(K=lens.K, cam_from_world=plane_camera(index).cam_from_world, hw=HW)
        xy = distorted_pixels_as_pinhole(lens)
        depth, colours = plane_through(shown, xy)
        write_image(root / "images" / name, colours)
        (root / "stereo" / "depth_maps" / f"{name}.geometric.bin").write_bytes(encode_depth_map(depth))
    for view in scene_of(root).views:
        hw = view.picture.hw()
        assert view.camera.hw == hw == view.depth.load().shape
        torch.testing.assert_close(view.depth.load().double(), plane_depth(view.camera), rtol=2e-3, atol=0)
        difference = view.picture.load().permute(1, 2, 0).int() - torch.from_numpy(plane_picture(view.camera)).int()
        assert difference.abs().float().mean() < 2


def distorted_pixels_as_pinhole(lens):
    """(h, w, 2): where a pinhole of the lens's K shows what each of the lens's pixels shows; by iteration."""
    wanted = pixel_centres(lens.hw, dtype=torch.float64).numpy()
    focal, centre = np.array(lens.focal_xy), np.array(lens.centre_xy)
    rays = (wanted - centre) / focal
    for _ in range(50):
        rays += (wanted - lens.distort(rays)) / focal
    return torch.from_numpy(rays * focal + centre)


def plane_through(camera, xy):
    """Depth and colours of the plane at positions of a camera: those of the pinhole whose pixels they are."""
    rays = camera.rays(xy) @ camera.cam_from_world[:3, :3]
    centre = camera.world_from_cam[:3, 3]
    depth = (PLANE_DISTANCE - centre @ PLANE_NORMAL) / (rays @ PLANE_NORMAL)
    return depth.numpy(), plane_colours(centre + rays * depth[..., None])


def test_an_export_comes_back(tmp_path):
    """Cameras, depth and points as they were exported."""
    write_colmap_scene(tmp_path / "in" / "s", depth=True)
    out = tmp_path / "out"
    assert main(["--input-dir", str(tmp_path / "in"), "--output-dir", str(out), "--export-scenes", "colmap", "--quiet",
                 "--cache-dir", str(tmp_path / "cache")]) == 0  # fmt: skip
    first = scene_of(tmp_path / "in")
    again = scene_of(out / "scenes" / "colmap")
    assert [view.name for view in again.views] == [view.name for view in first.views]
    for view, before in zip(again.views, first.views, strict=True):
        hw = view.picture.hw()
        assert view.camera.hw == hw
        expected = before.camera.cam_from_world
        torch.testing.assert_close(view.camera.cam_from_world, expected, rtol=0, atol=1e-12)
        assert view.depth.load().shape == hw
    points = again.points.load()
    assert len(points.xyz) > 1000
    assert points.seen is None
    assert again.ships_geometry
