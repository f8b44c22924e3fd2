"""The automatic neighbourhood size s0: the size of a pixel at the scene's median depth."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from warpdata.config import SEED_S0
from warpdata.geometry.maths.resample import has_depth
from warpdata.render.view import pixel_footprint


def estimate_s0(depth: Float[Tensor, "*batch h w"], K: Float[Tensor, "*#batch 3 3"]) -> Float[Tensor, "*batch"]:
    """The neighbourhood size that `s0="auto"` stands for, of each depth map.

    Args:
        depth: z-depth in scene units at the resolution points are made at; 0 and non-finite mean "no value".
        K: intrinsics in pixels of that resolution.

    Returns:
        Median depth times the diagonal of a pixel at depth 1, in scene units. The median of an even number of values
        is the mean of the middle two. A map without any value gives 0.005, which then does not matter.
    """
    footprint = pixel_footprint(K.to(device=depth.device, dtype=torch.float64)).float()
    flat = depth.flatten(-2)
    return s0_from_median(median_of_valid(flat, has_depth(flat)), footprint)


def median_of_valid(values: Float[Tensor, "*batch n"], valid: Bool[Tensor, "*batch n"]) -> Float[Tensor, "*batch"]:
    """Median over the valid entries of the last axis, 0 where there is none."""
    if values.shape[-1] == 0:
        return values.new_zeros(values.shape[:-1])
    ascending = values.where(valid, torch.inf).sort(dim=-1).values
    count = valid.sum(dim=-1, keepdim=True)
    lower = ascending.gather(-1, ((count - 1) // 2).clamp(min=0))
    upper = ascending.gather(-1, (count // 2).clamp(max=values.shape[-1] - 1))
    return ((lower + upper) * 0.5).where(count > 0, 0).squeeze(-1)


def s0_from_median(median: Float[Tensor, "*batch"], footprint: Float[Tensor, "*#batch"]) -> Float[Tensor, "*batch"]:
    """s0 from a median depth and the footprint of a pixel at depth 1; the fixed value where there is no depth."""
    return (median * footprint).where(median > 0, SEED_S0)
