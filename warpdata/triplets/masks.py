"""The masks of a triplet, besides coverage: what of it is picture, and how far depth can be trusted."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, UInt8
from torch import Tensor

from warpdata.triplets.inputs import Rectangle


def content_mask(contents: list[Rectangle], hw: tuple[int, int], device: torch.device) -> Bool[Tensor, "b 1 H W"]:
    """True where the target is picture, not border."""
    mask = torch.zeros(len(contents), 1, *hw, dtype=torch.bool, device=device)
    for picture, (left, top, right, bottom) in zip(mask, contents, strict=True):
        picture[:, top:bottom, left:right] = True
    return mask


def confidence_picture(
    depth: Float[Tensor, "*batch dh dw"], confidence: Float[Tensor, "*batch dh dw"], hw: tuple[int, int]
) -> UInt8[Tensor, "*batch 1 H W"]:
    """Confidence as a picture on the fixed scale 255 (1 - 1/c), so that 1 gives 0, 2 gives 128, and none is lost above.

    Pixels without depth give 0. At another size than the depth's, each pixel shows the nearest of the depth map.
    """
    level = (255 * (1 - 1 / confidence.clamp(min=1))).round()
    return nearest(level.where(depth > 0, 0).to(torch.uint8).unsqueeze(-3), hw)


def nearest(mask: UInt8[Tensor, "*batch 1 h w"], hw: tuple[int, int]) -> UInt8[Tensor, "*batch 1 H W"]:
    """A mask at the output size, by the nearest pixel; unchanged when it has it."""
    if mask.shape[-2:] == hw:
        return mask
    flat = F.interpolate(mask.reshape(-1, *mask.shape[-3:]), size=hw, mode="nearest-exact")
    return flat.reshape(*mask.shape[:-2], *hw)
