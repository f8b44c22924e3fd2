"""A tile's surface in its local frame: heights between pixel centres, and the image that lies on them.

x points east, y north, z up, in metres; the origin is the centre of the tile's outline on the ground, at height 0 of
the tile's datum. The pixel in row r and column c has its centre at x = first_x + pitch_x c, y = first_y - pitch_y r.
Between four centres the height is bilinear: a *patch*. A pixel without data takes the four patches around it away.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int64, UInt8
from torch import Tensor

Number = TypeVar("Number", float, np.ndarray, Tensor)


@dataclass(frozen=True, kw_only=True)
class Grid:
    """Where the pixel centres of a raster are.

    Attributes:
        first_xy: of the first row's first pixel, metres.
        pitch_xy: distance of neighbouring columns and rows, metres, both positive.
    """

    first_xy: tuple[float, float]
    pitch_xy: tuple[float, float]

    def place(self, x: Number, y: Number) -> tuple[Number, Number]:
        """Column and row of a place in metres, whole at pixel centres."""
        return (x - self.first_xy[0]) / self.pitch_xy[0], (self.first_xy[1] - y) / self.pitch_xy[1]


@dataclass(frozen=True, kw_only=True, eq=False)
class Terrain:
    """Heights with an image.

    Attributes:
        heights: metres above the datum, NaN where there is no data; at least 2 x 2.
        grid: of `heights`.
        texture: the image, on a grid of its own that covers the same ground.
        textured: where the image has data.
        texture_grid: of `texture`.
    """

    heights: Float64[np.ndarray, "h w"]
    grid: Grid
    texture: UInt8[np.ndarray, "ht wt 3"]
    textured: Bool[np.ndarray, "ht wt"]
    texture_grid: Grid

    @cached_property
    def highest(self) -> float:
        """Of all heights, metres; negative infinity where there is none."""
        return float(np.nanmax(self.heights)) if np.isfinite(self.heights).any() else -np.inf

    @cached_property
    def maxima(self) -> Pyramid:
        """The highest corner of every patch, then of every 2 x 2 of those, and so on; negative infinity of patches
        that are not there."""
        corners = self.heights
        level = _greatest(corners[:-1, :-1], corners[:-1, 1:], corners[1:, :-1], corners[1:, 1:])
        levels = [np.where(np.isnan(level), -np.inf, level)]
        while levels[-1].size > 1:
            below = levels[-1]
            even = np.full([2 * (-(-side // 2)) for side in below.shape], -np.inf)
            even[: below.shape[0], : below.shape[1]] = below
            levels.append(_greatest(even[::2, ::2], even[::2, 1::2], even[1::2, ::2], even[1::2, 1::2]))
        return Pyramid.of(levels)

    @cached_property
    def textures(self) -> Pyramid:
        """The image at its own and at half the size, at half of that, and so on: each the mean of 2 x 2, of those with
        data."""
        colours, weight = self.texture.astype(np.float64), self.textured.astype(np.float64)
        levels = []
        while True:
            levels.append(np.where(weight[..., None] > 0, colours, 0).astype(np.float32))
            if max(colours.shape[:2]) == 1:
                return Pyramid.of(levels)
            colours, weight = _halved(colours, weight)


def _greatest(*values: Float64[np.ndarray, "h w"]) -> Float64[np.ndarray, "h w"]:
    """NaN where any is."""
    return np.maximum(np.maximum(values[0], values[1]), np.maximum(values[2], values[3]))


def _halved(colours: Float64[np.ndarray, "h w 3"], weight: Float64[np.ndarray, "h w"]) -> tuple[np.ndarray, np.ndarray]:
    height, width = (-(-side // 2) for side in weight.shape)
    padded_weight, padded = np.zeros((2 * height, 2 * width)), np.zeros((2 * height, 2 * width, 3))
    padded_weight[: weight.shape[0], : weight.shape[1]] = weight
    padded[: weight.shape[0], : weight.shape[1]] = colours * weight[..., None]
    weights = padded_weight.reshape(height, 2, width, 2).sum(axis=(1, 3))
    sums = padded.reshape(height, 2, width, 2, 3).sum(axis=(1, 3))
    return sums / np.maximum(weights, 1e-12)[..., None], (weights > 0).astype(np.float64)


@dataclass(frozen=True, eq=False)
class Pyramid:
    """Levels of an image in one array, the finest first.

    Attributes:
        values: all levels, rows after rows.
        shapes: per level its first value's index in units of pixels, its height and its width.
    """

    values: Float64[np.ndarray, " n"] | Float32[np.ndarray, "n 3"]
    shapes: Int64[np.ndarray, "levels 3"]

    @classmethod
    def of(cls, levels: list[np.ndarray]) -> Pyramid:
        sizes = [level.shape[0] * level.shape[1] for level in levels]
        starts = np.cumsum([0, *sizes[:-1]])
        shapes = [[start, *level.shape[:2]] for start, level in zip(starts, levels, strict=True)]
        values = np.concatenate(
            [level.reshape(size, *level.shape[2:]) for size, level in zip(sizes, levels, strict=True)]
        )
        return cls(values, np.array(shapes, np.int64))
