"""Hidden-point removal: which of the drawn points are seen, and which shine through gaps of nearer surfaces.

After Pintus, Gobbetti and Agus, "Real-time rendering of massive unstructured raw point clouds using screen-space
operators" (VAST 2011). Around each point, in eight directions, the nearest neighbours at several scales tell how
open the space towards the eye is; where that is little on average, the point is hidden.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor

from warpdata.render.pyramid import nearest_pyramid, sample_bilinear

MAX_LEVELS = 8
"""Levels of the pyramid that are looked at, the finest included."""
DEPTH_LEVEL = 4
"""Level whose depth, sampled smoothly, decides how many levels a pixel looks at."""
LEAST_DEPTH = 2.0**-120
"""What the neighbourhood is divided by where all coarse texels are empty: less than any depth, and no 0."""
LEVEL_BOUNDS = tuple(2.0 ** (level + 0.5) for level in range(MAX_LEVELS - 1))
"""Neighbourhood, in pixels, from which on one more level is looked at: floor(log2(a) + 1/2) without a logarithm."""
DIRECTIONS = ((1, 0), (1, 1), (0, 1), (-1, 1), (-1, 0), (-1, -1), (0, -1), (1, -1))
"""The eight sectors (dx, dy), y up, in the order their values are summed."""


@dataclass(frozen=True, kw_only=True)
class Visibility:
    """Rows count from the bottom.

    Attributes:
        visible: (B, H, W), where a point is drawn and not hidden.
        level: (B, H, W), coarsest level looked at.
        openness: (B, H, W), mean over the sectors, 0 (closed) to 2.
    """

    visible: Bool[Tensor, "B H W"]
    level: Int[Tensor, "B H W"]
    openness: Float[Tensor, "B H W"]


def find_visible(
    position: Float[Tensor, "B 3 H W"],
    neighbourhood: Float[Tensor, "B"],
    same_centre: Bool[Tensor, "B"],
    occlusion_threshold: float,
) -> Visibility:
    """Decide for every drawn pixel whether it is seen.

    Args:
        position: drawn points in target axes, z = 0 where there is none.
        neighbourhood: 10 s0 fy; divided by depth it is the neighbourhood's size in pixels.
        same_centre: where no point is hidden, because all were seen from here.
        occlusion_threshold: points with a mean openness below this are hidden.
    """
    pyramid = nearest_pyramid(position, MAX_LEVELS)
    level = choose_level(pyramid, neighbourhood)
    openness = mean_openness(pyramid, level)
    hidden = (openness < torch.tensor(occlusion_threshold, dtype=torch.float32)) & ~same_centre[:, None, None]
    return Visibility(visible=(position[:, 2] != 0) & ~hidden, level=level, openness=openness)


def choose_level(pyramid: list[Float[Tensor, "B 3 _ _"]], neighbourhood: Float[Tensor, "B"]) -> Int[Tensor, "B H W"]:
    """The level whose texel is about as large as the neighbourhood.

    Depth comes from a coarse level, in which empty texels count as 0: beside holes the level is too high rather than
    too low.
    """
    coarse = pyramid[min(DEPTH_LEVEL, len(pyramid) - 1)][:, 2]
    depth = sample_bilinear(coarse, pyramid[0].shape[-2:]).clamp(min=LEAST_DEPTH)
    size_px = neighbourhood[:, None, None] / depth
    level = sum((size_px >= bound).to(torch.int32) for bound in LEVEL_BOUNDS)
    return level.clamp(max=len(pyramid) - 1)


def mean_openness(pyramid: list[Float[Tensor, "B 3 _ _"]], level: Int[Tensor, "B H W"]) -> Float[Tensor, "B H W"]:
    """Mean of the sectors that hold a point, each the least open of its levels 0 to `level`; 1 without any.

    Works through bands of rows, one texel of the coarsest level high, so that what is in hand stays in the cache.
    """
    H, W = level.shape[1:]
    band = 2 ** (len(pyramid) - 1)
    padding = (0, 0, 0, -H % band)
    position, level = F.pad(pyramid[0], padding), F.pad(level, padding, value=-1)
    widened = [widen(texels, band >> L, L, W) for L, texels in enumerate(pyramid)]
    openness = []
    for first_row in range(0, H, band):
        rows = slice(first_row, first_row + band)
        openness.append(band_openness(position[:, :, rows], level[:, rows], widened, first_row))
    return torch.cat(openness, dim=1)[:, :H]


def widen(texels: Float[Tensor, "B 3 h w"], spare_rows: int, L: int, W: int) -> Float[Tensor, "B 3 _ _"]:
    """Level L with each texel repeated to its width in pixels, an empty texel added on the left, and enough of them
    on the right and above for every pixel's neighbours to exist; one empty row below."""
    columns = ((W - 1) >> L) + 2 - texels.shape[-1]
    texels = F.pad(texels, (1, columns, 1, spare_rows + 1))
    return texels.repeat_interleave(2**L, dim=-1)


def band_openness(
    position: Float[Tensor, "B 3 R W"],
    level: Int[Tensor, "B R W"],
    widened: list[Float[Tensor, "B 3 _ _"]],
    first_row: int,
) -> Float[Tensor, "B R W"]:
    """`mean_openness` of the rows from `first_row` on."""
    B, _, R, W = position.shape
    total = torch.zeros_like(position[:, 0])
    sectors = torch.zeros_like(total)
    coarsest = int(level.max()) if level.numel() else -1
    for dx, dy in DIRECTIONS:
        least = torch.full_like(total, torch.inf)
        for L in range(coarsest + 1):
            # Rows are grouped by the texel they share: p is (B, 3, texel rows, 2^L, W), q the same with one row.
            grouped = (R >> L, 2**L, W)
            p = position.reshape(B, 3, *grouped)
            rows = slice((first_row >> L) + dy + 1, (first_row >> L) + dy + 1 + (R >> L))
            columns = slice((1 + dx) << L, ((1 + dx) << L) + W)
            q = widened[L][:, :, rows, None, columns]
            sampled = (q[:, 2] != 0) & (level.view(B, *grouped) >= L)
            cosine = direction_cosine(p, q).where(sampled, torch.inf)
            least = torch.minimum(least, cosine.view(B, R, W))
        found = least < torch.inf
        total += (1 + least).where(found, 0)
        sectors += found
    return (total / sectors).where(sectors > 0, 1)


def direction_cosine(p: Float[Tensor, "B 3 *shape"], q: Float[Tensor, "B 3 *other"]) -> Float[Tensor, "B *both"]:
    """Cosine between the way from p to q and the view ray through q, which is openness less 1.

    -1 when q lies straight between p and the eye, 0 at right angles, 1 straight behind. 0, which speaks for neither,
    when the quotient is no such number because the two points coincide. Summed x, y, z from left to right.
    """
    d = q - p
    along = sum_xyz(d * q)
    lengths = sum_xyz(d * d).sqrt() * sum_xyz(q * q).sqrt()
    cosine = along / lengths
    return cosine.where(cosine.abs() <= 2, 0)


def sum_xyz(terms: Float[Tensor, "B 3 *shape"]) -> Float[Tensor, "B *shape"]:
    return (terms[:, 0] + terms[:, 1]) + terms[:, 2]
