"""Is a sparse model right? Registering every view with a small reprojection error does not mean so.

Wrong models give themselves away by the few points that hold each view, and by a second mapper finding other cameras.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from warpdata.geometry.sfm.agreement import MIN_VIEWS
from warpdata.geometry.sfm.types import SparseModel

MIN_POINTS_SEEN = 20
"""A view that observes fewer points than this is dropped."""

MIN_TRIANGULATION_DEG = 1.0
"""A view whose points are seen from directions that differ less than this in the median is dropped."""

MIN_POINTS_PER_VIEW = 30
"""Points of the model divided by its views: wrong models have 16 to 23, right ones 75 and more."""

MIN_SHARE = 0.8
"""Of the scene's views, for a model that is accepted without trying harder."""

FOCAL_LENGTHS = (0.3, 5.0)
"""Of the longer side of a picture: a focal length outside them was not found from the pictures."""


def drop_weak_views(model: SparseModel) -> SparseModel:
    """Without the views that observe too few points, or all of them from nearly one direction."""
    seen = torch.bincount(model.observed_view, minlength=len(model.names))
    angles = triangulation_angles(model)
    keep = [
        index
        for index in range(len(model.names))
        if seen[index] >= MIN_POINTS_SEEN and angles[model.observed_view == index].median() >= MIN_TRIANGULATION_DEG
    ]
    return model if len(keep) == len(model.names) else model.subset(keep)


def triangulation_angles(model: SparseModel) -> Float[Tensor, " m"]:
    """For each observation, the largest angle in degrees between its ray and another view's ray to the same point."""
    centres = torch.stack([camera.world_from_cam[:3, 3] for camera in model.cameras])
    order = torch.argsort(model.observed_point, stable=True)
    point = model.observed_point[order]
    rays = torch.nn.functional.normalize(model.points[point] - centres[model.observed_view[order]], dim=-1)
    cosine = torch.ones(len(order), dtype=torch.float64)
    longest_track = int(torch.bincount(model.observed_point).max()) if len(order) else 0
    for distance in range(1, longest_track):
        same = point[:-distance] == point[distance:]
        between = (rays[:-distance] * rays[distance:]).sum(dim=-1).where(same, 1.0)
        cosine[:-distance] = torch.minimum(cosine[:-distance], between)
        cosine[distance:] = torch.minimum(cosine[distance:], between)
    angles = torch.empty_like(cosine)
    angles[order] = torch.rad2deg(torch.arccos(cosine.clamp(-1, 1)))
    return angles


def why_unproven(model: SparseModel) -> str | None:
    """Why a model, after `drop_weak_views`, is not to be believed, or None."""
    if len(model.names) < MIN_VIEWS:
        return f"{len(model.names)} views hold together, {MIN_VIEWS} are needed"
    density = len(model.points) / len(model.names)
    if density < MIN_POINTS_PER_VIEW:
        return f"{density:.0f} points a view were found, {MIN_POINTS_PER_VIEW} are needed"
    focal = torch.stack([camera.K.diagonal()[:2] / max(camera.hw) for camera in model.cameras])
    if focal.min() < FOCAL_LENGTHS[0] or focal.max() > FOCAL_LENGTHS[1]:
        return (
            f"focal lengths of {focal.min():.2f} to {focal.max():.2f} times the longer side were found, "
            f"{FOCAL_LENGTHS[0]:g} to {FOCAL_LENGTHS[1]:g} can be believed"
        )
    return None
