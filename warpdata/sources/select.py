"""Which views of a scene are used: every Nth, or as many as keep a wanted overlap."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from warpdata.config import SourceOptions
from warpdata.sources.scene import View

logger = logging.getLogger(__name__)

STANDING = 1e-9
"""Cameras that move less than this part of their distance from the origin stand still: that is rounding."""


def select_views(views: Sequence[View], options: SourceOptions) -> tuple[View, ...]:
    """The views that `skip_every` or `auto_skip`, then `limit`, leave, in their order.

    A scene without cameras is used whole under `auto_skip`, as it always was; a warning is logged.
    """
    if options.auto_skip and all(view.camera is not None for view in views):
        views = [views[k] for k in select_by_overlap(consecutive_overlaps(views), options.target_overlap)]
    elif options.auto_skip:
        logger.warning("no cameras to choose views by: all %d views are used", len(views))
    views = views[:: options.skip_every]
    return tuple(views[: options.limit] if options.limit else views)


def consecutive_overlaps(views: Sequence[View]) -> list[float]:
    """How much each view, which all need a camera, overlaps the next: 1 where nothing moves, 0 where all is new."""
    cam_from_world = torch.stack([view.camera.cam_from_world for view in views])
    field_of_view = min(
        2 * math.atan(side / (2 * focal.item()))
        for view in views
        for side, focal in zip(reversed(view.camera.hw), view.camera.K.diagonal()[:2], strict=True)
    )
    return pose_overlaps(cam_from_world, field_of_view)


def pose_overlaps(cam_from_world: Float[Tensor, "n 4 4"], field_of_view: float) -> list[float]:
    """Overlap of consecutive cameras from their poses alone, n - 1 numbers between 0 and 1.

    The lesser of two shares: of the field of view that is kept while turning, and of the width seen at the scene's
    scale that is kept while moving. The scale is guessed as the greater of the median distance of the cameras from
    their centre and the median step, since depth need not be known.

    Args:
        field_of_view: the smaller one of the camera's two, in radians.
    """
    rotation = cam_from_world[:, :3, :3].double()
    position = -(rotation.mT @ cam_from_world[:, :3, 3:].double()).squeeze(-1)
    step = (position[1:] - position[:-1]).norm(dim=-1)
    if not len(step):
        return []
    spread = (position - position.mean(dim=0)).norm(dim=-1)
    # Cameras that only turn differ by the rounding of their positions, which is no scale to measure steps by.
    least = STANDING * position.norm(dim=-1).max().item()
    scale = max(_median(spread), _median(step), least)
    trace = (rotation[1:] @ rotation[:-1].mT).diagonal(dim1=-2, dim2=-1).sum(dim=-1)
    angle = ((trace - 1) / 2).clamp(-1, 1).acos()
    turning = (1 - angle / field_of_view).clamp(min=0)
    seen_width = 2 * scale * math.tan(field_of_view / 2)
    moving = (1 - step / seen_width).clamp(min=0) if seen_width > 0 else (step == 0).double()
    return torch.minimum(turning, moving).tolist()


def select_by_overlap(overlaps: Sequence[float], target_overlap: float) -> list[int]:
    """Indices of the views to keep so that neighbours overlap by about `target_overlap`.

    Losses of overlap add up along the path; where they reach 1 - target, a view is kept. The first and the last view
    are always kept; the last takes the place of the one before it when it is less than half a step away, so that the
    path does not end in two nearly equal views.

    Args:
        overlaps: of each view with the next.
    """
    allowed_loss = 1 - target_overlap
    kept, loss = [0], 0.0
    for index, overlap in enumerate(overlaps, start=1):
        loss += 1 - overlap
        if loss >= allowed_loss:
            kept.append(index)
            loss = 0.0
    last = len(overlaps)
    if kept[-1] != last:
        if len(kept) > 1 and loss < allowed_loss / 2:
            kept.pop()
        kept.append(last)
    return kept


def _median(values: Tensor) -> float:
    """The mean of the two middle values where their number is even, unlike `Tensor.median`."""
    return values.quantile(0.5).item()
