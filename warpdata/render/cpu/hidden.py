"""Hidden-point removal by rows: `warpdata.render.visibility` with every neighbour read from contiguous memory.

For each level the three rows of texels around a pixel row are widened once to a texel a pixel, and kept for the 2^L
pixel rows that share them. The neighbour of pixel x in direction dx is then at x + dx 2^L, and a run of pixels takes a
few vector instructions.

Most pixels need not look around in all directions. Openness is never negative and at most eight sectors are averaged,
so a pixel whose first sectors already sum to eight times the threshold is seen whatever the others hold.
"""

from __future__ import annotations

import numpy as np

from warpdata.kernel import kernel

CHUNK = 64
"""Pixels of a row that are decided together."""
LEVELS = 8
DEPTH_LEVEL = 4
MARGIN = 1 << (LEVELS - 1)
"""Empty texels beside a widened row: as far as the coarsest neighbour lies away."""
BOUNDS = tuple(np.float32(2.0 ** (level + 0.5)) for level in range(LEVELS - 1))
SECTORS = ((1, 0), (1, 1), (0, 1), (-1, 1), (-1, 0), (-1, -1), (0, -1), (1, -1))
ORDER = (0, 4, 2, 6, 1, 5, 3, 7)
"""Opposite sectors together: on a surface one of them is open, however slanted it is."""
EMPTY_Z = np.float32(np.inf)
LEAST_DEPTH = np.float32(2.0**-120)
TINY = np.float32(1e-38)
"""Makes the cosine between coincident points 0 in place of 0/0; too small to change any other."""
ROUNDING = np.float32(1e-5)
"""More than the sum of eight sectors is off by rounding."""
ZERO, HALF, ONE = np.float32(0), np.float32(0.5), np.float32(1)


