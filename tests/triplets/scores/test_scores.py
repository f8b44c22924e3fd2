"""Scores: their definitions by hand, and the loops for the CPU against them."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from tests.triplets.planes import plane_pair
from warpdata.camera import Camera
from warpdata.config import RenderOptions
from warpdata.config.quality import SCORES
from warpdata.triplets.inputs import collate_inputs
from warpdata.triplets.render import render_triplets
from warpdata.triplets.scores import CHANNELS
from warpdata.triplets.scores.motion import baseline, rotation_deg
from warpdata.triplets.scores.pictures import (
    compare,
    define_comparison,
    define_laplacian,
    kernels,
    sharpness,
)
from warpdata.triplets.scores.points import between_surfaces, count_points, flying_fraction

SIZES = [(1, 1), (3, 3), (5, 4), (70, 33), (201, 64)]


def random_picture(hw, seed=0):
    return torch.randint(0, 256, (3, *hw), generator=torch.Generator().manual_seed(seed), dtype=torch.uint8)


@pytest.mark.parametrize("hw", SIZES)
def test_differences_are_summed_as_defined(hw):
    pictures = [torch.stack([random_picture(hw, seed) for seed in seeds]) for seeds in ((0, 1, 2), (3, 4, 5))]
    shown = torch.stack([random_picture(hw, 6)[:1] < 128, torch.ones(1, *hw).bool(), torch.zeros(1, *hw).bool()])
    found, defined = compare(*pictures, shown), define_comparison(*pictures, shown)
    for name in ("seen", "difference", "square"):
        assert torch.equal(getattr(found, name), getattr(defined, name))


def test_the_largest_differences_of_a_wide_picture_fit():
    white, black = (torch.full((1, 3, 2, 40000), level, dtype=torch.uint8) for level in (255, 0))
    found = compare(black, white, torch.ones(1, 1, 2, 40000, dtype=torch.bool))
    assert found.square.tolist() == [[80000 * 255**2] * 3]
    assert compare(white, black, torch.ones(1, 1, 2, 40000, dtype=torch.bool)).difference.tolist() == [
        [-80000 * 255] * 3
    ]


@pytest.mark.parametrize("hw", SIZES[1:])
def test_laplacians_are_summed_as_defined(hw):
    picture = random_picture(hw)
    assert kernels.laplacian(picture.numpy()).tolist() == define_laplacian(picture).tolist()


def test_sharpness_of_a_lone_white_pixel():
    """Its Laplacian is 4 x 255, that of its four neighbours -255: over 4 x 4 inner pixels, mean 0."""
    picture = torch.zeros(1, 3, 6, 6, dtype=torch.uint8)
    picture[..., 2, 3] = 255
    assert sharpness(picture, [(0, 0, 6, 6)]).item() == (16 + 4) * 255**2 / 16
    picture[:, 1:] = 0  # red alone is a quarter of luminance
    assert sharpness(picture, [(0, 0, 6, 6)]).item() == (16 + 4) * 255**2 / 16 / 16


def test_borders_do_not_make_a_picture_sharp():
    flat = torch.full((1, 3, 20, 30), 255, dtype=torch.uint8)
    flat[..., 4:16, :] = 100
    assert sharpness(flat, [(0, 4, 30, 16)]).item() == 0
    assert sharpness(flat, [(0, 0, 30, 20)]).item() > 0
    assert sharpness(flat, [(0, 0, 30, 2)]).item() == 0


def between(depth, confidence=None):
    """Flags of a depth map all of whose pixels are points."""
    depth = torch.tensor(depth, dtype=torch.float32)
    return between_surfaces(depth, depth > 0).int().tolist()


def test_a_point_between_two_surfaces_flies():
    row = [1.0, 1.0, 1.0, 1.5, 2.0, 2.0, 2.0]
    assert between([row] * 2) == [[0, 0, 0, 1, 0, 0, 0]] * 2
    assert between([[1.0, 1.0, 1.2, 2.0, 2.0]]) == [[0] * 5]  # on the near one, within a quarter of their distance
    assert between([[1.0, 1.0, 1.3, 2.0, 2.0]]) == [[0, 0, 1, 0, 0]]
    assert between([[1.0, 1.0, 1.0, 2.0, 2.0]]) == [[0] * 5]  # a clean edge
    assert between([[1.0, 1.02, 1.04, 1.06, 1.08]]) == [[0] * 5]  # a slanted surface
    assert between([[1.0, 0.0, 1.5, 0.0, 2.0]]) == [[0, 0, 1, 0, 0]]  # pixels without depth are not there
    assert between([[1.0, 0.0, 0.0, 1.5, 0.0, 0.0, 2.0]]) == [[0] * 7]  # out of the window


@pytest.mark.parametrize("hw", SIZES)
def test_flying_points_are_counted_as_defined(hw):
    torch.manual_seed(0)
    depth = 1 + torch.randint(0, 5, hw) * 0.07
    depth[torch.rand(hw) < 0.1] = 0
    depth[torch.rand(hw) < 0.02] = torch.nan
    depth[torch.rand(hw) < 0.02] = torch.inf
    confidence = torch.where(torch.rand(hw) < 0.2, 1.0, 2.0)
    confidence[torch.rand(hw) < 0.02] = torch.nan
    points = depth.isfinite() & (depth > 0) & (confidence >= 1.01)
    expected = [int(points.sum()), int(between_surfaces(depth, points).sum())]
    assert count_points(depth, confidence, 1.01).tolist() == expected
    assert hw[0] < 70 or expected[1] > 20


def test_no_point_no_flying_fraction():
    assert flying_fraction(torch.zeros(2, 4, 5), torch.ones(2, 4, 5), 1.0).tolist() == [0, 0]


def turned(degrees, axis=1):
    angle = math.radians(degrees)
    pose = torch.eye(4, dtype=torch.float64)
    i, j = [other for other in range(3) if other != axis]
    pose[i, i] = pose[j, j] = math.cos(angle)
    pose[i, j], pose[j, i] = math.sin(angle), -math.sin(angle)
    return Camera(K=torch.eye(3, dtype=torch.float64), cam_from_world=pose, hw=(4, 4))


@pytest.mark.parametrize("degrees", [0, 1e-5, 1, 90, 179.9999, 180])
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_the_angle_between_cameras(degrees, axis):
    first = turned(33, axis=2)
    second = replace(first, cam_from_world=turned(degrees, axis).cam_from_world @ first.cam_from_world)
    assert rotation_deg(first, second).item() == pytest.approx(degrees, abs=1e-7, rel=1e-6)


def test_the_baseline_is_in_median_depths_whatever_the_unit():
    pair = plane_pair(0, 2)
    centres = [camera.world_from_cam[:3, 3] for camera in (pair.reference_camera, pair.target_camera)]
    expected = (centres[0] - centres[1]).norm() / pair.depth.median()
    assert baseline(pair, 1.01).item() == pytest.approx(expected.item(), rel=1e-5)
    in_millimetres = {
        name: replace(camera, cam_from_world=camera.cam_from_world * torch.tensor([1.0, 1, 1, 1000]).double())
        for name, camera in (("reference_camera", pair.reference_camera), ("target_camera", pair.target_camera))
    }
    assert baseline(replace(pair, depth=pair.depth * 1000, **in_millimetres), 1.01).item() == pytest.approx(
        expected.item(), rel=1e-5
    )
    assert baseline(replace(pair, depth=pair.depth * 0), 1.01).item() == 0


def test_every_score_is_there_for_one_and_for_a_batch():
    pairs = [plane_pair(0, 1), plane_pair(1, 0)]
    batch = render_triplets(collate_inputs(pairs), RenderOptions())
    assert list(batch.scores) == list(SCORES)
    assert all(value.shape == (2,) and value.dtype == torch.float32 for value in batch.scores.values())
    for index, pair in enumerate(pairs):
        alone = render_triplets(pair, RenderOptions()).scores
        assert {name: value[index].item() for name, value in batch.scores.items()} == alone
        assert alone["rotation_deg"] == pytest.approx(math.degrees(0.02))
        assert alone["flying_fraction"] == 0


def test_exposure_gaps_are_of_the_channels_where_points_are_seen():
    pair = plane_pair(0, 0)
    brighter = pair.target.clone().clamp(max=200)
    brighter[0] += 10
    pair = replace(
        pair, reference=pair.reference.clamp(max=200), point_image=pair.reference.clamp(max=200), target=brighter
    )
    scores = render_triplets(pair, RenderOptions()).scores
    gaps = [scores[f"exposure_gap_{name}"] for name in CHANNELS]
    assert gaps == pytest.approx([10 / 255, 0, 0])
    assert scores["exposure_gap"] == pytest.approx(10 / 255 / 3)
    assert scores["psnr"] == pytest.approx(10 * math.log10(255**2 / (100 / 3)), abs=1e-4)
