"""Pixels beside silhouettes: which they are, by hand and by definition, and that they never become points."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.triplets.planes import plane_frame, plane_pair
from warpdata.config import FilterOptions, RenderOptions
from warpdata.geometry.estimators import ESTIMATORS, edge_threshold
from warpdata.geometry.filters.flying import beside_silhouettes


def flagged(row, threshold):
    return beside_silhouettes(torch.tensor([row], dtype=torch.float32), threshold).nonzero()[:, 1].tolist()


def test_the_pixels_beside_a_step():
    """Windows of columns 3 to 6 hold both sides, with means of 1.2, 1.4, 1.6 and 1.8."""
    step = [1.0] * 5 + [2.0] * 5
    assert flagged(step, 0.3) == [3, 4, 5, 6]
    assert flagged(step, 1 / 1.7) == [3, 4, 5]
    assert flagged(step, 0.8) == [3]
    assert flagged(step, 0.9) == []


def test_pixels_without_depth_are_in_no_window():
    assert flagged([1.0, 1, 0, 2, 2], 0.3) == [1, 3]
    assert flagged([1.0, 1, 0, 0, 0, 0, 2, 2], 0.3) == []
    assert flagged([1.0, float("nan"), float("inf"), -1.0, 1.0], 0.01) == []
    assert flagged([0.0] * 5, 0.1) == []


def by_definition(depth, threshold):
    found = np.zeros(depth.shape, bool)
    for y, x in np.ndindex(*depth.shape):
        window = depth[max(0, y - 2) : y + 3, max(0, x - 2) : x + 3]
        window = window[window > 0].astype(np.float64)
        if depth[y, x] > 0:
            found[y, x] = window.max() - window.min() > threshold * window.mean()
    return found


@pytest.mark.parametrize("hw", [(1, 1), (2, 9), (17, 23)])
@pytest.mark.parametrize("threshold", [0.1, 0.3, 1.0])
def test_any_map_is_flagged_as_defined(hw, threshold):
    torch.manual_seed(0)
    depth = torch.where(torch.rand(hw) < 0.1, 3.0, 1.0) * (1 + 0.05 * torch.rand(hw))
    depth[torch.rand(hw) < 0.2] = 0
    assert np.array_equal(beside_silhouettes(depth, threshold).numpy(), by_definition(depth.numpy(), threshold))


@pytest.mark.parametrize("unit", [2.0**-20, 2.0**10, 1000.0])
def test_the_unit_does_not_matter(unit):
    torch.manual_seed(0)
    depth = torch.where(torch.rand(30, 40) < 0.1, 3.0, 1.0)
    assert torch.equal(beside_silhouettes(depth * unit, 0.2), beside_silhouettes(depth, 0.2))


def test_a_slanted_surface_stays():
    assert not beside_silhouettes(plane_frame(0).depth, 0.05).any()


def test_flagged_pixels_never_become_points():
    frame = plane_frame(0)
    frame.depth[20:24, 30:50] *= 0.5
    kept = {
        threshold: plane_pair(frame=frame, filters=FilterOptions(edge_threshold=threshold)).depth
        for threshold in ("auto", "off", 0.1)
    }
    assert torch.equal(kept["auto"], frame.depth)
    assert torch.equal(kept["off"], frame.depth)
    dropped = beside_silhouettes(frame.depth, 0.1)
    assert 100 < dropped.sum() < 400
    assert torch.equal(kept[0.1], frame.depth.where(~dropped, 0))
    assert (frame.depth > 0).all()


def test_auto_is_off_for_exact_geometry_and_on_for_estimates():
    auto = FilterOptions()
    assert edge_threshold(auto, "given") is None
    assert edge_threshold(auto, "of a package that is gone") is None
    assert edge_threshold(auto, "vggt") == edge_threshold(auto, "vggt-omega") == ESTIMATORS["vggt"].edge_threshold > 0
    assert edge_threshold(auto, "sfm") is None  # views that contradict each other have taken away what flies
    assert edge_threshold(FilterOptions(edge_threshold="off"), "vggt") is None
    assert edge_threshold(FilterOptions(edge_threshold=0.5), "given") == 0.5


def test_data_sets_of_version_1_go_on_without_it():
    auto, number = FilterOptions(), FilterOptions(edge_threshold=0.1)
    assert auto.beside(RenderOptions(version=1)).edge_threshold == "off"
    assert auto.beside(RenderOptions(compat=True)).edge_threshold == "off"
    assert auto.beside(RenderOptions()) == auto
    assert number.beside(RenderOptions(version=1)) == number


@pytest.mark.parametrize("wrong", [0.0, -0.1, float("nan"), float("inf")])
def test_thresholds_are_positive(wrong):
    with pytest.raises(ValueError, match=r"`edge_threshold` is .*; it must be auto, off, or a positive number"):
        FilterOptions(edge_threshold=wrong)
