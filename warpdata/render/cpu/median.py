"""The exact median of a depth map, by counting: no sort, and two passes that bands of the map share.

The bits of a positive float are ordered as the float. The first pass counts values by their upper 16 bits, the second
those around the middle by their lower 16.
"""

from __future__ import annotations

from warpdata.render.cpu.kernel import kernel

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
