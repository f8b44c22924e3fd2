"""The shipped sample is what its maker says: exact depth, exact cameras, pictures that match them."""

from pathlib import Path

import pytest
import torch

from samples import make_sample
from warpdata.camera import invert_rigid, pixel_centres, project, unproject
from warpdata.config import SourceOptions
from warpdata.geometry.given import GivenEstimator
from warpdata.sources import open_source

SAMPLES = Path(make_sample.__file__).parent


@pytest.fixture(scope="module")
def scene():
    return open_source(SourceOptions(input_dir=SAMPLES)).scene("room")


@pytest.fixture(scope="module")
def frames(scene):
    return list(GivenEstimator()(scene).frames)


def test_it_is_one_small_scene_with_geometry(scene, frames):
    assert open_source(SourceOptions(input_dir=SAMPLES)).scene_ids() == ["room"]
    assert scene.ships_geometry
    assert (scene.scale, scene.license, scene.left_out) == ("metric", "CC0-1.0", {})
    assert len(frames) == len(scene.views) == make_sample.VIEWS >= 8
    assert {frame.image_hw for frame in frames} == {(480, 640)}
    assert sum(file.stat().st_size for file in SAMPLES.rglob("*") if file.is_file()) < 3_000_000


def test_cameras_are_lopsided_and_where_the_maker_put_them(frames):
    for index, frame in enumerate(frames):
        (fx, _, cx), (_, fy, cy), _ = frame.image_camera.K.tolist()
        assert (fx, fy, cx, cy) == (make_sample.FX, make_sample.FY, make_sample.CX, make_sample.CY)
        assert fx != fy
        assert cx != 320
        want = invert_rigid(make_sample.pose(index))
        torch.testing.assert_close(frame.camera.cam_from_world, want, rtol=0, atol=1e-10)


def test_depth_is_that_of_the_ray_through_each_pixels_centre(frames):
    """To half a millimetre, the rounding of the file, at 2000 pixels of each view."""
    generator = torch.Generator().manual_seed(0)
    centres = pixel_centres((480, 640), dtype=torch.float64).reshape(-1, 2)
    for index, frame in enumerate(frames):
        chosen = torch.randint(len(centres), (2000,), generator=generator)
        cast = make_sample.cast_depth(make_sample.pose(index), centres[chosen])
        torch.testing.assert_close(frame.depth.reshape(-1)[chosen].double(), cast, rtol=0, atol=5.1e-4)


def test_pictures_are_what_the_rays_see(scene):
    """A block of each picture, cast again: equal but for the loss of JPEG."""
    n = make_sample.RAYS_PER_SIDE
    for index in (0, 7):
        left, top, side = 300, 220, 24
        steps = (torch.arange(side * n, dtype=torch.float64) + 0.5) / n
        y, x = torch.meshgrid(top + steps, left + steps, indexing="ij")
        pose = make_sample.pose(index)
        directions = make_sample.rays(pose, x, y).reshape(-1, 3)
        light = make_sample.shade(pose[:3, 3].expand_as(directions), directions)
        cast = 255 * light.reshape(side, n, side, n, 3).mean(dim=(1, 3)).clamp(0, 1) ** (1 / 2.2)
        shipped = scene.views[index].picture.load()[:, top : top + side, left : left + side].permute(1, 2, 0)
        assert (shipped - cast).abs().mean() < 4


def test_consecutive_views_overlap_and_agree(scene, frames):
    """Points of a view, seen in the next: most are in the picture, at the depth and in the colour it has there."""
    for index in range(len(frames) - 1):
        first, second = frames[index], frames[index + 1]
        xy, z = project(unproject(first.depth.double(), first.camera).reshape(-1, 3), second.camera)
        inside = (xy > 0).all(dim=-1) & (xy[:, 0] < 640) & (xy[:, 1] < 480)
        column, row = xy[inside].long().unbind(-1)
        seen = (second.depth[row, column].double() / z[inside] - 1).abs() < 0.01
        assert 0.7 < seen.sum() / len(z) < 0.95
        colours = scene.views[index].picture.load().reshape(3, -1)[:, inside].float()
        there = scene.views[index + 1].picture.load()[:, row, column].float()
        assert (colours - there)[:, seen].abs().mean() < 12


def test_the_cameras_file_is_the_makers():
    assert (SAMPLES / "room" / "transforms.json").read_text(encoding="utf-8") == make_sample.transforms()
