"""Semi-global aggregation: makes neighbouring pixels choose the same depth unless the picture has an edge there.

H. Hirschmüller, "Stereo Processing by Semiglobal Matching and Mutual Information", PAMI 2008, equation 13, along four
directions. Shape letters: d planes, h rows, w columns.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

SMALL_STEP_PENALTY = 0.05
"""P1: for going to a neighbouring plane."""

JUMP_PENALTY = 0.6
"""P2, for any greater jump, where the picture is flat ..."""

EDGE_DECAY = 12.0
"""... and how fast it falls with the step in luminance (0 to 1) between the two pixels: P2 exp(-decay step)."""


def aggregate(cost: Float[Tensor, "d h w"], luminance: Float[Tensor, "h w"]) -> Float[Tensor, "h w d"]:
    """Sum of the path costs from the left, the right, above and below.

    Args:
        cost: of each pixel on each plane.
        luminance: of the reference, 0 to 1.
    """
    by_row = cost.permute(1, 2, 0)
    total = _both_ways(by_row, luminance)
    total += _both_ways(by_row.transpose(0, 1), luminance.T).transpose(0, 1)
    return total


def _both_ways(cost: Float[Tensor, "n m d"], luminance: Float[Tensor, "n m"]) -> Float[Tensor, "n m d"]:
    """Path costs along the first axis, forwards plus backwards: the two run side by side."""
    step = luminance.diff(dim=0).abs()
    step = torch.stack([step, step.flip(0)], dim=1)
    jump = (JUMP_PENALTY * torch.exp(-EDGE_DECAY * step)).clamp_min(SMALL_STEP_PENALTY)[..., None]
    paths = torch.stack([cost, cost.flip(0)], dim=1)
    for line in range(1, len(cost)):
        before = paths[line - 1]
        least = before.amin(dim=-1, keepdim=True)
        best = torch.minimum(before, least + jump[line - 1])
        best[..., 1:] = torch.minimum(best[..., 1:], before[..., :-1] + SMALL_STEP_PENALTY)
        best[..., :-1] = torch.minimum(best[..., :-1], before[..., 1:] + SMALL_STEP_PENALTY)
        paths[line] += best.sub_(least)
    return paths[:, 0] + paths[:, 1].flip(0)


def winner(aggregated: Float[Tensor, "h w d"], inverse_depths: Float[Tensor, " d"]) -> Float[Tensor, "h w"]:
    """Inverse depth of least cost, between planes: the vertex of the parabola through the winner and its neighbours."""
    count = aggregated.shape[-1]
    best = aggregated.argmin(dim=-1, keepdim=True)
    inner = best.clamp(1, count - 2)
    before, at, after = (aggregated.gather(-1, inner + offset) for offset in (-1, 0, 1))
    curvature = before - 2 * at + after
    vertex = torch.where(curvature > 1e-6, 0.5 * (before - after) / curvature.clamp_min(1e-6), 0.0)
    position = torch.where(best == inner, inner + vertex.clamp(-0.5, 0.5), best.to(vertex))[..., 0]
    first, step = inverse_depths[0].item(), (inverse_depths[1] - inverse_depths[0]).item()
    return first + step * position
