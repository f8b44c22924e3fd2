"""The definition's stages, by numbers worked by hand and by brute force."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.render.views import noise
from warpdata.config import RenderOptions
from warpdata.render.distance import squared_distance
from warpdata.render.fade import fade_and_round, fade_reach, fade_table
from warpdata.render.fill import fill_holes
from warpdata.render.pyramid import level_sizes, nearest_pyramid, sample_bilinear
from warpdata.render.splat import snapped_pixel
from warpdata.render.visibility import choose_level, direction_cosine, find_visible


def one_point_per_pixel(depth: torch.Tensor, focal: float = 4.0) -> torch.Tensor:
    """Positions (1, 3, H, W) of pixel centres at a depth, the principal point in the middle."""
    h, w = depth.shape
    y, x = torch.meshgrid(torch.arange(h) + 0.5 - h / 2, torch.arange(w) + 0.5 - w / 2, indexing="ij")
    return torch.stack([x * depth / focal, y * depth / focal, depth])[None]


def test_openness_of_a_5x5_picture_by_hand():
    """The middle point lies at depth 8, its eight neighbours at depth 1, focal length 4 pixels, finest level only.

    p = (0, 0, 8). Beside it q = (1/4, 0, 1): q - p = (1/4, 0, -7), so the cosine is (1/16 - 7) / (|q - p| |q|). At
    the corners q = (1/4, 1/4, 1): (1/8 - 7) / (...). The mean of 1 + cosine over four of each is 0.0572.
    """
    depth = torch.zeros(5, 5)
    depth[1:4, 1:4] = 1
    depth[2, 2] = 8
    beside = 1 + (1 / 16 - 7) / (math.sqrt(1 / 16 + 49) * math.sqrt(17 / 16))
    corner = 1 + (1 / 8 - 7) / (math.sqrt(1 / 8 + 49) * math.sqrt(18 / 16))
    expected = (beside + corner) / 2
    assert expected == pytest.approx(0.0572, abs=1e-4)
    no_level = torch.tensor([1e-9])
    for threshold, hidden in ((0.058, True), (0.056, False)):
        found = find_visible(one_point_per_pixel(depth), no_level, torch.tensor([False]), threshold)
        assert found.openness[0, 2, 2].item() == pytest.approx(expected, rel=1e-5)
        assert found.visible[0, 2, 2].item() != hidden
        assert not found.visible[0, 0].any()
        seen_from_its_centre = find_visible(one_point_per_pixel(depth), no_level, torch.tensor([True]), threshold)
        assert seen_from_its_centre.visible[0, 2, 2]


def test_the_level_grows_with_the_neighbourhood():
    """floor(log2(size) + 1/2), from 0 to 7, at depth 2 everywhere."""
    pyramid = nearest_pyramid(one_point_per_pixel(torch.full((128, 160), 2.0)), 8)
    for size in (0.1, 1.41, 1.42, 2.82, 2.83, 45.2, 45.3, 90, 91, 1e6):
        level = choose_level(pyramid, torch.tensor([2.0 * size]))
        assert (level == min(7, max(0, math.floor(math.log2(size) + 0.5)))).all(), size


def test_the_level_stops_at_the_last_there_is():
    level = find_visible(one_point_per_pixel(torch.ones(5, 9)), torch.tensor([1e6]), torch.tensor([False]), 0.1).level
    assert (level == 2).all()


def test_cosines_are_those_of_the_way_and_the_ray():
    p = torch.tensor([0.0, 0.0, 2.0]).reshape(1, 3, 1)
    q = torch.tensor([[0.0, 0, 1], [0, 0, 3], [1, 0, 1], [0, 0, 2]]).T[None]
    assert direction_cosine(p, q)[0].tolist() == pytest.approx([-1, 1, 0, 0])


def test_pyramids_drop_the_last_odd_row_and_column():
    assert level_sizes((5, 13)) == [(5, 13), (2, 6), (1, 3)]
    assert level_sizes((1, 9)) == [(1, 9)]
    assert level_sizes((64, 64), limit=3) == [(64, 64), (32, 32), (16, 16)]


def test_the_nearest_of_a_block_goes_up_the_first_among_equals():
    z = torch.tensor([[3.0, 2.0, 9.0], [2.0, 0.0, 9.0], [1.0, 1.0, 9.0]])
    x = torch.arange(9.0).reshape(3, 3)
    top = nearest_pyramid(torch.stack([x, x, z])[None], 8)[1]
    assert top.shape == (1, 3, 1, 1)
    assert top.flatten().tolist() == [1, 1, 2]


def test_sampling_maps_centres_to_centres():
    """Three texels from two: s = (i + 1/2) 2/3 - 1/2 = -1/6, 1/2, 7/6, beyond the edges the edge's."""
    row = sample_bilinear(torch.tensor([[0.0, 10.0]]), (1, 3))
    torch.testing.assert_close(row, torch.tensor([[0.0, 5.0, 10.0]]))


