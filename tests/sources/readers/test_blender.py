"""Folders of renders: Blender's own depth and cameras, folders of the original's layout, and what is refused."""

import json
import shutil

import numpy as np
import OpenEXR
import pytest
import torch

from tests.scenes import HW, plane_camera, plane_depth, plane_picture, write_image
from warpdata.camera import project, unproject
from warpdata.config import SourceOptions
from warpdata.errors import SceneError
from warpdata.sources import open_source


def write_matrix(path, matrix):
    path.write_text("\n".join(" ".join(f"{x:.17g}" for x in row) for row in np.asarray(matrix)) + "\n")


def write_depth_z(path, depth):
    with OpenEXR.File({"type": OpenEXR.scanlineimage}, {"Z": np.ascontiguousarray(depth, np.float32)}) as file:
        file.write(str(path))


def write_renders(folder, count=3):
    """Renders of the plane, with every file that belongs to a view; a mask without its left part."""
    mask = np.full(HW, 255, np.uint8)
    mask[:, :20] = 0
    for k in range(count):
        camera = plane_camera(k)
        write_image(folder / f"{k:03d}_render.png", plane_picture(camera))
        write_image(folder / f"{k:03d}_mask_0001.png", mask)
        write_depth_z(folder / f"{k:03d}_depth_0001.exr", plane_depth(camera).numpy())
        write_matrix(folder / f"{k:03d}_camera_extrinsics.txt", camera.cam_from_world[:3])
        write_matrix(folder / f"{k:03d}_camera_projection_matrix.txt", camera.K @ camera.cam_from_world[:3])
    write_matrix(folder / "camera_intrinsics.txt", plane_camera(0).K)
    return folder


def scene_of(folder):
    source = open_source(SourceOptions(input_dir=folder))
    (scene_id,) = source.scene_ids()
    return source.scene(scene_id)


def test_cameras_depth_and_masks_are_those_of_the_files(tmp_path):
    scene = scene_of(write_renders(tmp_path / "s"))
    assert (scene.source, scene.scale, scene.left_out, scene.notes) == ("blender", "arbitrary", {}, ())
    assert [view.name for view in scene.views] == ["000_render", "001_render", "002_render"]
    for k, view in enumerate(scene.views):
        torch.testing.assert_close(view.camera.K, plane_camera(k).K, rtol=0, atol=0)
        torch.testing.assert_close(view.camera.cam_from_world, plane_camera(k).cam_from_world, rtol=0, atol=0)
        torch.testing.assert_close(view.depth.load(), plane_depth(plane_camera(k)).float(), rtol=0, atol=0)
        assert not view.mask.load()[:, :20].any()
        assert view.mask.load()[:, 20:].all()


def test_blenders_own_depth_of_one_view_lies_on_the_surface_seen_by_another(shared, tmp_path):
    golden = shared / "sources" / "golden"
    cameras = json.loads((golden / "blender45.json").read_text())["views"]
    for k, camera in enumerate(cameras):
        shutil.copy(golden / f"blender45_{k:03d}.png", tmp_path / f"{k:03d}_render.png")
        shutil.copy(golden / f"blender45_{k:03d}.exr", tmp_path / f"{k:03d}_depth_0001.exr")
        write_matrix(tmp_path / f"{k:03d}_camera_extrinsics.txt", camera["cam_from_world"][:3])
    write_matrix(tmp_path / "camera_intrinsics.txt", cameras[0]["K"])
    views = [{"index": k, "K": camera["K"]} for k, camera in enumerate(cameras)]
    (tmp_path / "scene.json").write_text(json.dumps({"scale": "scene_units", "views": views}))

    first, second = scene_of(tmp_path).views
    depth = first.depth.load().double()
    assert (depth == 0).sum() == 1484
    points = unproject(depth, first.camera)[depth > 0]
    on_ground = points[:, 2].abs() < 5e-5
    assert on_ground.sum() >= 3371
    xy, z = project(points, second.camera)
    column, row = xy.floor().long().unbind(-1)
    height, width = second.camera.hw
    inside = (z > 0) & (column >= 0) & (column < width) & (row >= 0) & (row < height)
    seen = second.depth.load().double()[row[inside], column[inside]]
    off = ((z[inside] - seen).abs() / z[inside])[seen > 0]
    assert off.median() < 5e-3
    assert (off < 0.02).double().mean() > 0.85


def test_depth_of_the_original_is_no_depth(tmp_path):
    folder = write_renders(tmp_path / "s")
    for k in range(3):
        (folder / f"{k:03d}_depth_0001.exr").unlink()
        write_image(folder / f"{k:03d}_depth_0001.png", np.full(HW, 30_000, np.uint16))
    scene = scene_of(folder)
    assert all(view.depth is None and view.camera is not None for view in scene.views)
    assert scene.notes[0].startswith("depth of 3 renders, such as 000_depth_0001.png")


def test_scale_is_metric_where_the_record_says_so(tmp_path):
    folder = write_renders(tmp_path / "s")
    (folder / "scene.json").write_text(json.dumps({"scale": "metric", "views": []}))
    assert scene_of(folder).scale == "metric"


def test_an_incomplete_or_contradictory_view_costs_itself(tmp_path):
    folder = write_renders(tmp_path / "s", count=6)
    (folder / "000_camera_extrinsics.txt").unlink()
    projection = plane_camera(1).K @ plane_camera(1).cam_from_world[:3]
    projection[1, 3] += 3e-4 * projection[:, 3].abs().max()
    write_matrix(folder / "001_camera_projection_matrix.txt", projection)
    (folder / "002_camera_extrinsics.txt").write_text("1 0 0 0  0 1 0 0  0 0 1 __import__('os')")
    shutil.copy(folder / "003_depth_0001.exr", folder / "003_depth_0002.exr")
    outside = tmp_path / "outside.exr"
    shutil.move(folder / "004_depth_0001.exr", outside)
    (folder / "004_depth_0001.exr").symlink_to(outside)
    scene = scene_of(folder)
    assert [view.name for view in scene.views] == ["005_render"]
    reasons = [scene.left_out[f"00{k}_render.png"] for k in range(5)]
    for said, reason in zip(
        ("missing", "projection matrix", "could not convert", "remove", "link"), reasons, strict=True
    ):
        assert said in reason


@pytest.mark.parametrize("text", ["1 2 3", "nan 0 1 0 1 1 0 0 1", "0 " * 5000], ids=["short", "nan", "long"])
def test_broken_intrinsics_cost_the_scene(tmp_path, text):
    folder = write_renders(tmp_path / "s")
    (folder / "camera_intrinsics.txt").write_text(text)
    with pytest.raises(SceneError, match=r"camera_intrinsics\.txt"):
        scene_of(folder)


@pytest.mark.parametrize(
    "record",
    ['{"scale": "miles", "views": []}', '{"scale": [], "views": []}', "[", '{"scale": "metric", "views": [7]}'],
)
def test_a_record_that_is_none_costs_the_scene(tmp_path, record):
    folder = write_renders(tmp_path / "s")
    (folder / "scene.json").write_text(record)
    with pytest.raises(SceneError, match=r"scene\.json"):
        scene_of(folder)
