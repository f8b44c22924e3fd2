"""Depth on a finer grid, guided by the picture: each pixel takes the depth of the neighbours that look like it.

A mean over all neighbours would hang points between two surfaces. The mode of their depths is found first, and then
the mean of those near it: silhouettes stay where the picture has them, and surfaces come out smooth, which the
renderer's hidden-point test needs. Shape letters: h and w the coarse size, H and W the fine one, t taps.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor

COLOUR_SCALE = 0.06
"""Difference in colour (0 to 1, root mean square of the channels) at which a neighbour's weight falls to 0.6."""

SURFACE_SCALE = 0.015
"""Relative difference in inverse depth at which a neighbour counts half: about the noise of one surface."""

MODE_ITERATIONS = 2


def joint_upsample(
    inverse_depth: Float[Tensor, "h w"],
    weight: Float[Tensor, "h w"],
    guide: Float[Tensor, "3 h w"],
    fine_guide: Float[Tensor, "3 H W"],
    *,
    radius: int,
) -> Float[Tensor, "H W"]:
    """Inverse depth at the size of `fine_guide`; at the same size it is an edge-preserving filter.

    Args:
        inverse_depth: positive everywhere.
        weight: how much each value is to be trusted, positive.
        guide: the picture at the coarse size, 0 to 1.
        fine_guide: the same picture at the size wanted.
        radius: neighbours up to this many coarse pixels away are used.
    """
    rows, columns = (
        nearest_index(fine, coarse, inverse_depth.device)
        for fine, coarse in zip(fine_guide.shape[1:], inverse_depth.shape, strict=True)
    )
    values, weights = [], []
    for y, x, spatial in taps(radius):
        take = [(rows + y).clamp(0, inverse_depth.shape[0] - 1), (columns + x).clamp(0, inverse_depth.shape[1] - 1)]
        colour = sum((at(plane, take) - fine).square_() for plane, fine in zip(guide, fine_guide, strict=True))
        likeness = colour.mul_(-1 / (3 * 2 * COLOUR_SCALE**2)).exp_()
        weights.append(likeness.mul_(at(weight, take)).mul_(spatial).add_(1e-9))
        values.append(at(inverse_depth, take))
    mode = strongest(values, weights, radius)
    for _ in range(MODE_ITERATIONS):
        total, total_weight = torch.zeros_like(mode), torch.zeros_like(mode)
        width = (SURFACE_SCALE * mode).square_().reciprocal_()
        for value, tap_weight in zip(values, weights, strict=True):
            near = tap_weight / (value - mode).square_().mul_(width).add_(1).square_()
            total.addcmul_(near, value)
            total_weight += near
        mode = total / total_weight
    return mode


def strongest(values: list[Tensor], weights: list[Tensor], radius: int) -> Float[Tensor, "H W"]:
    """Of the nine central taps' values, the one that the most weight agrees with."""
    side = 2 * radius + 1
    best, best_support = values[0], torch.zeros_like(values[0])
    for y in range(radius - 1, radius + 2):
        for x in range(radius - 1, radius + 2):
            candidate = values[y * side + x]
            width = (SURFACE_SCALE * candidate).square_().reciprocal_()
            support = torch.zeros_like(candidate)
            for value, weight in zip(values, weights, strict=True):
                support += weight / (value - candidate).square_().mul_(width).add_(1)
            better = support > best_support
            best, best_support = candidate.where(better, best), torch.maximum(support, best_support)
    return best


def taps(radius: int) -> list[tuple[int, int, float]]:
    """Offsets (rows, columns) of a window and their weights, a Gaussian that falls to 0.14 at the radius."""
    offsets = range(-radius, radius + 1)
    return [(y, x, math.exp(-2 * (y * y + x * x) / radius**2)) for y in offsets for x in offsets]


def nearest_index(fine: int, coarse: int, device: torch.device) -> Tensor:
    """Of each fine pixel along one side, the coarse pixel its centre lies in."""
    return ((torch.arange(fine, device=device) * 2 + 1) * coarse // (2 * fine)).clamp_max(coarse - 1)


def at(values: Float[Tensor, "h w"], index: list[Tensor]) -> Float[Tensor, "H W"]:
    return values.index_select(0, index[0]).index_select(1, index[1])
