"""Is a sparse model right? Registering every view with a small reprojection error does not mean so.

Wrong models give themselves away by the few points that hold each view, and by a second mapper finding other cameras.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from warpdata.geometry.maths.sim3 import align_cameras, rotation_angle
from warpdata.geometry.sfm.types import SparseModel

MIN_POINTS_SEEN = 20
"""A view that observes fewer points than this is dropped."""

MIN_TRIANGULATION_DEG = 1.0
"""A view whose points are seen from directions that differ less than this in the median is dropped."""

MIN_POINTS_PER_VIEW = 30
"""Points of the model divided by its views: wrong models have 16 to 23, right ones 75 and more."""

MIN_VIEWS = 3

MIN_SHARE = 0.8
"""Of the scene's views, for a model that is accepted without trying harder."""

MAX_ROTATION_DEG = 2.0
MAX_CENTRE_SHARE = 0.03
"""How far two mappers may disagree: median rotation, and median distance of camera centres over their extent."""


@dataclass(frozen=True, kw_only=True)
class Disagreement:
    """How two models of one scene differ after similarity alignment: medians over the views they share."""

    views: int
    rotation_deg: float
    centre_share: float

    @property
    def acceptable(self) -> bool:
        return self.rotation_deg <= MAX_ROTATION_DEG and self.centre_share <= MAX_CENTRE_SHARE


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
    return None


def disagreement(a: SparseModel, b: SparseModel) -> Disagreement | None:
    """How far two models differ, or None where they share fewer than three views, or these stand in one place."""
    common = sorted(set(a.names) & set(b.names))
    if len(common) < MIN_VIEWS:
        return None
    poses_a, poses_b = (
        torch.stack([model.cameras[model.names.index(name)].world_from_cam for name in common]) for model in (a, b)
    )
    try:
        b_from_a = align_cameras(poses_a, poses_b)
    except ValueError:
        return None
    turned = b_from_a.rotation @ poses_a[:, :3, :3]
    rotation = rotation_angle(turned.mT @ poses_b[:, :3, :3]).median().item()
    centres = poses_b[:, :3, 3]
    extent = torch.cdist(centres, centres).max().item()
    distance = (b_from_a.apply(poses_a[:, :3, 3]) - centres).norm(dim=-1).median().item()
    return Disagreement(views=len(common), rotation_deg=rotation, centre_share=distance / extent)
