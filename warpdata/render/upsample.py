"""Depth maps at the size of their image, without inventing points in mid-air."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor

from warpdata.geometry.maths.resample import SamplingGrid, resample_depth


def upsample_depth(
    depth: Float[Tensor, "*batch h w"], confidence: Float[Tensor, "*batch h w"] | None, hw: tuple[int, int]
) -> tuple[Float[Tensor, "*batch H W"], Float[Tensor, "*batch H W"] | None]:
    """Bring a depth map and its confidence to another size, by the rule of `warpdata.geometry.maths.resample`.

    Args:
        depth: z-depth; 0 and non-finite mean "no value".
        confidence: of the same pixels, or None.
        hw: height and width wanted, pixels.

    Returns:
        Depth and confidence (None without one) at `hw`, depth without a value being 0; the arguments themselves if
        they have that size.
    """
    source_hw = tuple(depth.shape[-2:])
    if source_hw == tuple(hw):
        return depth, confidence
    return resample_depth(depth, confidence, SamplingGrid.spanning(source_hw, hw))
