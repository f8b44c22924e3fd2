"""Geometry that scenes ship arrives as it is, and what cannot be used is named."""

import dataclasses
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from tests.scenes import (
    HW,
    edit_transforms,
    plane_camera,
    plane_depth,
    write_depth,
    write_image,
    write_photos,
    write_scene,
)
from warpdata.camera import unproject
from warpdata.config import SourceOptions
from warpdata.errors import GeometryError
from warpdata.geometry.given import GivenEstimator, read_frame
from warpdata.geometry.types import GIVEN_CONFIDENCE, ContentBox
from warpdata.sources import DepthFile, open_source


def geometry(folder):
    """Frames by name, and what was left out."""
    scene = open_source(SourceOptions(input_dir=folder)).scene(folder.name)
    result = GivenEstimator()(scene)
    return {frame.name: frame for frame in result.frames}, result.left_out


@pytest.fixture
def folder(tmp_path):
    write_scene(tmp_path / "s")
    return tmp_path / "s"


@pytest.mark.parametrize("suffix", [".png", ".npy", ".exr"])
def test_depth_and_cameras_are_the_shipped_ones(tmp_path, suffix):
    write_scene(tmp_path / "s", depth_suffix=suffix)
    frames, left_out = geometry(tmp_path / "s")
    assert list(frames) == ["0", "1", "2"]
    assert left_out == {}
    for index, frame in enumerate(frames.values()):
        camera = plane_camera(index)
        torch.testing.assert_close(frame.depth.double(), plane_depth(camera), rtol=0, atol=6e-4)
        assert (frame.confidence == GIVEN_CONFIDENCE).all()
        torch.testing.assert_close(frame.camera.K, camera.K)
        torch.testing.assert_close(frame.camera.cam_from_world, camera.cam_from_world)
        assert frame.camera.hw == frame.image_hw == HW
        assert frame.content_box == ContentBox(left=0.0, top=0.0, right=70.0, bottom=48.0)


def test_provenance_scale_and_order(folder):
    edit_transforms(folder, scale_type="metric")
    scene = open_source(SourceOptions(input_dir=folder)).scene("s")
    steps = []
    result = GivenEstimator()(scene, progress=lambda *step: steps.append(step))
    assert (result.scale, result.scene_id, result.provenance.estimator) == ("metric", "s", "given")
    assert result.provenance == GivenEstimator().provenance
    assert steps == []  # nothing is read before it is asked for
    assert [frame.name for frame in result.frames] == ["0", "1", "2"]
    assert steps == [("reading depth", k, 3) for k in (1, 2, 3)]


def test_depth_keeps_its_own_size_and_gets_its_own_camera(folder):
    """A map of half the size; its camera unprojects to the same plane."""
    half = plane_camera(0).mapped((0.5, 0.5), (0.0, 0.0), (24, 35))
    write_depth(folder / "depth" / "0.npy", plane_depth(half).numpy())
    edit_transforms(folder, 0, depth_file_path="depth/0.npy")
    frame = geometry(folder)[0]["0"]
    torch.testing.assert_close(frame.camera.K, half.K)
    assert (frame.camera.hw, frame.image_hw) == ((24, 35), HW)
    torch.testing.assert_close(frame.image_camera.K, plane_camera(0).K)
    torch.testing.assert_close(frame.depth.double(), plane_depth(frame.camera))


def test_holes_and_masks_are_without_depth(folder):
    depth = plane_depth(plane_camera(0)).numpy()
    depth[3, 4], depth[5, 6] = np.nan, np.inf
    write_depth(folder / "depth" / "0.exr", depth)
    mask = np.full((24, 35), 255, np.uint8)
    mask[10, 20] = 0
    write_image(folder / "masks" / "0.png", mask)
    edit_transforms(folder, 0, depth_file_path="depth/0.exr", mask_path="masks/0.png")
    frame = geometry(folder)[0]["0"]
    holes = torch.zeros(HW, dtype=torch.bool)
    holes[3, 4] = holes[5, 6] = True
    holes[20:22, 40:42] = True
    assert torch.equal(frame.depth == 0, holes)
    assert torch.equal(frame.confidence, torch.where(holes, 1.0, GIVEN_CONFIDENCE))


def test_a_resized_picture_is_used_with_a_rescaled_camera(folder):
    picture = Image.open(folder / "images" / "0.png")
    picture.resize((35, 24)).save(folder / "images" / "0.png")
    frame = geometry(folder)[0]["0"]
    assert frame.image_hw == (24, 35)
    torch.testing.assert_close(frame.camera.K, plane_camera(0).K)
    torch.testing.assert_close(frame.image_camera.K, plane_camera(0).mapped((0.5, 0.5), (0.0, 0.0), (24, 35)).K)


def remove_depth(folder):
    (folder / "depth" / "1.png").unlink()


def list_no_depth(folder):
    edit_transforms(folder, 1, depth_file_path=None)


def break_picture(folder):
    (folder / "images" / "1.png").write_bytes(b"\x89PNG\r\n\x1a\n")


def turn_picture(folder):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.open(folder / "images" / "1.png").save(folder / "images" / "1.png", exif=exif)


def turn_depth(folder):
    write_depth(folder / "depth" / "1.png", plane_depth(plane_camera(1)).numpy().T)


def lose_depth(folder):
    write_depth(folder / "depth" / "1.exr", np.full(HW, np.nan))
    edit_transforms(folder, 1, depth_file_path="depth/1.exr")


