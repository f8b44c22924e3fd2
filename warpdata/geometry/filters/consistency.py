"""Do the views of a scene agree about where things are? A check of any estimator's geometry, without ground truth.

A pixel with depth is followed to where its point is in a neighbouring view, from there, by that view's own depth, back.
If both depths and both cameras are right it returns to where it began; the distance by which it misses is its
reprojection error.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import asdict, dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from warpdata.camera import Camera, pixel_centres, project
from warpdata.config import RenderOptions
from warpdata.geometry.types import FrameGeometry, SceneGeometry

AGREEING_PX = 1.0
"""Reprojection error, in pixels of the depth map, up to which two views agree about a point ..."""

AGREEING_DEPTH = 0.02
"""... if their depths of it also differ by no more than this part."""

HIDDEN_DEPTH = 0.05
"""A point that lies behind the neighbour's surface by more than this part is hidden there and says nothing."""

PIXELS_COMPARED = 40_000
"""Of each frame, on a regular grid."""


@dataclass(frozen=True, kw_only=True)
class FrameConsistency:
    """How a frame agrees with its neighbours.

    Attributes:
        name: of the view.
        compared: share of its pixels with depth that a neighbour sees, and has depth for.
        reprojection_error_px: median over the compared pixels, in pixels of the depth map; each pixel's error is that
            of the neighbour it agrees with best. NaN where nothing is compared.
        agreeing: share of the compared pixels that agree with at least one neighbour. NaN where nothing is compared.
    """

    name: str
    compared: float
    reprojection_error_px: float
    agreeing: float

    def as_json(self) -> dict[str, Any]:
        """For a report: rounded, and None for NaN."""
        return {key: _rounded(value) for key, value in asdict(self).items()}


def consistency(
    geometry: SceneGeometry,
    *,
    neighbours: int = 2,
    confidence_threshold: float = RenderOptions.confidence_threshold,
) -> list[FrameConsistency]:
    """Compare each frame with those up to `neighbours` before and after it; in the order of the frames.

    Frames are read once, in order, and no more than `neighbours` + 1 are held.

    Args:
        neighbours: how far apart frames are compared, at least 1.
        confidence_threshold: pixels below it are left out, as the renderer leaves them out.

    Raises:
        ValueError: `neighbours` is below 1.
    """
    check = ConsistencyCheck(neighbours=neighbours, confidence_threshold=confidence_threshold)
    for frame in geometry.frames:
        check.add(frame)
    return check.results()


class ConsistencyCheck:
    """Compares frames as they come by: `add` each in order, then read `results`.

    Args:
        neighbours: how far apart frames are compared, at least 1; so many and one more are held.
        confidence_threshold: pixels below it are left out.

    Raises:
        ValueError: `neighbours` is below 1.
    """

    def __init__(self, *, neighbours: int = 2, confidence_threshold: float = RenderOptions.confidence_threshold):
        if neighbours < 1:
            raise ValueError(f"neighbours is {neighbours}; each frame has to be compared with at least 1 other")
        self._neighbours = neighbours
        self._confidence_threshold = confidence_threshold
        self._held: deque[_Comparison] = deque()
        self._results: list[FrameConsistency] = []

    def add(self, frame: FrameGeometry) -> None:
        """The next frame of the scene."""
        new = _Comparison(frame, self._confidence_threshold)
        for other in self._held:
            new.compare_with(other)
            other.compare_with(new)
        self._held.append(new)
        if len(self._held) > self._neighbours:
            self._results.append(self._held.popleft().result())

    def results(self) -> list[FrameConsistency]:
        """Of all frames added so far, in order."""
        return self._results + [comparison.result() for comparison in self._held]


class _Comparison:
    """One frame's sampled points, and the best agreement found for each so far."""

    def __init__(self, frame: FrameGeometry, confidence_threshold: float):
        depth = frame.depth.double()
        valid = torch.isfinite(depth) & (depth > 0) & (frame.confidence >= confidence_threshold)
        self.name, self.camera = frame.name, frame.camera
        self.depth = torch.where(valid, depth, 0.0)
        stride = max(1, math.ceil(math.sqrt(depth.numel() / PIXELS_COMPARED)))
        grid = (slice(stride // 2, None, stride),) * 2
        chosen = valid[grid]
        self.xy = pixel_centres(depth.shape, dtype=torch.float64)[grid][chosen]
        self.points = world_points(self.xy, depth[grid][chosen], self.camera)
        self.error = torch.full((len(self.xy),), torch.inf, dtype=torch.float64)
        self.agrees = torch.zeros(len(self.xy), dtype=torch.bool)

    def compare_with(self, other: _Comparison) -> None:
        xy, z = project(self.points, other.camera)
        height, width = other.depth.shape
        inside = (z > 0) & (xy[:, 0] >= 0) & (xy[:, 0] < width) & (xy[:, 1] >= 0) & (xy[:, 1] < height)
        index = torch.where(inside[:, None], xy, 0.0).long()
        found = other.depth[index[:, 1], index[:, 0]]
        comparable = inside & (found > 0) & (z <= found * (1 + HIDDEN_DEPTH))
        returned, _ = project(world_points(xy, found, other.camera), self.camera)
        error = torch.where(comparable, (returned - self.xy).norm(dim=-1), torch.inf)
        self.error = torch.minimum(self.error, error)
        self.agrees |= (error <= AGREEING_PX) & ((found - z).abs() <= AGREEING_DEPTH * z)

    def result(self) -> FrameConsistency:
        compared = torch.isfinite(self.error)
        some = bool(compared.any())
        return FrameConsistency(
            name=self.name,
            compared=compared.double().mean().item() if len(compared) else 0.0,
            reprojection_error_px=self.error[compared].median().item() if some else math.nan,
            agreeing=self.agrees[compared].double().mean().item() if some else math.nan,
        )


def world_points(xy: Float[Tensor, "n 2"], depth: Float[Tensor, " n"], camera: Camera) -> Float[Tensor, "n 3"]:
    """World positions of image positions with z-depth."""
    world_from_cam = camera.world_from_cam
    return (camera.rays(xy) * depth[:, None]) @ world_from_cam[:3, :3].mT + world_from_cam[:3, 3]


def _rounded(value: Any) -> Any:
    if not isinstance(value, float):
        return value
    return None if math.isnan(value) else round(value, 4)
