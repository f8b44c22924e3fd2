"""Depth on another grid: planes stay planes, edges stay sharp, holes stay holes."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from warpdata.camera import pixel_centres
from warpdata.geometry.maths.resample import DEPTH_EDGE, SamplingGrid, resample_depth


def by_the_rule(depth, confidence, grid):
    """The same rule, pixel by pixel in numpy float32."""
    f32 = np.float32
    h, w = depth.shape
    out_depth, out_confidence = np.zeros(grid.hw, f32), np.zeros(grid.hw, f32)

    def axis(i, scale, offset, n):
        s = (f32(i) + f32(0.5)) * f32(scale) + f32(offset - 0.5)
        first = int(np.floor(s))
        clamp = lambda k: min(max(int(k), 0), n - 1)  # noqa: E731
        outside = s < f32(-0.5) or s > f32(n - 0.5)
        return clamp(first), clamp(first + 1), s - f32(first), clamp(np.floor(s + f32(0.5))), outside

    def lerp(values, weight_x, weight_y):
        (a, b), (c, d) = values
        top, bottom = a + (b - a) * weight_x, c + (d - c) * weight_x
        return top + (bottom - top) * weight_y

    for v in range(grid.hw[0]):
        y0, y1, fy, yn, outside_y = axis(v, grid.scale_xy[1], grid.offset_xy[1], h)
        for u in range(grid.hw[1]):
            x0, x1, fx, xn, outside_x = axis(u, grid.scale_xy[0], grid.offset_xy[0], w)
            if outside_x or outside_y:
                out_confidence[v, u] = 1
                continue
            valid = np.isfinite(depth) & (depth > 0)
            out_depth[v, u] = depth[yn, xn] if valid[yn, xn] else 0
            out_confidence[v, u] = confidence[yn, xn]
            corners = ((y0, x0), (y0, x1)), ((y1, x0), (y1, x1))
            four = [corner for row in corners for corner in row]
            if grid.reduces or grid.copies or not all(valid[corner] for corner in four):
                continue
            if max(depth[c] for c in four) <= min(depth[c] for c in four) * f32(1 + DEPTH_EDGE):
                pick = lambda values: [[values[c] for c in row] for row in corners]  # noqa: E731, B023
                out_depth[v, u] = f32(1) / lerp(pick(f32(1) / np.where(valid, depth, f32(1))), fx, fy)
                out_confidence[v, u] = lerp(pick(confidence), fx, fy)
    return out_depth, out_confidence


def random_depth(hw, seed):
    """Smooth depth with a jump, holes, NaN, infinity and negative values, and random confidence."""
    rng = np.random.default_rng(seed)
    depth = (2 + 0.05 * rng.random(hw)).astype(np.float32)
    depth[:, hw[1] // 2 :] += 1
    kind = rng.random(hw)
    for k, bad in enumerate((0, np.nan, np.inf, -1)):
        depth[(kind > 0.04 * k) & (kind < 0.04 * k + 0.04)] = bad
    return depth, (1 + rng.random(hw)).astype(np.float32)


@settings(max_examples=40, deadline=None)
@given(
    hw=st.tuples(st.integers(1, 7), st.integers(1, 7)),
    new_hw=st.tuples(st.integers(1, 11), st.integers(1, 11)),
    box=st.one_of(st.none(), st.tuples(*[st.floats(-2, 3)] * 2, *[st.floats(0.3, 1.4)] * 2)),
    seed=st.integers(0, 2**32 - 1),
)
def test_it_is_the_rule_bit_for_bit(hw, new_hw, box, seed):
    """Whole maps and shifted windows, enlarged and reduced, agree exactly with the scalar statement of the rule."""
    depth, confidence = random_depth(hw, seed)
    grid = SamplingGrid.spanning(hw, new_hw)
    if box is not None:
        grid = SamplingGrid(hw=new_hw, offset_xy=box[:2], scale_xy=box[2:])
    got_depth, got_confidence = resample_depth(torch.from_numpy(depth), torch.from_numpy(confidence), grid)
    want_depth, want_confidence = by_the_rule(depth, confidence, grid)
    np.testing.assert_array_equal(got_depth.numpy(), want_depth)
    np.testing.assert_array_equal(got_confidence.numpy(), want_confidence)


def test_the_same_grid_copies_every_bit(device):
    depth, confidence = (torch.from_numpy(a).to(device) for a in random_depth((5, 8), 1))
    new_depth, new_confidence = resample_depth(depth, confidence, SamplingGrid.spanning((5, 8), (5, 8)))
    assert torch.equal(new_depth, torch.where(torch.isfinite(depth) & (depth > 0), depth, 0))
    assert torch.equal(new_confidence, confidence)


def test_a_window_moved_by_whole_pixels_copies_and_is_empty_outside():
    depth = torch.arange(1.0, 13).reshape(3, 4)
    grid = SamplingGrid(hw=(2, 6), scale_xy=(1.0, 1.0), offset_xy=(-1.0, 1.0))
    new_depth, new_confidence = resample_depth(depth, torch.full((3, 4), 7.0), grid)
    assert new_depth.tolist() == [[0, 5, 6, 7, 8, 0], [0, 9, 10, 11, 12, 0]]
    assert new_confidence.tolist() == [[1, 7, 7, 7, 7, 1]] * 2


def test_planes_stay_planes(device):
    """The depth of a slanted plane, enlarged, is the depth of that plane at the new pixels (away from the border)."""
    normal, K_inverse_scale = torch.tensor([0.2, -0.15, 1.0], device=device), 1 / 30

    def plane(hw, span_hw):
        xy = pixel_centres(hw, device=device) * torch.tensor([span_hw[1] / hw[1], span_hw[0] / hw[0]], device=device)
        rays = torch.cat([(xy - 9) * K_inverse_scale, torch.ones_like(xy[..., :1])], dim=-1)
        return 3 / (rays @ normal)

    small, large = plane((12, 20), (12, 20)), plane((31, 47), (12, 20))
    enlarged, _ = resample_depth(small, None, SamplingGrid.spanning((12, 20), (31, 47)))
    torch.testing.assert_close(enlarged[2:-2, 2:-2], large[2:-2, 2:-2], rtol=1e-5, atol=0)


def test_no_value_lies_between_two_surfaces(device):
    """Enlarging a step edge and a hole makes no depth that was not there."""
    depth = torch.full((6, 6), 2.0, device=device)
    depth[:, 3:] = 5
    depth[4, 1] = 0
    enlarged, _ = resample_depth(depth, None, SamplingGrid.spanning((6, 6), (19, 25)))
    assert set(enlarged.unique().tolist()) == {0.0, 2.0, 5.0}


def test_reducing_takes_values_that_are_there():
    depth = torch.linspace(1, 2, 12 * 15).reshape(12, 15)
    reduced, _ = resample_depth(depth, None, SamplingGrid.spanning((12, 15), (5, 15)))
    assert torch.equal(reduced, depth[[1, 3, 6, 8, 10]])


def test_batches_are_their_members():
    members = [random_depth((4, 5), seed) for seed in range(6)]
    depth = torch.stack([torch.from_numpy(d) for d, _ in members]).reshape(2, 3, 4, 5)
    confidence = torch.stack([torch.from_numpy(c) for _, c in members]).reshape(2, 3, 4, 5)
    grid = SamplingGrid.spanning((4, 5), (9, 7))
    both = resample_depth(depth, confidence, grid)
    for k in range(6):
        alone = resample_depth(depth[k // 3, k % 3], confidence[k // 3, k % 3], grid)
        assert all(torch.equal(whole[k // 3, k % 3], one) for whole, one in zip(both, alone, strict=True))


@pytest.mark.parametrize("hw", [(1, 1), (1, 6), (6, 1)])
def test_the_smallest_maps_can_be_enlarged(hw):
    enlarged, _ = resample_depth(torch.full(hw, 3.0), None, SamplingGrid.spanning(hw, (7, 9)))
    torch.testing.assert_close(enlarged, torch.full((7, 9), 3.0))
