"""WAI's `scene_meta.json`: modalities, axes, hostile input, and the way there and back."""

import json

import numpy as np
import OpenEXR
import pytest
import torch

from tests.scenes import (
    HW,
    intrinsics_json,
    plane_camera,
    plane_depth,
    plane_picture,
    write_depth,
    write_image,
    write_scene,
)
from warpdata.config import SourceOptions
from warpdata.formats.exr import write_depth_exr
from warpdata.formats.wai import WaiFrame, scene_meta_text
from warpdata.programs.materialize import main
from warpdata.sources import open_source


def write_wai_scene(folder, count=3, **top):
    """A scene of the plane; picture and depth are found by modalities of unusual keys."""
    frames = []
    for k in range(count):
        camera = plane_camera(k)
        write_image(folder / "images" / f"f{k}.png", plane_picture(camera))
        write_depth(folder / "d" / f"f{k}.exr", plane_depth(camera).numpy())
        write_image(folder / "m" / f"f{k}.png", np.full(HW, 255 * (k != 1), np.uint8))
        frames.append(
            {
                "frame_name": f"f{k}",
                "file_path": f"images/f{k}.png",
                "image": f"images/f{k}.png",
                "gt": f"d/f{k}.exr",
                "valid": f"m/f{k}.png",
                "pred_depth": {"net": "nowhere.exr"},
                "transform_matrix": camera.world_from_cam.tolist(),
                **intrinsics_json(camera),
            }
        )
    modalities = {
        "image": {"frame_key": "image", "format": "image"},
        "depth": {"frame_key": "gt", "format": "depth"},
        "mask": {"frame_key": "valid", "format": "binary"},
        "pred_depth": {"net": {"frame_key": "pred_depth/net", "format": "depth"}},
    }
    meta = {"camera_model": "PINHOLE", "camera_convention": "opencv", "scale_type": "metric", "frames": frames}
    write_meta(folder, {**meta, "frame_modalities": modalities, "scene_modalities": {"mesh": {"path": "x"}}, **top})
    return folder


def write_meta(folder, meta):
    (folder / "scene_meta.json").write_text(json.dumps(meta))


def edit(folder, change):
    meta = json.loads((folder / "scene_meta.json").read_text())
    change(meta)
    write_meta(folder, meta)


def scene_of(folder, **options):
    source = open_source(SourceOptions(input_dir=folder, **options))
    (scene_id,) = source.scene_ids()
    return source.scene(scene_id)


def test_modalities_name_pictures_depth_and_masks(tmp_path):
    scene = scene_of(write_wai_scene(tmp_path / "s"))
    assert (scene.source, scene.scale, scene.left_out, scene.notes) == ("wai", "metric", {}, ())
    assert [view.name for view in scene.views] == ["f0", "f1", "f2"]
    for k, view in enumerate(scene.views):
        torch.testing.assert_close(view.camera.K, plane_camera(k).K, rtol=0, atol=0)
        torch.testing.assert_close(view.camera.cam_from_world, plane_camera(k).cam_from_world, rtol=0, atol=1e-14)
        torch.testing.assert_close(view.depth.load(), plane_depth(plane_camera(k)).float(), rtol=0, atol=0)
        assert view.mask.load().all() == (k != 1)


def test_depth_that_a_network_predicted_is_not_the_scenes_own(tmp_path):
    folder = write_wai_scene(tmp_path / "s")
    edit(folder, lambda meta: meta["frame_modalities"].pop("depth"))
    assert all(view.depth is None for view in scene_of(folder).views)


def test_modalities_of_the_specification(tmp_path):
    """Flattened matrices, `<modality>_path` where nothing says more, depth of a scan, methods that are none."""
    folder = write_wai_scene(tmp_path / "s")
    whole = json.loads((folder / "scene_meta.json").read_text())

    def change(meta):
        del meta["frame_modalities"]
        for frame in meta["frames"]:
            frame["transform_matrix"] = np.ravel(frame["transform_matrix"]).tolist()
            frame |= {"depth_path": frame.pop("gt"), "mask_path": frame.pop("valid")}

    edit(folder, change)
    for k, view in enumerate(scene_of(folder).views):
        torch.testing.assert_close(view.camera.cam_from_world, plane_camera(k).cam_from_world, rtol=0, atol=1e-14)
        assert view.depth is not None
        assert view.mask is not None
    for name, is_the_scenes_own in (("gt_depth", True), ("rendered_depth", True), ("mvs_depth", False)):
        write_meta(folder, {**whole, "frame_modalities": {name: {"frame_key": "gt", "format": "depth"}}})
        assert all((view.depth is not None) == is_the_scenes_own for view in scene_of(folder).views)
    methods = {"depth": {"net": {"frame_key": "gt", "format": "depth"}}}
    write_meta(folder, {**whole, "frame_modalities": methods})
    assert all(view.depth is None for view in scene_of(folder).views)


