"""Which depths other views confirm."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from jaxtyping import Float
from torch import Tensor

from warpdata.camera import Camera, pixel_centres
from warpdata.geometry.sfm.sweep import BEHIND, epipolar_line

AGREEMENT = 0.01
"""Relative difference in depth within which two views confirm each other."""


def agreement(
    inverse_depth: Float[Tensor, "h w"], camera: Camera, others: Iterable[tuple[Float[Tensor, "a b"], Camera]]
) -> Float[Tensor, "h w"]:
    """How many other views' inverse depths confirm each pixel's, at the pixel each projects to.

    A view that agrees exactly counts 1, one at the limit `AGREEMENT` a half, one twice as far off a fifth:
    `1 / (1 + (difference / AGREEMENT)²)`, cut to 0 from three times the limit on.
    """
    total = torch.zeros_like(inverse_depth)
    xy = pixel_centres(camera.hw, device=inverse_depth.device, dtype=torch.float64)
    for other, other_camera in others:
        infinite, per_inverse_depth = epipolar_line(camera, other_camera, xy)
        position = infinite.float() + per_inverse_depth.float() * inverse_depth[..., None]
        ahead = position[..., 2].clamp_min(BEHIND)
        x, y = position[..., 0] / ahead, position[..., 1] / ahead
        height, width = other.shape
        inside = (position[..., 2] > BEHIND) & (x >= 0) & (x < width) & (y >= 0) & (y < height)
        found = other[y.long().clamp(0, height - 1), x.long().clamp(0, width - 1)]
        # Depth there over depth here is `ahead`, so the inverse depth expected there is this one divided by it.
        difference = (found * ahead / inverse_depth - 1).div_(AGREEMENT).square_()
        total += torch.where(inside & (difference < 9), 1 / (1 + difference), 0.0)
    return total
