"""The sums behind the scores, in compiled loops over bands of rows; each is tested against its definition in torch."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from warpdata.kernel import kernel
from warpdata.render.cpu.bands import band_limits, run_bands

ROWS_AT_LEAST = 64
"""Of a band: below, handing it to another thread takes longer than the work."""

WHOLE_NUMBERS = 16384
"""Pixels whose squared differences, and Laplacians, a 32-bit sum can hold."""

NO_DEPTH, NOT_NEAR, NOT_FAR = np.float32(0), np.float32(np.inf), np.float32(-np.inf)


def compare(splat: np.ndarray, target: np.ndarray, shown: np.ndarray) -> np.ndarray:
    """(7,) int64: pixels shown, and over them target minus splat of each channel, and its square.

    Args:
        splat, target: (3, H, W) uint8.
        shown: (1, H, W) bool.
    """
    splat, target = np.ascontiguousarray(splat), np.ascontiguousarray(target)
    mask = np.ascontiguousarray(shown[0]).view(np.uint8)
    return _sum_over_rows(
        splat.shape[1], 7, lambda first, last, out: compare_rows(splat, target, mask, first, last, out)
    )


def joint_levels(splat: np.ndarray, target: np.ndarray, shown: np.ndarray) -> np.ndarray:
    """(3, 256, 256) int64: how many of the pixels shown have each pair of levels, of splat and target.

    Args:
        splat, target: (3, H, W) uint8.
        shown: (1, H, W) bool.
    """
    splat, target = np.ascontiguousarray(splat), np.ascontiguousarray(target)
    mask = np.ascontiguousarray(shown[0]).view(np.uint8)
    counts = np.zeros((3, 256, 256), np.int64)
    run_bands(lambda c, worker: count_levels(splat[c], target[c], mask, counts[c]), 3, torch.get_num_threads())
    return counts


def laplacian(picture: np.ndarray) -> np.ndarray:
    """(2,) int64: the Laplacian of R + 2 G + B, and its square, summed over all pixels but those of the rim.

    Args:
        picture: (3, H, W) uint8, both sides at least 3.
    """
    picture = np.ascontiguousarray(picture)
    rows = picture.shape[1] - 2
    return _sum_over_rows(rows, 2, lambda first, last, out: laplacian_rows(picture, first + 1, last + 1, out))


def points_between(
    depth: np.ndarray, confidence: np.ndarray, threshold: float, *, least_range: float, margin: float
) -> np.ndarray:
    """(2,) int64: how many points there are, and how many hang between two surfaces, see `points.between_surfaces`.

    Args:
        depth, confidence: (h, w) float32.
        threshold: of confidence.
    """
    depth, confidence = np.ascontiguousarray(depth), np.ascontiguousarray(confidence)
    limits = np.float32(threshold), np.float32(least_range), np.float32(margin)
    return _sum_over_rows(
        len(depth), 2, lambda first, last, out: between_rows(depth, confidence, *limits, first, last, out)
    )


def _sum_over_rows(rows: int, length: int, add_rows: Callable[[int, int, np.ndarray], None]) -> np.ndarray:
    threads = torch.get_num_threads()
    bands = band_limits(rows, max(1, min(threads, rows // ROWS_AT_LEAST)), 1)
    sums = np.zeros((len(bands), length), np.int64)
    run_bands(lambda band, worker: add_rows(*bands[band], sums[band]), len(bands), threads)
    return sums.sum(axis=0)


@kernel
def compare_rows(splat, target, shown, first, last, sums):
    W = splat.shape[2]
    for y in range(first, last):
        for begin in range(0, W, WHOLE_NUMBERS):
            end = min(begin + WHOLE_NUMBERS, W)
            seen = np.int32(0)
            for x in range(begin, end):
                seen += np.int32(shown[y, x])
            sums[0] += seen
            if seen > 0:
                for c in range(3):
                    difference = np.int32(0)
                    square = np.int32(0)
                    for x in range(begin, end):
                        d = (np.int32(target[c, y, x]) - np.int32(splat[c, y, x])) * np.int32(shown[y, x])
                        difference += d
                        square += d * d
                    sums[1 + c] += difference
                    sums[4 + c] += square


@kernel
def count_levels(splat, target, shown, counts):
    for y in range(splat.shape[0]):
        for x in range(splat.shape[1]):
            counts[splat[y, x], target[y, x]] += shown[y, x]


@kernel
def laplacian_rows(picture, first, last, sums):
    W = picture.shape[2]
    light = np.empty((3, W), np.int32)
    for y in range(first - 1, last + 1):
        row = light[y % 3]
        for x in range(W):
            row[x] = np.int32(picture[0, y, x]) + 2 * np.int32(picture[1, y, x]) + np.int32(picture[2, y, x])
        if y > first:
            above, middle, below = light[(y - 2) % 3], light[(y - 1) % 3], row
            total = np.int64(0)
            square = np.int64(0)
            for x in range(1, W - 1):
                curve = 4 * middle[x] - above[x] - below[x] - middle[x - 1] - middle[x + 1]
                total += np.int64(curve)
                square += np.int64(curve) * np.int64(curve)
            sums[0] += total
            sums[1] += square


@kernel
def split_row(depth, confidence, threshold, near, far):
    """The depths of a row's points as nearest and as farthest ones; what is no point is neither."""
    for x in range(depth.size):
        here, trust = depth[x], confidence[x]
        point = (here > NO_DEPTH) & (here < NOT_NEAR) & (trust >= threshold) & (trust < NOT_NEAR)
        near[x] = here if point else NOT_NEAR
        far[x] = here if point else NOT_FAR


