"""Splats that show nothing are found, whatever the reference has points for."""

from dataclasses import replace

import pytest
import torch

from tests.scenes import HW
from tests.triplets.planes import plane_pair
from warpdata.config import RenderOptions
from warpdata.triplets.empty import is_empty, share_with_points, why_empty
from warpdata.triplets.inputs import PairInputs, collate_inputs
from warpdata.triplets.render import render_triplets


def moved(pair: PairInputs, factor: float) -> PairInputs:
    """The target's position in another unit than depth."""
    pose = pair.target_camera.cam_from_world.clone()
    pose[:3, 3] *= factor
    return replace(pair, target_camera=replace(pair.target_camera, cam_from_world=pose))


def reason(pair: PairInputs, options: RenderOptions = RenderOptions()) -> str | None:
    return why_empty(render_triplets(pair, options), pair, options)


def test_an_ordinary_splat_is_not_empty():
    assert reason(plane_pair()) is None


def test_poses_in_another_unit_than_depth_are_named():
    assert reason(moved(plane_pair(), 1000)) == (
        "no point of the reference falls into the target (0.0% of it is seen): do poses and depth have one unit?"
    )


def test_a_reference_without_points_is_told_apart():
    pair = plane_pair()
    assert "the reference has no point" in reason(replace(pair, depth=torch.zeros(HW)))
    assert "`confidence_threshold`" in reason(pair, RenderOptions(confidence_threshold=9.0))


def small_object(pixels: int) -> PairInputs:
    """All but so many pixels of the reference are masked."""
    pair = plane_pair()
    depth = torch.zeros(HW)
    depth[20 : 20 + pixels, 30] = pair.depth[20 : 20 + pixels, 30]
    return replace(pair, depth=depth)


@pytest.mark.parametrize("pixels", [1, 4, 20])
def test_a_small_object_that_is_seen_is_not_empty(pixels):
    """A mask leaves less than a hundredth of the picture: what counts is that it is seen."""
    pair = small_object(pixels)
    triplet = render_triplets(pair, RenderOptions())
    assert triplet.scores["hole_fraction"] > 0.99
    assert share_with_points(pair, RenderOptions()).item() == pytest.approx(pixels / (HW[0] * HW[1]))
    assert reason(pair) is None
    assert "no point" in reason(moved(pair, 1000))


def test_a_few_stray_pixels_are_as_good_as_none():
    """A hundredth of the target is seen of a reference that is full."""
    pair = plane_pair()
    triplet = render_triplets(pair, RenderOptions())
    seen = replace(triplet, scores={**triplet.scores, "hole_fraction": 0.991})
    assert why_empty(seen, pair, RenderOptions()).startswith("hardly a point of the reference falls into the target")
    assert why_empty(replace(seen, scores={"hole_fraction": 0.98}), pair, RenderOptions()) is None


def test_a_batch_is_judged_item_by_item():
    pairs = [plane_pair(), moved(plane_pair(), 1000), small_object(4)]
    batch = collate_inputs(pairs)
    triplets = render_triplets(batch, RenderOptions())
    assert is_empty(triplets, batch, RenderOptions()).tolist() == [False, True, False]
