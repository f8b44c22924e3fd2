"""Which views two models of one scene place alike.

Two mappers go wrong in different ways, so what both find is right. A median over the views is not enough: of eleven
views five stood 154 degrees off behind a median of 0.1.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from warpdata.geometry.maths.sim3 import Sim3, align_cameras, rotation_angle
from warpdata.geometry.sfm.types import SparseModel

MIN_VIEWS = 3
"""Fewer views are no model: two can always be brought to agree."""

MAX_ROTATION_DEG = 2.0
MAX_CENTRE_SHARE = 0.03
"""How far two mappers may place a view apart: its rotation, and its centre over the extent of the centres."""

PARTNERS = 40
"""Other views, spread evenly, that each view is tried with for an alignment."""


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """How two models of one scene compare after the similarity that brings most views together.

    Attributes:
        names: views that both have.
        alike: those of them that both place alike.
        rotation_deg: median over `names`.
        centre_share: median distance of centres over `names`, as a share of their extent.
    """

    names: tuple[str, ...]
    alike: frozenset[str]
    rotation_deg: float
    centre_share: float


def agreement(a: SparseModel, b: SparseModel) -> Agreement | None:
    """Which views two models place alike, or None where they share fewer than three."""
    names = sorted(set(a.names) & set(b.names))
    if len(names) < MIN_VIEWS:
        return None
    poses_a, poses_b = (
        torch.stack([model.cameras[model.names.index(name)].world_from_cam for name in names]) for model in (a, b)
    )
    found = align_most(poses_a, poses_b)
    if found is None:
        return None
    b_from_a, alike = found
    rotation_deg, centre_share = differences(b_from_a, poses_a, poses_b)
    return Agreement(
        names=tuple(names),
        alike=frozenset(name for name, same in zip(names, alike.tolist(), strict=True) if same),
        rotation_deg=rotation_deg.median().item(),
        centre_share=centre_share.median().item(),
    )


def align_most(
    world_from_cam_a: Float[Tensor, "n 4 4"], world_from_cam_b: Float[Tensor, "n 4 4"]
) -> tuple[Sim3, Bool[Tensor, "n"]] | None:
    """The similarity that places most views alike, which no wrong view can pull, and these views.

    Every view offers its rotation, and with each of its `PARTNERS` a scale and a shift; the best offer is fitted again
    to the views it placed alike. None where all centres of a set coincide.
    """
    a, b = world_from_cam_a.double(), world_from_cam_b.double()
    centres_a, centres_b = a[:, :3, 3], b[:, :3, 3]
    partners = torch.linspace(0, len(a) - 1, min(len(a), PARTNERS)).round().long().unique()
    extent = extents(centres_b)
    best: tuple[float, float, Sim3] | None = None
    for i in range(len(a)):
        rotation = b[i, :3, :3] @ a[i, :3, :3].mT
        scales = (centres_b[partners] - centres_b[i]).norm(dim=-1) / (centres_a[partners] - centres_a[i]).norm(dim=-1)
        offset = (centres_a - centres_a[i]) @ rotation.mT
        shares = (scales[:, None, None] * offset + (centres_b[i] - centres_b)).norm(dim=-1) / extent
        alike = within_limits(rotation_angle((rotation @ a[:, :3, :3]).mT @ b[:, :3, :3]), shares)
        counts = alike.sum(dim=-1).where((scales > 0) & scales.isfinite(), -1)
        errors = shares.where(alike, 0).sum(dim=-1)
        j = int(torch.where(counts == counts.max(), errors, torch.inf).argmin())
        rank = (counts[j].item(), -errors[j].item())
        if rank[0] > 0 and (best is None or rank > best[:2]):
            scale = scales[j].item()
            shift = centres_b[i] - scale * rotation @ centres_a[i]
            best = (*rank, Sim3(scale=scale, rotation=rotation, translation=shift))
    if best is None:
        return None
    b_from_a, alike = best[2], within_limits(*differences(best[2], a, b))
    if alike.sum() < MIN_VIEWS:
        return b_from_a, alike
    refined = align_cameras(a[alike], b[alike])
    refined_alike = within_limits(*differences(refined, a, b))
    return (refined, refined_alike) if refined_alike.sum() >= alike.sum() else (b_from_a, alike)


def differences(
    b_from_a: Sim3, world_from_cam_a: Float[Tensor, "n 4 4"], world_from_cam_b: Float[Tensor, "n 4 4"]
) -> tuple[Float[Tensor, "n"], Float[Tensor, "n"]]:
    """Of each view, the angle between its two rotations in degrees, and the distance of its two centres as a share."""
    turned = b_from_a.rotation @ world_from_cam_a[:, :3, :3]
    rotation_deg = rotation_angle(turned.mT @ world_from_cam_b[:, :3, :3])
    centres = world_from_cam_b[:, :3, 3]
    return rotation_deg, (b_from_a.apply(world_from_cam_a[:, :3, 3]) - centres).norm(dim=-1) / extents(centres)


def extents(centres: Float[Tensor, "n 3"]) -> Float[Tensor, "n"]:
    """What the distance between two places of each view's centre is measured by.

    That is twice the median distance of the centres from their middle, which no stray view stretches; of a view that
    stands farther out, twice its own.
    """
    from_middle = (centres - centres.median(dim=0).values).norm(dim=-1)
    return 2 * torch.maximum(from_middle, from_middle.median())


def within_limits(rotation_deg: Float[Tensor, "n"], centre_share: Float[Tensor, "*k n"]) -> Bool[Tensor, "*k n"]:
    return (rotation_deg <= MAX_ROTATION_DEG) & (centre_share <= MAX_CENTRE_SHARE)
