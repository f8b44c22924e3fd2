"""Scores of the reference's points: which hang in the air between two surfaces.

A depth map that was interpolated across a silhouette, or that a network drew softly, has a few pixels there whose depth
is that of neither side.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from warpdata.geometry.maths.resample import has_depth
from warpdata.render.splat import is_confident
from warpdata.triplets.scores import kernels

WINDOW = 5
"""Side of the window in which a point's surroundings are looked at, in pixels of the depth map; `kernels` has it built
in."""

RANGE = 0.1
"""Depths of a window that differ by more than this part of the nearest one are those of two surfaces."""

MARGIN = 0.25
"""A point is on one of them when it is within this part of their distance from it, and else hangs between them."""


def flying_fraction(
    depth: Float[Tensor, "*batch h w"], confidence: Float[Tensor, "*batch h w"], confidence_threshold: float
) -> Float[Tensor, "*batch"]:
    """Share of the points of a depth map that hang between two surfaces; 0 where there is no point."""
    hw = depth.shape[-2:]
    maps = zip(depth.reshape(-1, *hw), confidence.reshape(-1, *hw), strict=True)
    counts = torch.stack([count_points(*one, confidence_threshold) for one in maps])
    return (counts[:, 1] / counts[:, 0].clamp(min=1)).reshape(depth.shape[:-2])


def count_points(
    depth: Float[Tensor, "h w"], confidence: Float[Tensor, "h w"], confidence_threshold: float
) -> Int64[Tensor, "2"]:
    """How many points there are, and how many of them hang between two surfaces."""
    if depth.is_cuda:
        points = has_depth(depth) & is_confident(confidence, confidence_threshold, like=depth)
        return torch.stack([points.sum(), between_surfaces(depth, points).sum()])
    maps = depth.numpy(), confidence.numpy()
    return torch.from_numpy(kernels.points_between(*maps, confidence_threshold, least_range=RANGE, margin=MARGIN))


def between_surfaces(depth: Float[Tensor, "h w"], points: Bool[Tensor, "h w"]) -> Bool[Tensor, "h w"]:
    """Which points hang between the nearest and the farthest point of their window."""

    def greatest(values: Tensor) -> Tensor:
        return F.max_pool2d(values[None], WINDOW, stride=1, padding=WINDOW // 2)[0]

    nearest = -greatest(-depth.where(points, torch.inf))
    farthest = greatest(depth.where(points, -torch.inf))
    distance = farthest - nearest
    margin = MARGIN * distance
    return points & (distance > RANGE * nearest) & (depth - nearest > margin) & (farthest - depth > margin)
