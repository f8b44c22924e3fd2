"""The exact median of a depth map, by counting: no sort, and two passes that bands of the map share.

The bits of a positive float are ordered as the float. The first pass counts values by their upper 16 bits, the second
those around the middle by their lower 16.
"""

from __future__ import annotations

import numpy as np

from warpdata.kernel import kernel

BINS = 1 << 16
INFINITY_BITS = 0x7F800000


@kernel
def count_upper(bits, counts, first, last):
    """Count the finite values above 0 among `bits[first:last]` by their upper half."""
    counts[:] = 0
    for i in range(first, last):
        if (bits[i] > 0) & (bits[i] < INFINITY_BITS):
            counts[bits[i] >> 16] += 1


@kernel
def count_lower(bits, upper, counts, first, last):
    """Count the values among `bits[first:last]` whose upper half is `upper[0]`, or `upper[1]`, by their lower half."""
    counts[:] = 0
    for i in range(first, last):
        for side in range(2):
            if bits[i] >> 16 == upper[side]:
                counts[side, bits[i] & 0xFFFF] += 1


@kernel
def locate(counts, rank):
    """The bin that holds the value of a rank, and the rank within it."""
    for b in range(counts.size):
        if rank < counts[b]:
            return b, rank
        rank -= counts[b]
    return 0, 0


def middle_bins(counts: np.ndarray) -> tuple[list[int] | None, np.ndarray]:
    """Of the two middle values: their ranks among the values of their bins (None without values), and these bins.

    Args:
        counts: (bands, BINS / 2), from `count_upper` of every band.
    """
    total = counts.sum(axis=0)
    count = int(total.sum())
    if count == 0:
        return None, np.full(2, -1, np.int64)
    found = [locate(total, rank) for rank in ((count - 1) // 2, count // 2)]
    return [rank for _, rank in found], np.array([upper for upper, _ in found], np.int64)


def mean_of_middle(ranks: list[int], upper: np.ndarray, counts: np.ndarray) -> np.float32:
    """The median: the mean of the two middle values.

    Args:
        ranks, upper: from `middle_bins`.
        counts: (bands, 2, BINS), from `count_lower` of every band.
    """
    total = counts.sum(axis=0)
    bits = [(upper[side] << 16) | locate(total[side], ranks[side])[0] for side in range(2)]
    lower, higher = np.array(bits, np.int32).view(np.float32)
    return (lower + higher) * np.float32(0.5)
