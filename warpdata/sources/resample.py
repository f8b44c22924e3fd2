"""Pictures resampled at any positions, each output pixel over the area that it covers.

Pillow's bicubic resize for maps that are no plain resize: the kernel (Keys, Cubic convolution interpolation, 1981, with
a = -1/2) is as wide as the output's step in the source, and what would lie outside the picture has no weight. Only
additions, products and quotients in a written order are made of positions rounded to 1/1024 pixel, so that the result
is the same on every processor.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from math import ceil

import numpy as np
import torch
from jaxtyping import Float64, UInt8

from warpdata.camera import pixel_centres
from warpdata.kernel import kernel

SourcePositions = Callable[[Float64[np.ndarray, "h w 2"]], Float64[np.ndarray, "h w 2"]]
"""From positions (x, y) in the output to those in the source, in pixels."""

_BAND_PIXELS = 2**16
"""Output pixels at a time: their positions take 16 bytes each, several times."""

_GRID = 1024.0
"""Positions are rounded to 1 / this."""

MAX_STEP = 64.0
"""An output pixel covers at most so many source pixels along each axis; maps that shrink more alias."""


def resample(
    source: UInt8[np.ndarray, "H W 3"], output_hw: tuple[int, int], positions: SourcePositions
) -> UInt8[np.ndarray, "h w 3"]:
    """The picture that shows at each pixel's centre what the source shows at its position.

    Args:
        source: 8-bit colours.
        output_hw: height and width of the result.
        positions: smooth; where it leads outside, the nearest pixels of the source are repeated.
    """
    height, width = output_hw
    output = np.empty((height, 3 * width), np.uint8)
    source = np.ascontiguousarray(source).reshape(len(source), -1)
    rows = max(1, _BAND_PIXELS // (width + 1))

    def band(first: int) -> None:
        last = min(first + rows, height)
        # One row and one column more: steps between neighbours are differences.
        centres = pixel_centres((last - first + 1, width + 1), dtype=torch.float64).numpy()
        centres[..., 1] += first
        xy = np.rint(positions(centres) * _GRID) / _GRID
        here = xy[:-1, :-1]
        step = np.sqrt((xy[:-1, 1:] - here) ** 2 + (xy[1:, :-1] - here) ** 2)
        step = np.clip(np.rint(step * _GRID) / _GRID, 1.0, MAX_STEP)
        taps = 2 * ceil(2 * step.max()) + 3
        weights, column_sums = np.empty((2, taps), np.float32), np.empty(3 * taps, np.float32)
        _resample_rows(source, np.ascontiguousarray(here), step, weights, column_sums, output[first:last])

    with ThreadPoolExecutor(max(1, torch.get_num_threads())) as threads:
        list(threads.map(band, range(0, height, rows)))
    return output.reshape(height, width, 3)


@kernel
def _set_weights(position, step, size, weights):
    """The kernel around a position along one axis -> first source pixel, how many; their weights sum to 1."""
    reach = 2.0 * step
    first = max(int(np.floor(position - reach + 0.5)), 0)
    last = min(int(np.floor(position + reach + 0.5)), size)
    if last <= first:  # outside
        first = 0 if position < 0 else size - 1
        last = first + 1
    total = 0.0
    for tap in range(last - first):
        distance = abs((first + tap + 0.5 - position) / step)
        weight = 0.0
        if distance < 1.0:
            weight = (1.5 * distance - 2.5) * distance * distance + 1.0
        elif distance < 2.0:
            weight = ((-0.5 * distance + 2.5) * distance - 4.0) * distance + 2.0
        weights[tap] = weight
        total += weight
    if abs(total) < 1e-3:  # only the kernel's tail is inside
        first = 0 if position < 0.5 * size else size - 1
        last, total = first + 1, 1.0
        weights[0] = 1.0
    for tap in range(last - first):
        weights[tap] = weights[tap] / total
    return first, last - first


@kernel
def _resample_rows(source, xy, step, weights, column_sums, output):
    """`source` and `output` as rows of red, green, blue, red, ...; `column_sums` is room for the sums over rows, which
    come first because they run over neighbouring bytes."""
    height, width = source.shape[0], source.shape[1] // 3
    across, down = weights[0], weights[1]
    for row in range(xy.shape[0]):
        for column in range(xy.shape[1]):
            left, columns = _set_weights(xy[row, column, 0], step[row, column, 0], width, across)
            top, rows = _set_weights(xy[row, column, 1], step[row, column, 1], height, down)
            sums = column_sums[: 3 * columns]
            sums[:] = np.float32(0.0)
            for y in range(rows):
                line = source[top + y, 3 * left : 3 * (left + columns)]
                weight = down[y]
                for index in range(3 * columns):
                    sums[index] += weight * np.float32(line[index])
            for channel in range(3):
                value = np.float32(0.5)
                for x in range(columns):
                    value += across[x] * sums[3 * x + channel]
                output[row, 3 * column + channel] = np.uint8(min(max(value, np.float32(0.0)), np.float32(255.0)))
