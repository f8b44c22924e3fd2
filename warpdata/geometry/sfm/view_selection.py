"""Which views a view's depth is computed from, and between which depths it is searched."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from warpdata.geometry.sfm.types import SparseModel

BEST_ANGLE_DEG = 8.0
SPREAD_BELOW_DEG, SPREAD_ABOVE_DEG = 5.0, 12.0
"""A source is best about eight degrees aside: nearer ones fix the depth badly, farther ones look different."""

MIN_COMMON_POINTS = 8

CANDIDATES = 24
"""Views with the most common points that are considered."""

NEAR_QUANTILE, FAR_QUANTILE = 0.01, 0.99
NEAR_MARGIN, FAR_MARGIN = 0.75, 1.5
"""Depth is searched from 0.75 times the first percentile of the view's sparse points to 1.5 times the last."""


@dataclass(frozen=True, kw_only=True)
class Source:
    """A view chosen as source of another.

    Attributes:
        index: of the view in the model.
        common_points: that both see.
        angle_deg: median angle between the two rays to them.
    """

    index: int
    common_points: int
    angle_deg: float

    @property
    def score(self) -> float:
        spread = SPREAD_BELOW_DEG if self.angle_deg < BEST_ANGLE_DEG else SPREAD_ABOVE_DEG
        return self.common_points * math.exp(-((self.angle_deg - BEST_ANGLE_DEG) ** 2) / (2 * spread**2))


def select_sources(model: SparseModel, view: int, count: int) -> list[Source]:
    """The best `count` sources of a view, best first; fewer where fewer views share points with it."""
    own = torch.zeros(len(model.points), dtype=torch.bool)
    own[model.observed_point[model.observed_view == view]] = True
    common = own[model.observed_point]
    shared = torch.bincount(model.observed_view[common], minlength=len(model.names))
    shared[view] = 0
    sources = []
    for other in torch.argsort(shared, descending=True, stable=True)[:CANDIDATES].tolist():
        if shared[other] < MIN_COMMON_POINTS:
            break
        points = model.points[model.observed_point[common & (model.observed_view == other)]]
        rays = [
            torch.nn.functional.normalize(points - model.cameras[index].world_from_cam[:3, 3], dim=-1)
            for index in (view, other)
        ]
        angle = torch.rad2deg(torch.arccos((rays[0] * rays[1]).sum(dim=-1).clamp(-1, 1))).median().item()
        sources.append(Source(index=other, common_points=int(shared[other]), angle_deg=angle))
    return sorted(sources, key=lambda source: (-source.score, source.index))[:count]


def depth_range(model: SparseModel, view: int) -> tuple[float, float]:
    """Nearest and farthest depth worth searching in a view, in the model's unit."""
    depths = model.observed_depths()[model.observed_view == view]
    depths = depths[depths > 0]
    near, far = torch.quantile(depths, torch.tensor([NEAR_QUANTILE, FAR_QUANTILE], dtype=depths.dtype)).tolist()
    return NEAR_MARGIN * near, FAR_MARGIN * far
