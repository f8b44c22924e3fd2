"""Figures by which triplets can be chosen: holes, likeness, exposure."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float, UInt8
from torch import Tensor


def score(
    splat: UInt8[Tensor, "*batch 3 H W"],
    target: UInt8[Tensor, "*batch 3 H W"],
    visible: Bool[Tensor, "*batch 1 H W"],
    picture: Bool[Tensor, "*batch 1 H W"],
) -> dict[str, Float[Tensor, "*batch"]]:
    """Figures by which triplets can be chosen.

    Returns:
        hole_fraction: share of the target's picture where no point is seen.
        psnr: in dB, of the splat against the target over seen pixels; 0 where there is none, at most 99.
        exposure_gap: mean of target minus splat over seen pixels, as a share of full scale.
    """
    seen = visible.sum((-3, -2, -1)).double()
    channels = (3 * seen).clamp(min=1)
    difference = (target.to(torch.int16) - splat) * visible
    # Whole numbers, so exact in any order; rows are summed in 32 bits where that suffices, which is far faster.
    row = torch.int32 if 255**2 * splat.shape[-1] < 2**31 else torch.int64
    mean_square = difference.to(torch.int32).square_().sum(-1, dtype=row).sum((-2, -1)) / channels
    psnr = (10 * torch.log10(255**2 / mean_square)).clamp(max=99.0)
    return {
        "hole_fraction": (1 - seen / picture.sum((-3, -2, -1))).float(),
        "psnr": psnr.where(seen > 0, 0.0).float(),
        "exposure_gap": (difference.sum(-1, dtype=row).sum((-2, -1)) / channels / 255).float(),
    }