def turn_round(folder):
    exif = Image.Exif()
    exif[0x0112] = 3
    Image.open(folder / "images" / "1.png").save(folder / "images" / "1.png", exif=exif)


def turn_mask(folder):
    write_image(folder / "masks" / "1.png", np.full(HW[::-1], 255, np.uint8))
    edit_transforms(folder, 1, mask_path="masks/1.png")


def blacken_mask(folder):
    write_image(folder / "masks" / "1.png", np.zeros(HW, np.uint8))
    edit_transforms(folder, 1, mask_path="masks/1.png")


def mask_all_depth(folder):
    depth = plane_depth(plane_camera(1)).numpy()
    depth[:, 30:] = 0
    write_depth(folder / "depth" / "1.png", depth)
    mask = np.zeros(HW, np.uint8)
    mask[:, 40:] = 255
    write_image(folder / "masks" / "1.png", mask)
    edit_transforms(folder, 1, mask_path="masks/1.png")


def lose_mask(folder):
    edit_transforms(folder, 1, mask_path="masks/1.png")


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (remove_depth, "depth .*1.png does not exist"),
        (list_no_depth, "ships no depth"),
        (break_picture, "1.png cannot be read as a picture|is not a picture"),
        (turn_picture, "its camera is for a picture of 70x48 pixels, and .* is 48x70 upright"),
        (turn_depth, "is 48x70 pixels, another shape than its picture of 70x48"),
        (lose_depth, "depth .*1.exr holds no positive number"),
        (lose_mask, "masks/1.png does not exist"),
        (turn_round, "1.png has the orientation tag 3, and nothing tells which pixels its camera is for"),
        (turn_mask, "masks/1.png is 48x70 pixels, another shape than its picture of 70x48"),
        (blacken_mask, "masks/1.png is 0 everywhere"),
        (mask_all_depth, "masks/1.png leaves no pixel of depth .*1.png"),
    ],
)
def test_a_view_that_cannot_be_used_is_left_out_and_named(folder, damage, reason):
    damage(folder)
    frames, left_out = geometry(folder)
    assert list(frames) == ["0", "2"]
    assert list(left_out) == ["1"]
    with pytest.raises(GeometryError, match=reason):
        raise GeometryError(left_out["1"])


def test_a_scene_without_geometry_says_what_to_do(tmp_path):
    scene = open_source(SourceOptions(input_dir=write_photos(tmp_path / "s"))).scene("s")
    with pytest.raises(GeometryError, match=r"scene s ships no view .* add a transforms\.json .* another `geometry`"):
        GivenEstimator()(scene)
    camera_only = dataclasses.replace(scene.views[0], camera=plane_camera(0))
    with pytest.raises(GeometryError):
        GivenEstimator()(dataclasses.replace(scene, views=(camera_only,)))


def test_ray_lengths_become_planar_depth(folder):
    """Distances from the camera's centre to a known plane, as some renderers write them."""
    camera = plane_camera(1)
    points = unproject(plane_depth(camera), camera)
    lengths = (points - camera.world_from_cam[:3, 3]).norm(dim=-1)
    write_depth(folder / "depth" / "rays.npy", lengths.numpy())
    view = open_source(SourceOptions(input_dir=folder)).scene("s").views[1]
    rays = replace(view, depth=DepthFile(path=folder / "depth" / "rays.npy", measure="ray_length"))
    torch.testing.assert_close(read_frame(rays).depth, plane_depth(camera).float())


@pytest.mark.parametrize("dtype", [np.uint16, np.int32, ">u2", np.float32])
def test_whole_numbers_are_millimetres_in_npy_as_in_png(tmp_path, dtype):
    cameras = write_scene(tmp_path / "s", depth_suffix=".npy")
    for index, camera in enumerate(cameras):
        depth = plane_depth(camera).numpy()
        stored = depth if dtype is np.float32 else np.round(depth * 1000)
        np.save(tmp_path / "s" / "depth" / f"{index}.npy", stored.astype(dtype))
    for frame, camera in zip(geometry(tmp_path / "s")[0].values(), cameras, strict=True):
        torch.testing.assert_close(frame.depth.double(), plane_depth(camera), rtol=0, atol=6e-4)


def test_the_unit_that_is_stated_holds_for_whole_numbers_and_floats(tmp_path):
    write_scene(tmp_path / "s", depth_suffix=".npy", depth_unit_scale_factor=0.5)
    np.save(tmp_path / "s" / "depth" / "1.npy", np.full(HW, 6, np.uint16))
    frames, _ = geometry(tmp_path / "s")
    torch.testing.assert_close(frames["0"].depth.double(), plane_depth(plane_camera(0)) / 2)
    assert (frames["1"].depth == 3).all()


@pytest.mark.parametrize("factor", [1000.0, 0.001])
def test_depth_in_another_unit_than_the_cameras_is_warned_of(tmp_path, factor):
    write_scene(tmp_path / "s", depth_suffix=".npy", depth_unit_scale_factor=factor)
    result = GivenEstimator()(open_source(SourceOptions(input_dir=tmp_path / "s")).scene("s"))
    assert len(list(result.frames)) == 3
    (warning,) = result.report["warnings"]
    assert "are depth and poses in one unit?" in warning


def test_depth_in_the_cameras_unit_is_not(folder):
    result = GivenEstimator()(open_source(SourceOptions(input_dir=folder)).scene("s"))
    assert len(list(result.frames)) == 3
    assert result.report == {}
