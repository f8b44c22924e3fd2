"""Depth on another pixel grid: sharp at silhouettes, never interpolated into a hole.

Enlarging a depth map bilinearly hangs a curtain of false points between every object and what lies behind it. Here
depth is interpolated only inside a smooth surface: where all four neighbours are valid and their depths agree within
`DEPTH_EDGE`. There it is inverse depth that is interpolated, which is linear in image coordinates on a plane, so
planes stay planes. Everywhere else the nearest texel gives the value, and reducing always takes the nearest.

The renderer, the given geometry and the output size all use this one rule.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

DEPTH_EDGE = 0.05
"""Neighbours whose depths differ by more than this part of the nearer one lie on different surfaces."""


@dataclass(frozen=True, kw_only=True)
class SamplingGrid:
    """Where the pixels of a new grid lie in a source grid: `source = scale * new + offset`, in pixels.

    Positions count from the corner, so that the first pixel's centre is (0.5, 0.5) in both.

    Attributes:
        hw: height and width of the new grid.
        scale_xy: source pixels a new pixel.
        offset_xy: source position of the new grid's top left corner; negative where it begins outside the source.
    """

    hw: tuple[int, int]
    scale_xy: tuple[float, float]
    offset_xy: tuple[float, float] = (0.0, 0.0)

    @classmethod
    def spanning(cls, source_hw: tuple[int, int], hw: tuple[int, int]) -> SamplingGrid:
        """The grid of size `hw` over the whole source."""
        return cls(hw=hw, scale_xy=(source_hw[1] / hw[1], source_hw[0] / hw[0]))

    @property
    def copies(self) -> bool:
        """Whether every new pixel is one source pixel (or outside), so that values are copied."""
        return self.scale_xy == (1, 1) and all(float(offset).is_integer() for offset in self.offset_xy)

    @property
    def reduces(self) -> bool:
        """Whether new pixels are larger than the source's in either direction."""
        return max(self.scale_xy) > 1


def resample_depth(
    depth: Float[Tensor, "*batch h w"],
    confidence: Float[Tensor, "*batch h w"] | None,
    grid: SamplingGrid,
) -> tuple[Float[Tensor, "*batch H W"], Float[Tensor, "*batch H W"] | None]:
    """Depth and confidence on the pixels of `grid`, in float32, by the rule at the top of this file.

    Depth that is not finite or not positive counts as none and comes out as 0. Pixels whose centre lies outside the
    source have depth 0 and confidence 1, the least there is. Positions and weights are formed in float32, one rounding
    an operation, so that a kernel can repeat them bit for bit.
    """
    depth = depth.float()
    depth = torch.where(torch.isfinite(depth) & (depth > 0), depth, 0)
    confidence = None if confidence is None else confidence.float()
    x = _Axis.along(grid.hw[1], depth.shape[-1], grid.scale_xy[0], grid.offset_xy[0], depth.device)
    y = _Axis.along(grid.hw[0], depth.shape[-2], grid.scale_xy[1], grid.offset_xy[1], depth.device)

    new_depth = _nearest(depth, x, y)
    new_confidence = None if confidence is None else _nearest(confidence, x, y)
    if not (grid.reduces or grid.copies):
        least = _over_neighbours(depth, x, y, torch.minimum)
        smooth = (least > 0) & (_over_neighbours(depth, x, y, torch.maximum) <= least * (1 + DEPTH_EDGE))
        inverse = _bilinear(torch.where(depth > 0, 1 / depth, 0), x, y)
        new_depth = torch.where(smooth, 1 / inverse, new_depth)
        if confidence is not None:
            new_confidence = torch.where(smooth, _bilinear(confidence, x, y), new_confidence)

    inside = y.inside[:, None] & x.inside
    if not inside.all():
        new_depth = torch.where(inside, new_depth, 0)
        new_confidence = None if new_confidence is None else torch.where(inside, new_confidence, 1)
    return new_depth, new_confidence


@dataclass(frozen=True)
class _Axis:
    """Source texels and weights of one axis: the two neighbours, the second one's weight, the nearest texel."""

    first: Tensor
    second: Tensor
    weight: Tensor
    nearest: Tensor
    inside: Tensor

    @classmethod
    def along(cls, count: int, source_count: int, scale: float, offset: float, device: torch.device) -> _Axis:
        centres = torch.arange(count, dtype=torch.float32, device=device) + 0.5
        position = centres * scale + (offset - 0.5)
        first = position.floor()
        last = source_count - 1
        return cls(
            first=first.clamp(0, last).long(),
            second=(first + 1).clamp(0, last).long(),
            weight=position - first,
            nearest=(position + 0.5).floor().clamp(0, last).long(),
            inside=(position >= -0.5) & (position <= last + 0.5),
        )


def _nearest(values: Tensor, x: _Axis, y: _Axis) -> Tensor:
    return values.index_select(-2, y.nearest).index_select(-1, x.nearest)


def _bilinear(values: Tensor, x: _Axis, y: _Axis) -> Tensor:
    left, right = values.index_select(-1, x.first), values.index_select(-1, x.second)
    rows = left + (right - left) * x.weight
    top, bottom = rows.index_select(-2, y.first), rows.index_select(-2, y.second)
    return top + (bottom - top) * y.weight[:, None]


def _over_neighbours(values: Tensor, x: _Axis, y: _Axis, pick) -> Tensor:
    """The least or greatest of the four neighbours."""
    rows = pick(values.index_select(-1, x.first), values.index_select(-1, x.second))
    return pick(rows.index_select(-2, y.first), rows.index_select(-2, y.second))
