"""Depth maps at the size of their image, without inventing points in mid-air."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor

from warpdata.render.pyramid import sample_positions
from warpdata.render.scale import has_depth

DEPTH_EDGE = 0.05
"""Neighbours whose depths differ by more than this share lie on two surfaces, between which nothing is interpolated."""


def upsample_depth(
    depth: Float[Tensor, "*batch h w"], confidence: Float[Tensor, "*batch h w"] | None, hw: tuple[int, int]
) -> tuple[Float[Tensor, "*batch H W"], Float[Tensor, "*batch H W"] | None]:
    """Bring a depth map and its confidence to another size.

    Between four valid neighbours on one surface, inverse depth is interpolated bilinearly, which keeps planes plane,
    and so is confidence. Everywhere else, and everywhere when a side shrinks, both are the nearest texel's, so that
    no depth appears that lies between two surfaces, and no value where there was none.

    Args:
        depth: z-depth; 0 and non-finite mean "no value".
        confidence: of the same pixels, or None.
        hw: height and width wanted, pixels.

    Returns:
        Depth and confidence (None without one) at `hw`; the arguments themselves if they have that size.
    """
    h, w = depth.shape[-2:]
    if (h, w) == hw:
        return depth, confidence
    y0, y1, fy = sample_positions(hw[0], h, depth.device)
    x0, x1, fx = sample_positions(hw[1], w, depth.device)
    nearest_y, nearest_x = torch.where(fy < 0.5, y0, y1), torch.where(fx < 0.5, x0, x1)
    nearest_depth = take(depth, nearest_y, nearest_x)
    nearest_confidence = None if confidence is None else take(confidence, nearest_y, nearest_x)
    if h > hw[0] or w > hw[1]:
        return nearest_depth, nearest_confidence

    corners = torch.stack([take(depth, y, x) for y in (y0, y1) for x in (x0, x1)])
    smallest, largest = corners.amin(dim=0), corners.amax(dim=0)
    smooth = has_depth(corners).all(dim=0) & (largest <= smallest * (1 + DEPTH_EDGE))
    depth_between = 1 / bilinear((1 / corners).unbind(), fx, fy[:, None])
    depth = depth_between.where(smooth, nearest_depth)
    if confidence is None:
        return depth, None
    corners = [take(confidence, y, x) for y in (y0, y1) for x in (x0, x1)]
    return depth, bilinear(corners, fx, fy[:, None]).where(smooth, nearest_confidence)


def take(values: Float[Tensor, "*batch h w"], rows: Int[Tensor, "H"], columns: Int[Tensor, "W"]) -> Tensor:
    return values.index_select(-2, rows).index_select(-1, columns)


def bilinear(corners: list[Tensor] | tuple[Tensor, ...], fx: Tensor, fy: Tensor) -> Tensor:
    """Along x, then along y, each step a + (b - a) f; corners row by row."""
    top_left, top_right, bottom_left, bottom_right = corners
    top = top_left + (top_right - top_left) * fx
    bottom = bottom_left + (bottom_right - bottom_left) * fx
    return top + (bottom - top) * fy
