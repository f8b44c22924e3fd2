"""Depth on another pixel grid: sharp at silhouettes, never interpolated into a hole.

Enlarging a depth map bilinearly hangs a curtain of false points between every object and what lies behind it. Here
depth is interpolated only inside a smooth surface: where all four neighbours are valid and their depths agree within
`DEPTH_EDGE`. There it is inverse depth that is interpolated, which is linear in image coordinates on a plane, so
planes stay planes. Everywhere else the nearest texel gives the value, and reducing always takes the nearest.

This is the one definition. The given geometry and the output size use it as it is, the renderer through
`render.upsample`; the renderer's kernels (`render.cpu.upsample`, `render.kernels.depth`) repeat it bit for bit, for a
map that spans its picture, and are tested against it.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
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


@dataclass(frozen=True, kw_only=True)
class AxisSamples:
    """Between which two source texels each new pixel of one axis lies; texels beyond the edge are the edge's.

    Attributes:
        first: the texel before the pixel's centre.
        second: the texel behind it.
        fraction: how far from the first to the second it lies, 0 to 1.
        inside: whether it lies within the source at all.
    """

    first: Int[Tensor, "n"]
    second: Int[Tensor, "n"]
    fraction: Float[Tensor, "n"]
    inside: Bool[Tensor, "n"]

    @classmethod
    def along(cls, count: int, source_count: int, scale: float, offset: float, device: torch.device) -> AxisSamples:
        """Of `count` pixels at `scale * (i + 1/2) + offset`: scale and offset are rounded to float32 once, and so is
        every operation, so that a kernel can repeat them bit for bit."""
        centres = torch.arange(count, dtype=torch.float32, device=device) + 0.5
        position = centres * scale + (offset - 0.5)
        lower = position.floor()
        last = source_count - 1
        return cls(
            first=lower.clamp(0, last).long(),
            second=(lower + 1).clamp(0, last).long(),
            fraction=position - lower,
            inside=(position >= -0.5) & (position <= last + 0.5),
        )

    @property
    def nearest(self) -> Int[Tensor, "n"]:
        """The nearer of the two texels, the second one when they are equally near."""
        return torch.where(self.fraction < 0.5, self.first, self.second)


def has_depth(depth: Float[Tensor, "*shape"]) -> Bool[Tensor, "*shape"]:
    """Where a depth map holds a value: finite and above 0."""
    return depth.isfinite() & (depth > 0)


def resample_depth(
    depth: Float[Tensor, "*batch h w"],
    confidence: Float[Tensor, "*batch h w"] | None,
    grid: SamplingGrid,
) -> tuple[Float[Tensor, "*batch H W"], Float[Tensor, "*batch H W"] | None]:
    """Depth and confidence on the pixels of `grid`, in float32, by the rule at the top of this file.

    Depth that is not finite or not positive counts as none and comes out as 0. Pixels whose centre lies outside the
    source have depth 0 and confidence 1, the least there is. Every operation is rounded by itself, in this order.
    """
    depth = depth.float()
    depth = torch.where(has_depth(depth), depth, 0)
    confidence = None if confidence is None else confidence.float()
    x = AxisSamples.along(grid.hw[1], depth.shape[-1], grid.scale_xy[0], grid.offset_xy[0], depth.device)
    y = AxisSamples.along(grid.hw[0], depth.shape[-2], grid.scale_xy[1], grid.offset_xy[1], depth.device)

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
    new_depth = torch.where(inside, new_depth, 0)
    return new_depth, None if new_confidence is None else torch.where(inside, new_confidence, 1)


def _nearest(values: Tensor, x: AxisSamples, y: AxisSamples) -> Tensor:
    return values.index_select(-2, y.nearest).index_select(-1, x.nearest)


def _bilinear(values: Tensor, x: AxisSamples, y: AxisSamples) -> Tensor:
    """Along x, then along y, each step a + (b - a) f."""
    left, right = values.index_select(-1, x.first), values.index_select(-1, x.second)
    rows = left + (right - left) * x.fraction
    top, bottom = rows.index_select(-2, y.first), rows.index_select(-2, y.second)
    return top + (bottom - top) * y.fraction[:, None]


def _over_neighbours(values: Tensor, x: AxisSamples, y: AxisSamples, pick) -> Tensor:
    """The least or greatest of the four neighbours."""
    rows = pick(values.index_select(-1, x.first), values.index_select(-1, x.second))
    return pick(rows.index_select(-2, y.first), rows.index_select(-2, y.second))
