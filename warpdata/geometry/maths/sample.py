"""What is known of a whole picture, a mask or a score, at the pixels of a depth map."""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from warpdata.geometry.types import ContentBox


def sample_picture(
    picture: Float[Tensor, "1 c H W"],
    image_hw: tuple[int, int],
    box: ContentBox,
    hw: tuple[int, int],
    *,
    mode: Literal["nearest", "bilinear"],
) -> Float[Tensor, "1 c h w"]:
    """Values at the centres of a depth map's pixels; 0 outside the picture.

    Args:
        picture: covers the whole upright picture, at any resolution.
        image_hw: height and width of the upright original picture.
        box: what the depth map spans of it.
        hw: height and width of the depth map.
        mode: how values between those of `picture` are made.
    """
    rows, columns = torch.arange(hw[0]) + 0.5, torch.arange(hw[1]) + 0.5
    x = (box.left + columns * ((box.right - box.left) / hw[1])) / image_hw[1]
    y = (box.top + rows * ((box.bottom - box.top) / hw[0])) / image_hw[0]
    grid = torch.stack(torch.meshgrid(2 * x - 1, 2 * y - 1, indexing="xy"), dim=-1)
    inside = ((x >= 0) & (x < 1))[None, :] & ((y >= 0) & (y < 1))[:, None]
    sampled = F.grid_sample(picture, grid[None], mode=mode, padding_mode="border", align_corners=False)
    return sampled.where(inside, 0)
