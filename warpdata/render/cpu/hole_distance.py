"""Exact squared distance to the nearest visible pixel, as far as the fade reaches.

Separable as in `warpdata.render.distance`: along columns by two sweeps, then along rows by trying every offset that
could still be nearer, many pixels an instruction.
"""

from __future__ import annotations

import numpy as np

from warpdata.kernel import kernel

CHUNK = 64
"""Pixels of a row that are searched together."""


def distance_type(reach):
    """Smallest integers that hold the sums of `along_rows`."""
    return np.dtype(np.uint16 if (reach + 1) ** 2 + reach**2 < 2**16 else np.int32)


@kernel
def along_columns(visible, cap, distance, first, last):
    """Distance along the column, at most `cap`, for the columns `first` to `last`."""
    H = visible.shape[0]
    for y in range(H):
        row, seen, before = distance[y, first:last], visible[y, first:last], distance[max(y - 1, 0), first:last]
        if y == 0:
            for x in range(row.size):
                row[x] = 0 if seen[x] else cap
        else:
            for x in range(row.size):
                row[x] = 0 if seen[x] else min(before[x] + 1, cap)
    for y in range(H - 2, -1, -1):
        row, before = distance[y, first:last], distance[y + 1, first:last]
        for x in range(row.size):
            row[x] = min(row[x], before[x] + 1)


@kernel
def try_offset(squared, left, right, step, best):
    for k in range(CHUNK):
        i = np.uint64(k)
        nearer = min(squared[left + i], squared[right + i]) + step
        best[k] = min(np.int64(best[k]), np.int64(nearer))


@kernel
def any_within(squared, start, count, reach):
    """Whether one of `count` pixels has a visible one in reach along its column."""
    least = squared[start]
    for k in range(count):
        least = min(least, squared[start + np.uint64(k)])
    return least <= reach * reach


@kernel
def along_rows(distance, reach, squared, nearest, first, last):
    """Squared distance in the plane for the rows `first` to `last`, exact up to `reach` and larger beyond.

    Args:
        distance: along the columns, at most `reach` + 1.
        squared: scratch of the type of `nearest`, as long as its rows and `reach` more at both ends.
        nearest: the result; its rows are whole chunks.
    """
    W = distance.shape[1]
    squared[:reach] = (reach + 1) * (reach + 1)
    squared[reach + W :] = (reach + 1) * (reach + 1)
    for y in range(first, last):
        for x in range(W):
            squared[reach + x] = np.int32(distance[y, x]) * np.int32(distance[y, x])
        for x in range(0, nearest.shape[1], CHUNK):
            best = nearest[y, x : x + CHUNK]
            best[:] = squared[reach + x : reach + x + CHUNK]
            farthest = np.int64(best.max())
            if farthest > 0 and not any_within(squared, np.uint64(x), CHUNK + 2 * reach, reach):
                continue
            dx = 1
            while dx <= reach and dx * dx < farthest:
                try_offset(squared, np.uint64(reach + x - dx), np.uint64(reach + x + dx), dx * dx, best)
                if dx % 4 == 0:
                    farthest = np.int64(best.max())
                dx += 1