def test_holes_get_the_blend_of_their_surroundings():
    """2 x 4, two pixels visible. Second level: (1, 2) means 100 and 40; row two of level one samples it smoothly."""
    color = torch.zeros(1, 3, 2, 4, dtype=torch.uint8)
    visible = torch.zeros(1, 2, 4, dtype=torch.bool)
    color[0, :, 0, 0], color[0, :, 1, 3] = 100, 40
    visible[0, 0, 0] = visible[0, 1, 3] = True
    fill = fill_holes(color, visible)
    assert (fill[:, 3] == 1).all()
    torch.testing.assert_close(fill[0, 0, 1], torch.tensor([100.0, 85, 55, 40]))
    assert fill[0, 0, 0, 0] == 100


@given(st.integers(1, 9), st.integers(1, 9), st.integers(0, 12), st.integers(0, 99))
def test_the_distance_is_exact_within_reach(h, w, reach, seed):
    visible = noise((h, w), seed, 7) == 0
    rows, columns = torch.meshgrid(torch.arange(h), torch.arange(w), indexing="ij")
    pixels = torch.stack([rows, columns], dim=-1).reshape(-1, 1, 2)
    there = visible.nonzero()
    if len(there):
        brute = ((pixels - there) ** 2).sum(dim=-1).amin(dim=1).reshape(h, w)
    else:
        brute = torch.full((h, w), 10**6)
    found = squared_distance(visible[None], reach)[0]
    near = brute <= reach**2
    assert torch.equal(found[near].long(), brute[near])
    assert (found[~near] > reach**2).all()


def test_the_fade_ends_where_bytes_cannot_show_it():
    table = fade_table(20.0, (1000, 1000))
    assert table[0] == 1
    assert 255 * table[-1] >= 0.5 > 255 * math.exp(-len(table) / 400)
    assert fade_reach(table) == math.isqrt(len(table) - 1) == 49
    assert fade_reach(fade_table(20.0, (1000, 1000), compat=True)) == 47
    assert len(fade_table(20.0, (3, 5))) == 2 * 2 + 4 * 4 + 1
    assert fade_table(0.0, (9, 9)).tolist() == [1.0]


def test_bytes_are_rounded_and_cut_off_in_compat():
    fill = torch.tensor([100.6, 99.4, 255.0, 1.0]).reshape(1, 4, 1, 1)
    distance = torch.zeros(1, 1, 1, dtype=torch.int32)
    table = fade_table(1.0, (1, 1))
    assert fade_and_round(fill, distance, table, RenderOptions())[0].flatten().tolist() == [101, 99, 255]
    assert fade_and_round(fill, distance, table, RenderOptions(compat=True))[0].flatten().tolist() == [100, 99, 255]


def test_compat_gives_boundaries_to_the_pixel_before_and_snaps():
    """To 1/256 pixel, halves away from zero: 1 + 1/512 becomes 1 + 1/256, a hair less becomes 1."""
    positions = torch.tensor([1.0, 1 + 1 / 512, 1 + 1 / 513, 0.0, 1 / 512, 3 / 512, 4.0, 4.001, -0.1, math.nan])
    assert snapped_pixel(positions, 4).tolist() == [0, 1, 0, -1, -1, 0, 3, -1, -1, -1]
