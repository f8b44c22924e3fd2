"""Colour for holes: `warpdata.render.fill` on four planes a level (red, green, blue, weight), in bytes as float32."""

from __future__ import annotations

import numpy as np

from warpdata.kernel import kernel

CHUNK = 64
"""Pixels of a row that are painted together."""
ZERO, HALF, ONE = np.float32(0), np.float32(0.5), np.float32(1)


@kernel
def channel(packed, shift):
    """Byte of a packed colour."""
    return np.int32((packed >> shift) & np.uint32(255))


@kernel
def push_pixels(color, visible, coarse, first, last):
    """Rows `first` to `last` of level 1: mean colour of the visible pixels of every 2x2 block."""
    for j in range(first, min(last, coarse.shape[1])):
        seen_below, seen_above, below, above = visible[2 * j], visible[2 * j + 1], color[2 * j], color[2 * j + 1]
        for c in range(4):
            out, shift = coarse[c, j], np.uint32(8 * min(c, 2))
            for i in range(out.size):
                left = np.uint64(i) << np.uint64(1)
                right = left + np.uint64(1)
                w0, w1 = np.int32(seen_below[left]), np.int32(seen_below[right])
                w2, w3 = np.int32(seen_above[left]), np.int32(seen_above[right])
                weight = np.int32(w0 + w1 + w2 + w3)
                total = w0 * channel(below[left], shift) + w1 * channel(below[right], shift)
                total += w2 * channel(above[left], shift) + w3 * channel(above[right], shift)
                mean = np.float32(np.int32(total)) / np.float32(np.int32(max(weight, 1)))
                out[i] = mean if c < 3 else np.float32(np.int32(min(weight, 1)))


@kernel
def push(fine, coarse, first, last):
    """Rows `first` to `last` of the next level: mean colour of the covered texels of every 2x2 block."""
    for j in range(first, min(last, coarse.shape[1])):
        w_below, w_above = fine[3, 2 * j], fine[3, 2 * j + 1]
        for c in range(4):
            below, above, out = fine[c, 2 * j], fine[c, 2 * j + 1], coarse[c, j]
            for i in range(out.size):
                left = np.uint64(i) << np.uint64(1)
                right = left + np.uint64(1)
                weight = ((w_below[left] + w_below[right]) + w_above[left]) + w_above[right]
                total = ((below[left] + below[right]) + above[left]) + above[right]
                out[i] = total / max(weight, ONE) if c < 3 else min(weight, ONE)


@kernel
def widen_row(filled, row, first, second, fraction, out):
    """A coarse row at the columns of the finer level."""
    for c in range(4):
        texels, wide = filled[c, row], out[c]
        for x in range(first.size):
            a = texels[first[x]]
            wide[x] = a + (texels[second[x]] - a) * fraction[x]


@kernel
def pull(level, filled, columns, wide, first, last):
    """Fill the texels without weight in rows `first` to `last` of a level from the next coarser one, already filled.

    `columns` tells where its columns lie in the coarser level; `wide` (2, 4, width) is scratch.
    """
    rows, coarse_rows = level.shape[1], filled.shape[1]
    ratio = np.float32(coarse_rows / rows)
    held_0, held_1 = -1, -1
    for y in range(first, min(last, rows)):
        weight = level[3, y]
        if weight.min() > 0:
            continue
        s = (np.float32(y) + HALF) * ratio - HALF
        lower = np.floor(s)
        f = s - lower
        below = min(max(np.int64(lower), 0), coarse_rows - 1)
        above = min(max(np.int64(lower) + 1, 0), coarse_rows - 1)
        for row in (below, above):
            if row % 2 == 0 and held_0 != row:
                held_0 = row
                widen_row(filled, row, columns[0], columns[1], columns[2], wide[0])
            if row % 2 == 1 and held_1 != row:
                held_1 = row
                widen_row(filled, row, columns[0], columns[1], columns[2], wide[1])
        # The weight comes last: until then it tells which texels to fill.
        for c in range(4):
            a, b, out = wide[below % 2, c], wide[above % 2, c], level[c, y]
            for x in range(out.size):
                value = a[x] + (b[x] - a[x]) * f
                out[x] = out[x] if weight[x] > 0 else value