def test_pictures_before_their_lens_is_undone(tmp_path):
    """`scene_meta_distorted.json` is read where there is no other, and its lens is undone."""
    folder = write_wai_scene(tmp_path / "s")
    meta = json.loads((folder / "scene_meta.json").read_text())
    for frame in meta["frames"]:
        frame["image_distorted"] = frame.pop("image")
    modalities = {"image_distorted": {"frame_key": "image_distorted", "format": "image"}}
    meta |= {"camera_model": "OPENCV", "k1": 0.05, "frame_modalities": modalities}
    (folder / "scene_meta_distorted.json").write_text(json.dumps(meta))
    assert all(view.camera.K.equal(plane_camera(0).K) for view in scene_of(folder).views)
    (folder / "scene_meta.json").unlink()
    scene = scene_of(folder)
    assert (scene.source, len(scene.views)) == ("wai", 3)
    assert all(view.picture.hw() == view.camera.hw for view in scene.views)
    assert not scene.views[0].camera.K.equal(plane_camera(0).K)


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        ("transform_matrix", [[float("nan")] * 4] * 4, "last row of its transform_matrix"),
        ("transform_matrix", "x", "not a matrix of numbers"),
        ("fl_x", float("inf"), "fl_x is inf, expected a finite number"),
        ("w", -3, "are no image size"),
        ("k1", 0.1, ""),
        ("camera_convention", "blender", "camera_convention 'blender' is not known"),
        ("image", "../../etc/passwd", "leads out of the scene's folder"),
        ("image", 7, "its file_path is 7, expected a path"),
        ("gt", "/etc/passwd", "leads out of the scene's folder"),
        ("gt", ["d"], "expected a path"),
        ("valid", "..\\x.png", "leads out of the scene's folder"),
        ("frame_name", "f0", "is that of an earlier frame"),
        ("image", "images/f0.png", "listed more than once"),
    ],
)
def test_a_hostile_field_costs_its_frame(tmp_path, key, value, says):
    folder = write_wai_scene(tmp_path / "s")
    edit(folder, lambda meta: meta["frames"][1].update({key: value}))
    scene = scene_of(folder)
    if key == "k1":
        return  # a lens; refused or undone, see the tests of lenses
    assert [view.name for view in scene.views] == ["f0", "f2"]
    (reason,) = scene.left_out.values()
    assert says in reason


def test_what_is_exported_comes_back_and_is_exported_the_same(tmp_path):
    """Pictures are the same bytes after a second turn, depth within what the cache keeps, cameras within rounding."""
    cameras = write_scene(tmp_path / "in" / "room", depth_suffix=".npy", scale_type="metric", license="CC0")
    given = ["--geometry", "given", "--multiple", "2", "--export-scenes", "wai", "--quiet", "--max-megapixels", "0"]
    given += ["--cache-dir", str(tmp_path / "cache")]  # another one knows these files without their licence
    first, second = tmp_path / "first", tmp_path / "second"
    assert main(["--input-dir", str(tmp_path / "in"), "--output-dir", str(first), *given]) == 0
    exported = first / "scenes" / "wai" / "room"
    scene = scene_of(exported, source="wai")
    assert (scene.scale, scene.license) == ("metric", "CC0")
    for camera, view in zip(cameras, scene.views, strict=True):
        torch.testing.assert_close(view.camera.K, camera.K, rtol=0, atol=0)
        torch.testing.assert_close(view.camera.cam_from_world, camera.cam_from_world, rtol=0, atol=1e-14)
        assert torch.equal(view.picture.load().permute(1, 2, 0), torch.from_numpy(plane_picture(camera)))
        stored = OpenEXR.File(str(view.depth.path)).channels()["Y"].pixels
        np.testing.assert_array_equal(view.depth.load().numpy(), stored)
        torch.testing.assert_close(view.depth.load(), plane_depth(camera).float(), rtol=1e-4, atol=0)  # the cache's
    assert main(["--input-dir", str(exported), "--output-dir", str(second), "--source", "wai", *given]) == 0
    again = second / "scenes" / "wai" / "room"
    for path in (exported / "images").iterdir():
        assert path.read_bytes() == (again / "images" / path.name).read_bytes()
    for path in (exported / "depth").iterdir():
        one, other = (OpenEXR.File(str(root / "depth" / path.name)).channels() for root in (exported, again))
        np.testing.assert_allclose(one["Y"].pixels, other["Y"].pixels, rtol=1e-4)


def test_what_is_written_is_read_exactly(tmp_path):
    """Names, paths, cameras a frame and depth of every kind of number, to the last bit."""
    depth = np.array([[0, 1e-30, 1 / 3], [65504.25, 3e38, 2.0]], np.float32)
    frames = []
    for k in range(3):
        camera = plane_camera(k, (2, 3))
        write_image(tmp_path / "s" / "images" / f"f{k}.png", np.full((2, 3, 3), 90 + k, np.uint8))
        write_depth_exr(depth, tmp_path / "s" / "depth" / f"f{k}.exr")
        K = camera.K.numpy().copy()
        K[0, 0] += k / 3
        frames.append(
            WaiFrame(
                name=f"f{k}",
                image=f"images/f{k}.png",
                depth=f"depth/f{k}.exr" if k else None,
                K=K,
                world_from_cam=camera.world_from_cam.numpy(),
                hw=(2, 3),
            )
        )
    text = scene_meta_text("s", frames, scale="arbitrary", license="CC-BY-4.0")
    (tmp_path / "s" / "scene_meta.json").write_text(text)
    scene = scene_of(tmp_path / "s")
    assert (scene.scale, scene.license, scene.left_out, scene.notes) == ("arbitrary", "CC-BY-4.0", {}, ())
    assert scene.views[0].depth is None
    for frame, view in zip(frames, scene.views, strict=True):
        assert view.name == frame.name
        np.testing.assert_array_equal(view.camera.K.numpy(), frame.K)
        np.testing.assert_allclose(view.camera.world_from_cam.numpy(), frame.world_from_cam, rtol=0, atol=1e-15)
        assert view.depth is None or np.array_equal(view.depth.load().numpy(), depth)
