"""Between the planes: a short photometric search around each pixel's depth at the final resolution."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from warpdata.geometry.sfm.sweep import better_half_mean, correlation
from warpdata.geometry.sfm.types import StereoView

STEPS = 2
"""Depths tried on each side."""

PULL = 0.02
"""Cost of a step away from the depth the search begins with, so that flat windows stay where they are."""


def refine(
    inverse_depth: Float[Tensor, "H W"],
    reference: StereoView,
    sources: Sequence[StereoView],
    *,
    step: float,
    radius: int,
) -> tuple[Float[Tensor, "H W"], Float[Tensor, "H W"]]:
    """Better inverse depth, and the correlation there.

    Args:
        step: between tried inverse depths; about half a pixel in the source.
        radius: of the windows that are correlated, in pixels.
    """
    offsets = torch.arange(-STEPS, STEPS + 1, device=inverse_depth.device, dtype=torch.float32)
    tried = (inverse_depth + offsets[:, None, None] * step).clamp_min(1e-3 * step)
    score = better_half_mean((correlation(reference, s, tried, radius=radius) for s in sources), len(sources))
    cost = PULL * offsets.square()[:, None, None] - score
    best = cost.argmin(dim=0, keepdim=True)
    inner = best.clamp(1, 2 * STEPS - 1)
    before, here, after = (cost.gather(0, inner + shift) for shift in (-1, 0, 1))
    curvature = (before - 2 * here + after).clamp_min(1e-6)
    vertex = (0.5 * (before - after) / curvature).clamp(-0.5, 0.5)
    position = torch.where(best == inner, inner + vertex, best.to(vertex)) - STEPS
    return (inverse_depth + position[0] * step).clamp_min(1e-3 * step), score.gather(0, best)[0]