@kernel
def widen_chunk(filled, row, columns, x, count, slot, wide):
    """A coarse row at the columns of the finer level, for the `count` pixels from `x` on."""
    first, second, fraction = columns
    for c in range(4):
        for i in range(count):
            k = np.uint64(x) + np.uint64(i)
            a = filled[c, row, np.uint64(first[k])]
            b = filled[c, row, np.uint64(second[k])]
            wide[slot, c, k] = a + (b - a) * fraction[k]


@kernel
def has_hole_in_reach(near, y, x, count, end):
    """Whether some pixel is not visible and some is within reach of one that is."""
    farthest, closest = np.int32(0), np.int32(2**31 - 1)
    for i in range(count):
        k = np.uint64(x) + np.uint64(i)
        farthest, closest = max(farthest, np.int32(near[y, k])), min(closest, np.int32(near[y, k]))
    return farthest > 0 and closest < end


@kernel
def paint_plainly(color, seen, y, z, background, up, rgb, coverage, depth):
    """A row as if there were no fill."""
    for x in range(color.shape[1]):
        coverage[up, x] = 255 if seen[y, x] else 0
        depth[up, x] = z[y, x] if seen[y, x] else ZERO
    for c in range(3):
        beyond, shift = np.uint8(background[c]), np.uint32(8 * c)
        for x in range(color.shape[1]):
            rgb[c, up, x] = np.uint8(channel(color[y, x], shift)) if seen[y, x] else beyond


@kernel
def paint_fill(
    color, seen, near, y, wide, lower, upper, f, table, background, rounding, x, count, up, alpha, rgb, coverage
):
    """`count` pixels of a row from `x` on, holes filled from the widened coarse rows in slots `lower` and `upper`."""
    end = np.int32(table.size)
    for i in range(count):
        k = np.uint64(x) + np.uint64(i)
        d = np.int32(near[y, k])
        fade = table[np.uint64(min(d, end - 1))]
        a, b = wide[lower, 3, k], wide[upper, 3, k]
        weight = (a + (b - a) * f) * (fade if d < end else ZERO)
        alpha[i] = weight
        covered = np.uint8(np.int32(np.float32(255) * weight + HALF))
        coverage[up, k] = np.uint8(255) if seen[y, k] else covered
    for c in range(3):
        shift, beyond = np.uint32(8 * c), background[c]
        for i in range(count):
            k = np.uint64(x) + np.uint64(i)
            a, b = wide[lower, c, k], wide[upper, c, k]
            value = np.uint8(np.int32((a + (b - a) * f) * alpha[i] + beyond * (ONE - alpha[i]) + rounding))
            rgb[c, up, k] = np.uint8(channel(color[y, k], shift)) if seen[y, k] else value


@kernel
def finish(
    color, visible, z, filled, columns, nearest, table, background, compat, scratch, rgb, coverage, depth, first, last
):
    """Finish rows `first` to `last`: the last level of the fill, faded to the background, upright.

    `nearest` is squared distance, `table` the fade by it. `filled` is level 1, without rows if there is none.
    """
    wide, held, alpha = scratch
    H, W = visible.shape
    coarse_rows = filled.shape[1]
    ratio = np.float32(coarse_rows / H)
    rounding = ZERO if compat else HALF
    held[:] = -1
    for y in range(first, last):
        up = H - 1 - y
        paint_plainly(color, visible, y, z, background, up, rgb, coverage, depth)
        s = (np.float32(y) + HALF) * ratio - HALF
        lower = np.floor(s)
        below = min(max(np.int64(lower), 0), coarse_rows - 1)
        above = min(max(np.int64(lower) + 1, 0), coarse_rows - 1)
        for x in range(0, W, CHUNK):
            count = min(CHUNK, W - x)
            if coarse_rows == 0 or not has_hole_in_reach(nearest, y, x, count, table.size):
                continue
            for row in (below, above):
                if held[row % 2, x // CHUNK] != row:
                    held[row % 2, x // CHUNK] = row
                    widen_chunk(filled, row, columns, x, count, row % 2, wide)
            paint_fill(
                *(color, visible, nearest, y, wide, below % 2, above % 2, s - lower, table, background, rounding),
                *(x, count, up, alpha, rgb, coverage),
            )
