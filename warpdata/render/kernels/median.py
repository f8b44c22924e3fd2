"""The exact median of positive floats, a byte of their bits at a time: no sorting, and nothing waits for the host.

The bits of positive floats are ordered as the floats. Each pass counts the next byte of the values that agree with
what is known of the median so far; an even number of values has two middle ones, followed side by side.
"""

from typing import no_type_check

import warp as wp

from warpdata.gpu_kernel import MODULE_OPTIONS

wp.set_module_options(MODULE_OPTIONS)

COPIES = 128
"""Histograms kept for one list, so that few threads at a time add to one counter."""
BINS = wp.constant(256)
PASS_SHIFTS = (24, 16, 8, 0)


@no_type_check
@wp.kernel
def count_bytes(
    values: wp.array2d[wp.float32],
    shift: wp.int32,
    middle: wp.array2d[wp.int32],
    counts: wp.array3d[wp.int32],
):
    """Count the byte at `shift` of every value above 0 whose higher bytes are those of a middle value."""
    b, i = wp.tid()
    value = values[b, i]
    if value > 0.0:
        bits = wp.cast(value, wp.int32)
        higher = (bits >> 1) >> (shift + 7)
        byte = (bits >> shift) & 255
        copy = i % counts.shape[1]
        lower = middle[b, 0]
        upper = middle[b, 1]
        if higher == lower:
            wp.atomic_add(counts, b, copy, byte, 1)
        elif higher == upper:
            wp.atomic_add(counts, b, copy, BINS + byte, 1)


@no_type_check
@wp.kernel
def add_copies(counts: wp.array3d[wp.int32], totals: wp.array2d[wp.int32]):
    b, k = wp.tid()
    total = int(0)
    for copy in range(counts.shape[1]):
        total += counts[b, copy, k]
    totals[b, k] = total


@no_type_check
@wp.kernel
def choose_bytes(
    totals: wp.array2d[wp.int32],
    is_first: wp.bool,
    rank: wp.array2d[wp.int32],
    middle: wp.array2d[wp.int32],
):
    """Append a byte to both middle values; `rank` counts the values before them among those that agree so far."""
    b = wp.tid()
    if is_first:
        count = int(0)
        for byte in range(BINS):
            count += totals[b, byte]
        rank[b, 0] = (count - 1) // 2
        rank[b, 1] = count // 2
    together = middle[b, 0] == middle[b, 1]
    for which in range(2):
        first = int(0)
        if which == 1 and not together:
            first = int(BINS)
        before = rank[b, which]
        chosen = int(-1)
        for byte in range(BINS):
            if chosen < 0:
                total = totals[b, first + byte]
                if before < total:
                    chosen = byte
                else:
                    before -= total
        rank[b, which] = before
        middle[b, which] = (middle[b, which] << 8) | wp.max(chosen, 0)
