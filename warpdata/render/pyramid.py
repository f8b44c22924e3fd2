"""Pyramids and how they are sampled: sizes, the nearest point of 2x2 blocks, bilinear sampling.

Rows count from the bottom, so that blocks are aligned at the bottom left corner; a last odd row or column falls out.
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor

from warpdata.geometry.maths.resample import AxisSamples


def level_sizes(hw: tuple[int, int], limit: int | None = None) -> list[tuple[int, int]]:
    """Sizes of the levels, the finest first: sides halved and rounded down while both are at least 1."""
    sizes = [hw]
    while min(sizes[-1]) >= 2 and len(sizes) != limit:
        sizes.append((sizes[-1][0] // 2, sizes[-1][1] // 2))
    return sizes


def blocks(image: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The four texels of every 2x2 block of (..., H, W), each (..., H//2, W//2): lower row first, left to right."""
    H, W = image.shape[-2] // 2 * 2, image.shape[-1] // 2 * 2
    return (
        image[..., 0:H:2, 0:W:2],
        image[..., 0:H:2, 1:W:2],
        image[..., 1:H:2, 0:W:2],
        image[..., 1:H:2, 1:W:2],
    )


def nearest_pyramid(position: Float[Tensor, "B 3 H W"], limit: int) -> list[Float[Tensor, "B 3 _ _"]]:
    """Levels of the nearest point of each block, at most `limit`; z = 0 is "no point", the first wins among equals."""
    levels = [position]
    for _ in level_sizes(position.shape[-2:], limit)[1:]:
        nearest, *others = blocks(levels[-1])
        for other in others:
            closer = (other[:, 2] != 0) & ((other[:, 2] < nearest[:, 2]) | (nearest[:, 2] == 0))
            nearest = other.where(closer[:, None], nearest)
        levels.append(nearest.contiguous())
    return levels


def sample_positions(
    out_size: int, in_size: int, device: torch.device
) -> tuple[Int[Tensor, "n"], Int[Tensor, "n"], Float[Tensor, "n"]]:
    """The two texels of `in_size` each texel of `out_size` lies between, and how far along, 0 to 1, it does.

    Centres map to centres: s = (i + 1/2) in/out - 1/2, the ratio rounded to float32 once; texels beyond the edge are
    the edge's.
    """
    samples = AxisSamples.along(out_size, in_size, in_size / out_size, 0.0, device)
    return samples.first, samples.second, samples.fraction


def sample_bilinear(image: Float[Tensor, "*batch h w"], hw: tuple[int, int]) -> Float[Tensor, "*batch H W"]:
    """An image at another size: along x, then along y, each step a + (b - a) f."""
    left, right, fraction = sample_positions(hw[1], image.shape[-1], image.device)
    a = image.index_select(-1, left)
    rows = a + (image.index_select(-1, right) - a) * fraction
    below, above, fraction = sample_positions(hw[0], image.shape[-2], image.device)
    a = rows.index_select(-2, below)
    return a + (rows.index_select(-2, above) - a) * fraction[:, None]
