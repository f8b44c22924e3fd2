"""Depth at the size of the image: planes stay planes, and nothing appears between two surfaces."""

import pytest
import torch

from tests.render.views import noise
from warpdata.camera import pixel_centres
from warpdata.render import upsample_depth

SIZES = [((7, 9), (14, 18)), ((7, 9), (15, 31)), ((1, 1), (3, 4)), ((5, 4), (5, 9))]


@pytest.mark.parametrize(("hw", "larger"), SIZES)
def test_planes_stay_planes(hw, larger):
    """Inverse depth of a plane is linear in the picture; exact but for the half texel along the edge."""

    def inverse_depth(size):
        x, y = (pixel_centres(size, dtype=torch.float64) / torch.tensor([size[1], size[0]])).unbind(-1)
        return 0.5 + 0.02 * x - 0.01 * y

    depth, confidence = upsample_depth((1 / inverse_depth(hw)).float(), None, larger)
    assert confidence is None
    inside = [slice(-(-n // (2 * m)), n - -(-n // (2 * m))) for m, n in zip(hw, larger, strict=True)]
    torch.testing.assert_close(
        1 / depth[tuple(inside)].double(), inverse_depth(larger)[tuple(inside)], rtol=1e-6, atol=0
    )


@pytest.mark.parametrize(("hw", "larger"), SIZES)
def test_no_depth_appears_between_two_surfaces(hw, larger):
    small = torch.where(noise(hw, 5, 2) == 0, 1.0, 3.0)
    depth, _ = upsample_depth(small, None, larger)
    assert torch.isin(depth, torch.tensor([1.0, 3.0])).all()


@pytest.mark.parametrize("nothing", [0.0, torch.nan, torch.inf, -1.0])
def test_missing_depth_neither_spreads_nor_is_filled(nothing):
    """A missing texel stays missing over its own area, and its neighbours reach up to it."""
    small = torch.full((5, 7), 2.0)
    small[2, 3] = nothing
    confidence = torch.full((5, 7), 1.5)
    confidence[2, 3] = 9.0
    depth, upsampled = upsample_depth(small, confidence, (10, 14))
    missing = torch.zeros(10, 14, dtype=torch.bool)
    missing[4:6, 6:8] = True
    assert (depth[~missing] == 2).all()
    assert (depth[missing] == 0).all()
    assert (upsampled[~missing] == 1.5).all()
    assert (upsampled[missing] == 9).all()


def test_confidence_is_smooth_on_a_surface_and_nearest_at_its_edge():
    depth = torch.tensor([[2.0, 2.0, 9.0]])
    _, confidence = upsample_depth(depth, torch.tensor([[1.0, 3.0, 5.0]]), (1, 6))
    assert confidence.tolist() == [[1.0, 1.5, 2.5, 3.0, 5.0, 5.0]]


def test_the_border_between_surface_and_silhouette_is_five_percent():
    smooth, _ = upsample_depth(torch.tensor([[1.0, 1.0499]]), None, (1, 4))
    assert 1 < smooth[0, 1] < smooth[0, 2] < 1.0499
    sharp, _ = upsample_depth(torch.tensor([[1.0, 1.0501]]), None, (1, 4))
    assert sharp[0, 1] == 1


def test_a_larger_map_is_reduced_to_nearest_texels():
    depth = torch.arange(1.0, 13).reshape(3, 4)
    smaller, _ = upsample_depth(depth, None, (3, 2))
    assert smaller.tolist() == [[2.0, 4.0], [6.0, 8.0], [10.0, 12.0]]
    assert upsample_depth(depth, None, (1, 8))[0].shape == (1, 8)


def test_a_map_of_the_right_size_is_returned_as_it_is():
    depth = torch.rand(2, 3, 4)
    assert upsample_depth(depth, None, (3, 4))[0] is depth
