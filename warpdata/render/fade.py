"""The fade into holes, and the final bytes."""

from __future__ import annotations

import math
from functools import lru_cache

import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor

from warpdata.config import RenderOptions


@lru_cache(maxsize=32)
def fade_table(
    sigma: float, hw: tuple[int, int], *, compat: bool = False, device: torch.device | None = None
) -> Float[Tensor, "n"]:
    """The fade exp(-d^2 / sigma^2) by squared distance d^2, formed in float64.

    The table ends where a byte can no longer show it, or at the image's diagonal; beyond it the fade is 0.
    """
    faintest = 1.0 if compat else 0.5
    longest = math.log(255 / faintest) * sigma**2
    diagonal = (hw[0] - 1) ** 2 + (hw[1] - 1) ** 2
    squared = torch.arange(math.floor(min(longest, diagonal)) + 1, dtype=torch.float64)
    return torch.exp(-squared / max(sigma, 1e-4) ** 2).float().to(device)


def fade_reach(table: Float[Tensor, "n"]) -> int:
    """Largest whole distance the table knows, pixels."""
    return math.isqrt(len(table) - 1)


def fade_and_round(
    fill: Float[Tensor, "B 4 H W"],
    distance2: Int[Tensor, "B H W"],
    table: Float[Tensor, "n"],
    options: RenderOptions,
) -> tuple[UInt8[Tensor, "B 3 H W"], UInt8[Tensor, "B 1 H W"]]:
    """The picture over its background, and its coverage.

    `fill` holds colours in bytes and a weight. Bytes are rounded to nearest, those of the picture cut off in compat.
    """
    fade = table[distance2.clamp(max=len(table) - 1).long()].where(distance2 < len(table), 0)
    alpha = fill[:, 3:] * fade[:, None]
    background = torch.tensor(options.background, dtype=torch.float32, device=fill.device)[:, None, None]
    rgb = fill[:, :3] * alpha + background * (1 - alpha)
    rgb = rgb.floor() if options.compat else (rgb + 0.5).floor()
    coverage = (255 * alpha + 0.5).floor()
    return rgb.to(torch.uint8), coverage.to(torch.uint8)
