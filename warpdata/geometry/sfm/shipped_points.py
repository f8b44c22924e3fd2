"""Sparse points that the scene ships, in the place of matching and triangulation: nothing has to be found again."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import torch

from warpdata.camera import project
from warpdata.errors import ViewError
from warpdata.geometry.sfm.gate import MIN_POINTS_SEEN
from warpdata.geometry.sfm.mapping import Mapping
from warpdata.geometry.sfm.pictures import ReducedPicture
from warpdata.geometry.sfm.types import SparseModel
from warpdata.sources.points import SparsePoints
from warpdata.sources.scene import Scene

logger = logging.getLogger(__name__)

MIN_IN_PICTURE = 0.8
"""Share of the points a view is said to have seen that must lie in its picture: undoing a lens cuts its border off, and
cameras that are not those of the points leave most of them outside."""


def shipped_model(scene: Scene, pictures: Sequence[ReducedPicture]) -> Mapping | None:
    """The sparse model that the scene ships, if it does and that is enough."""
    if scene.points is None:
        return None
    try:
        return model_of_points(pictures, scene.points.load())
    except ViewError as error:
        logger.warning("scene %s: %s; points are found by matching", scene.id, error)
        return None


def model_of_points(pictures: Sequence[ReducedPicture], points: SparsePoints) -> Mapping | None:
    """The sparse model that known cameras and shipped points make.

    Returns:
        None where nothing tells which view saw which point, where a view saw fewer than `MIN_POINTS_SEEN`, or where the
        points do not lie in the pictures: they have to be found by matching.
    """
    if points.seen is None:
        return None
    views, seen, positions = [], [], []
    for index, picture in enumerate(pictures):
        own = points.seen.get(picture.view.name, torch.empty(0, dtype=torch.int64))
        height, width = picture.hw
        xy, depth = project(points.xyz[own], picture.known_camera)
        inside = (depth > 0) & (xy >= 0).all(dim=-1) & (xy[:, 0] <= width) & (xy[:, 1] <= height)
        if inside.sum() < max(MIN_POINTS_SEEN, MIN_IN_PICTURE * len(own)):
            return None
        views.append(torch.full((int(inside.sum()),), index))
        seen.append(own[inside])
        positions.append(torch.full((int(inside.sum()), 2), torch.nan, dtype=torch.float64))
    model = SparseModel(
        names=tuple(picture.view.name for picture in pictures),
        cameras=tuple(picture.known_camera for picture in pictures),
        points=points.xyz,
        observed_view=torch.cat(views),
        observed_point=torch.cat(seen),
        observed_xy=torch.cat(positions),
    )
    model = model.subset(range(len(pictures)))  # without the points that are seen once
    if torch.bincount(model.observed_view, minlength=len(pictures)).min() < MIN_POINTS_SEEN:
        return None
    attempt = {
        "level": "points of the scene",
        "views": len(pictures),
        "points": len(model.points),
        "verdict": "cameras and points given",
    }
    return Mapping(model=model, left_out={}, attempts=[attempt])
