"""Colour for holes: averages of visible pixels, coarser and coarser, sampled smoothly (push and pull).

Colours are counted in bytes, 0 to 255, in float32.
"""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float, UInt8
from torch import Tensor

from warpdata.render.pyramid import blocks, level_sizes, sample_bilinear


def fill_holes(color: UInt8[Tensor, "B 3 H W"], visible: Bool[Tensor, "B H W"]) -> Float[Tensor, "B 4 H W"]:
    """Visible pixels in their own colour with weight 1, all others in the blend of their surroundings.

    The weight is below 1 only where even the coarsest level, one texel high or wide, is partly empty.
    """
    levels = [torch.cat([color.where(visible[:, None], 0), visible[:, None]], dim=1).float()]
    for _ in level_sizes(color.shape[-2:])[1:]:
        levels.append(average_covered(levels[-1]))
    filled = levels.pop()
    while levels:
        level = levels.pop()
        filled = level.where(level[:, 3:] > 0, sample_bilinear(filled, level.shape[-2:]))
    return filled


def average_covered(level: Float[Tensor, "B 4 h w"]) -> Float[Tensor, "B 4 _ _"]:
    """Mean colour of the covered texels of every 2x2 block; weight 1 as soon as one is, colour and weight 0 if none."""
    a, b, c, d = blocks(level)
    total = ((a + b) + c) + d
    mean = total[:, :3] / total[:, 3:].clamp(min=1)
    return torch.cat([mean, total[:, 3:].clamp(max=1)], dim=1)