def scratch_arrays(array, width):
    """What `find_visible` works in, from a function that gives arrays by name, shape and type."""
    chunks = -(-width // CHUNK) * CHUNK
    return (
        array("ring", (LEVELS * 3 * 4 * (chunks + 2 * MARGIN),), np.float32),
        array("wide depth", (2, chunks), np.float32),
        array("level", (chunks,), np.int32),
        array("least", (8, CHUNK), np.float32),
        array("total", (CHUNK,), np.float32),
        array("tag", (LEVELS + 1, 3), np.int64),
    )


@kernel
def widen(texels, row, L, ring, base, stride):
    """Write row `row` of level L (a row of empty texels outside it) at `base`, each texel 2^L times."""
    inside = 0 <= row < texels.shape[1]
    covered = min(texels.shape[2] << L, stride - 2 * MARGIN) if inside else 0
    for c in range(4):
        empty = EMPTY_Z if c == 2 else ZERO
        plane = ring[base + c * stride : base + (c + 1) * stride]
        plane[:MARGIN] = empty
        plane[MARGIN + covered :] = empty
        if not inside:
            continue
        wide, narrow = plane[MARGIN : MARGIN + covered], texels[c, row]
        if L == 0:
            wide[:] = narrow
        elif L == 1:
            for i in range(narrow.size):
                wide[2 * i] = narrow[i]
                wide[2 * i + 1] = narrow[i]
        elif L == 2:
            for i in range(narrow.size):
                wide[4 * i] = narrow[i]
                wide[4 * i + 1] = narrow[i]
                wide[4 * i + 2] = narrow[i]
                wide[4 * i + 3] = narrow[i]
        else:
            for i in range(narrow.size):
                wide[i << L : (i + 1) << L] = narrow[i]


@kernel
def sample_row(coarse, row, first, second, fraction, out):
    """Depth of a coarse row at every pixel's column; empty texels count as 0."""
    for x in range(out.size):
        a, b = coarse[row, first[x]], coarse[row, second[x]]
        a, b = a if a < EMPTY_Z else ZERO, b if b < EMPTY_Z else ZERO
        out[x] = a + (b - a) * fraction[x]


@kernel
def choose_levels(z, below, above, fraction, neighbourhood, coarsest, level):
    """Coarsest level each pixel of a row looks at, -1 without a point."""
    for x in range(z.size):
        depth = max(below[x] + (above[x] - below[x]) * fraction, LEAST_DEPTH)
        size = neighbourhood / depth
        count = np.int32(0)
        for bound in BOUNDS:
            count = np.int32(count + (size >= bound))
        level[x] = min(count, coarsest) if z[x] < EMPTY_Z else np.int32(-1)


@kernel
def look(ring, stride, x, y, dx, dy, level, top, least):
    """The least direction cosine from each pixel of a chunk towards its neighbours in one sector, levels 0 to `top`."""
    for k in range(CHUNK):
        least[k] = np.inf
    across = np.uint64(stride)
    p = np.uint64(y % 3 * 4 * stride + MARGIN + x)
    for L in range(top + 1):
        q = np.uint64((L * 3 + ((y >> L) + dy + 3) % 3) * 4 * stride + MARGIN + x + (dx << L))
        for k in range(CHUNK):
            i = np.uint64(k)
            a, b, c = ring[p + i], ring[p + across + i], ring[p + across + across + i]
            u, v, w = ring[q + i], ring[q + across + i], ring[q + across + across + i]
            norm = ring[q + across + across + across + i]
            du, dv, dw = u - a, v - b, w - c
            along = (du * u + dv * v) + dw * w
            cosine = along / (np.sqrt((du * du + dv * dv) + dw * dw) * norm + TINY)
            # An empty texel makes it NaN, which is less than nothing.
            least[k] = cosine if (cosine < least[k]) & (level[k] >= L) else least[k]


@kernel
def still_open(least, level, enough, total):
    """Add a sector's openness to `total`; how many points of the chunk are not yet known to be seen."""
    undecided = 0
    for i in range(CHUNK):
        total[i] += ONE + least[i] if least[i] < np.inf else ZERO
        undecided += (total[i] < enough) & (level[i] >= 0)
    return undecided


@kernel
def highest(level):
    """Coarsest level of some pixels, -1 if none of them holds a point."""
    top = np.int32(-1)
    for i in range(level.size):
        top = max(top, level[i])
    return top


@kernel
def decide(least, level, threshold, visible):
    """A point is hidden when the mean openness of the sectors that hold a point is below the threshold."""
    for i in range(visible.size):
        total, sectors = ZERO, ZERO
        for k in range(8):
            found = least[k, i] < np.inf
            total += ONE + least[k, i] if found else ZERO
            sectors += ONE if found else ZERO
        mean = total / sectors if sectors > 0 else ONE
        visible[i] = (level[i] >= 0) & (not (mean < threshold))


@kernel
def find_visible(levels, neighbourhood, threshold, first_x, second_x, fraction_x, visible, scratch, first, last):
    """Decide the pixels of rows `first` to `last`.

    `levels` are the eight levels of texels, those that do not exist without rows; `first_x`, `second_x`, `fraction_x`
    tell where pixel columns lie in the level that depth is sampled from.
    """
    ring, wide_depth, level, least, total, tag = scratch
    H, W = visible.shape
    count = 0
    while count < LEVELS and levels[count].shape[1] > 0:
        count += 1
    depth_level = levels[min(DEPTH_LEVEL, count - 1)][2]
    ratio = np.float32(depth_level.shape[0] / H)
    stride = ring.size // (LEVELS * 12)
    enough = np.float32(8) * threshold + ROUNDING
    tag[:] = -2
    for y in range(first, last):
        s = (np.float32(y) + HALF) * ratio - HALF
        lower = np.floor(s)
        below = min(max(np.int64(lower), 0), depth_level.shape[0] - 1)
        above = min(max(np.int64(lower) + 1, 0), depth_level.shape[0] - 1)
        for row in (below, above):
            if tag[LEVELS, row % 2] != row:
                tag[LEVELS, row % 2] = row
                sample_row(depth_level, row, first_x, second_x, fraction_x, wide_depth[row % 2, :W])
        below_row, above_row = wide_depth[below % 2, :W], wide_depth[above % 2, :W]
        level[W:] = -1
        choose_levels(levels[0][2, y], below_row, above_row, s - lower, neighbourhood, count - 1, level[:W])
        coarsest = highest(level)
        for L in range(coarsest + 1):
            for row in range((y >> L) - 1, (y >> L) + 2):
                slot = (row + 3) % 3
                if tag[L, slot] != row:
                    tag[L, slot] = row
                    widen(levels[L], row, L, ring, (L * 3 + slot) * 4 * stride, stride)
        for x in range(0, W, CHUNK):
            chunk = level[x : x + CHUNK]
            end = min(x + CHUNK, W)
            top = highest(chunk)
            if top < 0:
                visible[y, x:end] = 0
                continue
            undecided = 1
            total[:] = ZERO
            for sector in ORDER:
                dx, dy = SECTORS[sector]
                of_sector = least[sector]
                look(ring, stride, x, y, dx, dy, chunk, top, of_sector)
                undecided = still_open(of_sector, chunk, enough, total)
                if undecided == 0:
                    break
            if undecided == 0:
                for i in range(end - x):
                    visible[y, x + i] = chunk[i] >= 0
            else:
                decide(least, chunk, threshold, visible[y, x:end])
