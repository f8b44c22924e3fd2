"""Position information of the image encoder (resampled) and of the depth head (sines and cosines)."""

from __future__ import annotations

import math
from functools import lru_cache

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor


def resample_position_embedding(pos_embed: Float[Tensor, "1 n C"], grid_hw: tuple[int, int]) -> Float[Tensor, "1 m C"]:
    """A learned position embedding for another patch grid.

    Row 0 belongs to the class token and stays; the rest is a square grid, row-major, resampled bicubically with
    antialiasing in float32. The native grid comes back unchanged.
    """
    side = math.isqrt(pos_embed.shape[1] - 1)
    if side * side != pos_embed.shape[1] - 1:
        raise ValueError(f"{pos_embed.shape[1]} rows are not a class token and a square grid")
    if grid_hw == (side, side):
        return pos_embed
    grid = pos_embed[:, 1:].float().unflatten(1, (side, side)).permute(0, 3, 1, 2)
    grid = F.interpolate(grid, size=grid_hw, mode="bicubic", antialias=True, align_corners=False)
    return torch.cat((pos_embed[:, :1].float(), grid.flatten(2).transpose(1, 2)), dim=1)


@lru_cache(maxsize=64)
def position_axes(
    channels: int, map_hw: tuple[int, int], aspect: float, device: torch.device | str = "cpu"
) -> tuple[Float[Tensor, "c w"], Float[Tensor, "c h"]]:
    """The two halves of `position_map`, which vary along one axis each; built once per size and device."""
    span_y = 1 / math.sqrt(aspect**2 + 1)
    span_x = aspect * span_y
    # Coordinates are rounded to float32; products, sine and cosine are float64 (SPEC of the head).
    omega = 100.0 ** -(torch.arange(channels // 4, dtype=torch.float64) / (channels / 4))

    def waves(n: int, span: float) -> Tensor:
        reach = span * (n - 1) / n
        angles = omega[:, None] * torch.linspace(-reach, reach, n, dtype=torch.float32).double()
        return torch.cat((angles.sin(), angles.cos())).float().mul(0.1).to(device)

    return waves(map_hw[1], span_x), waves(map_hw[0], span_y)


def position_map(
    channels: int, map_hw: tuple[int, int], image_hw: tuple[int, int], device: torch.device | str = "cpu"
) -> Float[Tensor, "channels h w"]:
    """The map that the depth head adds to features of `channels` channels and size `map_hw`.

    Channels are sin(x), cos(x), sin(y), cos(y) at channels/4 frequencies 100^(-k / (channels/4)) each, scaled by 0.1.
    Coordinates are those of an image of aspect W/H with half diagonal 1, also on coarse maps.
    """
    along_x, along_y = position_axes(channels, map_hw, image_hw[1] / image_hw[0], device)
    h, w = map_hw
    return torch.cat((along_x[:, None, :].expand(-1, h, w), along_y[:, :, None].expand(-1, h, w)))


def add_position_map(x: Float[Tensor, "n c h w"], aspect: float) -> None:
    """Add the position map to feature maps in place; `aspect` is the image's W/H."""
    channels, h, w = x.shape[1:]
    along_x, along_y = position_axes(channels, (h, w), aspect, x.device)
    x[:, : channels // 2] += along_x[:, None, :]
    x[:, channels // 2 :] += along_y[:, :, None]
