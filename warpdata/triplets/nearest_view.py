"""Which other view of a scene is nearest to one, by the cameras alone: the reference of `--pairs reproject`."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

from warpdata.camera import Camera

WIDEST_DEG = 60.0
"""A view that looks elsewhere by more than this is nearest only where there is no other."""


def nearest_view(cameras: Sequence[Camera], target: int) -> int:
    """The number of the camera that stands nearest to one, of those that look the same way within `WIDEST_DEG`.

    Of equally near ones that whose axis is turned least, of these the first. Where all look elsewhere, the one whose
    axis is turned least.

    Args:
        cameras: of the scene's views, at least two.
        target: which of them.
    """
    world_from_cam = torch.stack([camera.world_from_cam for camera in cameras]).double()
    centres, axes = world_from_cam[:, :3, 3], world_from_cam[:, :3, 2]
    distance = (centres - centres[target]).norm(dim=-1).tolist()
    turned = [math.degrees(math.acos(max(-1.0, min(1.0, cosine)))) for cosine in (axes @ axes[target]).tolist()]
    others = [number for number in range(len(cameras)) if number != target]

    def order(number: int) -> tuple[bool, float, float]:
        if turned[number] > WIDEST_DEG:
            return True, turned[number], distance[number]
        return False, distance[number], turned[number]

    return min(others, key=order)
