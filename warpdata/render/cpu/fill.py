"""Colour for holes: `warpdata.render.fill` on four planes a level (red, green, blue, weight), in bytes as float32."""

from __future__ import annotations

import numpy as np

from warpdata.render.cpu.kernel import kernel

ZERO, HALF, ONE = np.float32(0), np.float32(0.5), np.float32(1)


@kernel
def push_pixels(color, visible, coarse, first, last):
    """Rows `first` to `last` of level 1: mean colour of the visible pixels of every 2x2 block."""
    for j in range(first, min(last, coarse.shape[1])):
        below, above = visible[2 * j], visible[2 * j + 1]
        for c in range(4):
            out = coarse[c, j]
            of_below, of_above = color[min(c, 2), 2 * j], color[min(c, 2), 2 * j + 1]
            for i in range(out.size):
                left = np.uint64(i) << np.uint64(1)
                right = left + np.uint64(1)
                w0, w1, w2, w3 = below[left], below[right], above[left], above[right]
                c0, c1, c2, c3 = of_below[left], of_below[right], of_above[left], of_above[right]
                weight = np.int32(w0) + np.int32(w1) + np.int32(w2) + np.int32(w3)
                total = np.int32(w0) * c0 + np.int32(w1) * c1 + np.int32(w2) * c2 + np.int32(w3) * c3
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
def finish(
    color, visible, z, filled, columns, nearest, table, background, compat, scratch, rgb, coverage, depth, first, last
):
    """Finish rows `first` to `last`: the last level of the fill, faded to the background, upright.

    `nearest` is squared distance, `table` the fade by it. `filled` is level 1, without rows if there is none.
    """
    wide, alpha = scratch
    H, W = visible.shape
    coarse_rows = filled.shape[1]
    ratio = np.float32(coarse_rows / H)
    end = np.int64(table.size)
    rounding = ZERO if compat else HALF
    held_0, held_1 = -1, -1
    alpha[:] = ZERO
    for y in range(first, last):
        up, seen = H - 1 - y, visible[y]
        for x in range(W):
            depth[up, x] = z[y, x] if seen[x] else ZERO
        if seen.all():
            for c in range(3):
                rgb[c, up] = color[c, y]
            coverage[up] = 255
            continue
        s = (np.float32(y) + HALF) * ratio - HALF
        lower = np.floor(s)
        f = s - lower
        below = min(max(np.int64(lower), 0), coarse_rows - 1)
        above = min(max(np.int64(lower) + 1, 0), coarse_rows - 1)
        if coarse_rows > 0:
            for row in (below, above):
                if row % 2 == 0 and held_0 != row:
                    held_0 = row
                    widen_row(filled, row, columns[0], columns[1], columns[2], wide[0])
                if row % 2 == 1 and held_1 != row:
                    held_1 = row
                    widen_row(filled, row, columns[0], columns[1], columns[2], wide[1])
            a, b, near = wide[below % 2], wide[above % 2], nearest[y]
            for x in range(W):
                fade = table[np.uint64(min(np.int64(near[x]), end - 1))]
                alpha[x] = (a[3, x] + (b[3, x] - a[3, x]) * f) * (fade if near[x] < end else ZERO)
        for x in range(W):
            covered = np.int32(np.float32(255) * alpha[x] + HALF)
            coverage[up, x] = 255 if seen[x] else covered
        for c in range(3):
            a_c, b_c, out, own = wide[below % 2, c], wide[above % 2, c], rgb[c, up], color[c, y]
            for x in range(W):
                value = (a_c[x] + (b_c[x] - a_c[x]) * f) * alpha[x] + background[c] * (ONE - alpha[x])
                out[x] = own[x] if seen[x] else np.uint8(np.int32(value + rounding))
