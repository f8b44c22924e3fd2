"""The kernels that read depth at the size of the image give what `resample_depth` gives, bit for bit."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.render.views import noise
from warpdata.geometry.maths.resample import DEPTH_EDGE, SamplingGrid, has_depth, resample_depth
from warpdata.render import upsample_depth
from warpdata.render.cpu.picture import sampling
from warpdata.render.cpu.upsample import upsample

SIZES = st.tuples(st.integers(1, 12), st.integers(1, 12))


def rough(hw: tuple[int, int], seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Surfaces near the limit of being one, holes of every kind, and confidence."""
    depth = 2 + noise(hw, seed, 24).float() / 100
    kind = noise(hw, seed + 1, 19)
    for k, nothing in enumerate((0.0, -1.0, torch.nan, torch.inf)):
        depth[kind == k] = nothing
    return depth, 1 + noise(hw, seed + 2, 100).float() / 50


def by_numba(depth, confidence, hw):
    new_depth, new_confidence = np.empty(hw, np.float32), np.empty(hw, np.float32)
    rows, columns = sampling(hw[0], depth.shape[0]), sampling(hw[1], depth.shape[1])
    shrinks = depth.shape[0] > hw[0] or depth.shape[1] > hw[1]
    edge = np.float32(1 + DEPTH_EDGE)
    upsample(depth.numpy(), confidence.numpy(), rows, columns, edge, shrinks, new_depth, new_confidence, 0, hw[0])
    return torch.from_numpy(new_depth), torch.from_numpy(new_confidence)


def by_warp(depth, confidence, hw):
    warp_backend = pytest.importorskip("warpdata.render.warp_backend")
    from warpdata import gpu_kernel
    from warpdata.render.kernels.splat import list_depths

    out = torch.empty((1, hw[0] * hw[1]))
    interpolates = depth.shape[0] <= hw[0] and depth.shape[1] <= hw[1]
    gpu_kernel.Queue(torch.device("cpu")).launch(
        list_depths,
        (1, *hw),
        gpu_kernel.array(depth[None].contiguous()),
        gpu_kernel.array(confidence[None].contiguous()),
        warp_backend.ratio_yx(hw, tuple(depth.shape)),
        interpolates,
        hw[1],
        gpu_kernel.array(out),
    )
    return out.view(hw), None


@pytest.mark.parametrize("kernel", [by_numba, by_warp])
@given(hw=SIZES, new_hw=SIZES, seed=st.integers(0, 999))
def test_kernels_follow_the_rule(kernel, hw, new_hw, seed):
    """Where there is depth; what stands for "none" is their own affair."""
    if hw == new_hw:
        return
    depth, confidence = rough(hw, seed)
    expected, expected_confidence = resample_depth(depth, confidence, SamplingGrid.spanning(hw, new_hw))
    found, found_confidence = kernel(depth, confidence, new_hw)
    assert torch.equal(found.where(has_depth(found), 0), expected)
    if found_confidence is not None:
        assert torch.equal(found_confidence, expected_confidence)


@given(hw=SIZES, new_hw=SIZES, seed=st.integers(0, 999))
def test_the_renderer_takes_the_same_rule(hw, new_hw, seed):
    depth, confidence = rough(hw, seed)
    found = upsample_depth(depth, confidence, new_hw)
    expected = resample_depth(depth, confidence, SamplingGrid.spanning(hw, new_hw))
    assert torch.equal(found[0].where(has_depth(found[0]), 0), expected[0])
    assert torch.equal(found[1], expected[1])


def test_of_two_equally_near_texels_the_second_is_taken():
    """Reducing by two puts every new centre on a border."""
    reduced, _ = resample_depth(torch.tensor([[1.0, 2.0, 3.0, 4.0]]), None, SamplingGrid.spanning((1, 4), (1, 2)))
    assert reduced.tolist() == [[2.0, 4.0]]