@kernel
def least(a, b, c, d, e, out):
    """The least of five rows, pixel by pixel."""
    for x in range(out.size):
        p, q, r, s, t = a[x], b[x], c[x], d[x], e[x]
        p = p if p < q else q
        r = r if r < s else s
        p = p if p < r else r
        out[x] = p if p < t else t


@kernel
def greatest(a, b, c, d, e, out):
    """The greatest of five rows, pixel by pixel."""
    for x in range(out.size):
        p, q, r, s, t = a[x], b[x], c[x], d[x], e[x]
        p = p if p > q else q
        r = r if r > s else s
        p = p if p > r else r
        out[x] = p if p > t else t


@kernel
def count_row(depth, confidence, threshold, nearest, farthest, least_range, margin, counts):
    points, between = np.int32(0), np.int32(0)
    for x in range(depth.size):
        here, trust, near, far = depth[x], confidence[x], nearest[x], farthest[x]
        point = (here > NO_DEPTH) & (here < NOT_NEAR) & (trust >= threshold) & (trust < NOT_NEAR)
        distance = far - near
        edge = margin * distance
        hangs = point & (distance > least_range * near) & (here - near > edge) & (far - here > edge)
        points += np.int32(point)
        between += np.int32(hangs)
    counts[0] += points
    counts[1] += between


@kernel
def between_rows(depth, confidence, threshold, least_range, margin, first, last, counts):
    H, W = depth.shape
    near, far = np.full((5, W), NOT_NEAR), np.full((5, W), NOT_FAR)
    near_row, far_row = np.full(W + 4, NOT_NEAR), np.full(W + 4, NOT_FAR)
    nearest, farthest = np.empty(W, np.float32), np.empty(W, np.float32)
    for y in range(first - 2, last + 2):
        if 0 <= y < H:
            split_row(depth[y], confidence[y], threshold, near_row[2 : W + 2], far_row[2 : W + 2])
            a, b, c, d, e = near_row[:W], near_row[1 : W + 1], near_row[2 : W + 2], near_row[3 : W + 3], near_row[4:]
            least(a, b, c, d, e, near[y % 5])
            a, b, c, d, e = far_row[:W], far_row[1 : W + 1], far_row[2 : W + 2], far_row[3 : W + 3], far_row[4:]
            greatest(a, b, c, d, e, far[y % 5])
        else:
            near[y % 5], far[y % 5] = NOT_NEAR, NOT_FAR
        centre = y - 2
        if centre >= first:
            least(near[0], near[1], near[2], near[3], near[4], nearest)
            greatest(far[0], far[1], far[2], far[3], far[4], farthest)
            count_row(depth[centre], confidence[centre], threshold, nearest, farthest, least_range, margin, counts)
