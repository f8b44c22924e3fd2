"""The nearest point of every pixel, and of coarser and coarser blocks of pixels.

A texel is (x, y, z, distance from the eye), four planes of a level; one without a point has z = inf and the rest 0.
Rows count from the bottom.
"""

from __future__ import annotations

import numpy as np

from warpdata.kernel import kernel

NOTHING = np.int64(2**63 - 1)
"""Key of a pixel no point fell in."""
EMPTY_Z = np.float32(np.inf)


@kernel
def place_shift(run):
    """Bits that number the points of a run."""
    bits = 0
    while (1 << bits) < run:
        bits += 1
    return bits


@kernel
def pack_colors(colors, packed, first, last):
    """Points `first` to `last` of colours (3, N), in any order of memory, one integer a point."""
    for i in range(last - first):
        k = np.uint64(first) + np.uint64(i)
        packed[k] = (
            np.uint32(colors[0, k]) | np.uint32(colors[1, k]) << np.uint32(8) | np.uint32(colors[2, k]) << np.uint32(16)
        )


@kernel
def draw(pixel, z_bits, run, span, width, key, first, last):
    """Keep in rows `first` to `last` of `key` the least (depth bits, place) of the points that fall in each pixel.

    The bits of a positive float are ordered as the float. A point's place is its run and, in as many low bits as a run
    of `run` points needs, its number in it, which orders points as their index does. `span` holds the rows each run
    falls in.
    """
    begin, end = first * width, last * width
    shift = place_shift(run)
    key[begin:end] = NOTHING
    for r in range(span.shape[0]):
        if span[r, 1] < first or span[r, 0] >= last:
            continue
        offset = (r << shift) - r * run
        for i in range(r * run, min((r + 1) * run, pixel.size)):
            p = pixel[i]
            if (p >= begin) & (p < end):
                key[p] = min(key[p], (np.int64(z_bits[i]) << 32) | (i + offset))


@kernel
def take_depth_points(key, depth, packed, matrix, centres, color, xs, ys, zs, norms, first, last):
    """Winners of a depth map (H, w): unproject them again, which costs less than to have kept every point."""
    w = np.uint32(depth.shape[1])
    flat = depth.reshape(depth.size)
    end = np.uint32(depth.size - 1)
    shift = np.uint32(place_shift(depth.shape[1]))
    mask = np.uint32((1 << place_shift(depth.shape[1])) - 1)
    bottom = np.uint32(depth.shape[0] - 1)
    xx, xy, x1, xt = matrix[0, 0], matrix[0, 1], matrix[0, 2], matrix[0, 3]
    yx, yy, y1, yt = matrix[1, 0], matrix[1, 1], matrix[1, 2], matrix[1, 3]
    zx, zy, z1, zt = matrix[2, 0], matrix[2, 1], matrix[2, 2], matrix[2, 3]
    for row in range(first, last):
        for column in range(key.shape[1]):
            covered = key[row, column] != NOTHING
            place = np.uint32(key[row, column])
            u, v = np.uint32(place & mask), np.uint32(min(place >> shift, bottom))
            i = min(np.uint32(v * w + u), end)
            x, y, d, rgb = centres[u], centres[v], flat[i], packed[i]
            X = ((xx * x + xy * y) + x1) * d + xt
            Y = ((yx * x + yy * y) + y1) * d + yt
            Z = ((zx * x + zy * y) + z1) * d + zt
            norm = np.sqrt((X * X + Y * Y) + Z * Z)
            color[row, column] = rgb if covered else np.uint32(0)
            xs[row, column] = X if covered else np.float32(0)
            ys[row, column] = Y if covered else np.float32(0)
            zs[row, column] = Z if covered else EMPTY_Z
            norms[row, column] = norm if covered else np.float32(0)


@kernel
def take_depth_and_color(key, depth, packed, color, zs, visible, first, last):
    """Winners of a depth map, as surfaces need them: colour, depth in the target (0 without one), and whether.

    Keys are set back to nothing, for what surfaces offer.
    """
    w = np.uint32(depth.shape[1])
    end = np.uint32(packed.size - 1)
    shift = np.uint32(place_shift(depth.shape[1]))
    mask = np.uint32((1 << place_shift(depth.shape[1])) - 1)
    bottom = np.uint32(depth.shape[0] - 1)
    for row in range(first, last):
        for column in range(key.shape[1]):
            k = key[row, column]
            covered = k != NOTHING
            place = np.uint32(k)
            u, v = np.uint32(place & mask), np.uint32(min(place >> shift, bottom))
            rgb = packed[min(np.uint32(v * w + u), end)]
            color[row, column] = rgb if covered else np.uint32(0)
            zs[row, column] = np.int32(k >> 32) if covered else np.int32(0)
            visible[row, column] = covered
            key[row, column] = NOTHING


@kernel
def take_world_points(key, points, packed, matrix, color, xs, ys, zs, norms, first, last):
    """Winners among world points, transformed again; their run is a power of two, so that a place is an index."""
    xx, xy, xz, xt = matrix[0, 0], matrix[0, 1], matrix[0, 2], matrix[0, 3]
    yx, yy, yz, yt = matrix[1, 0], matrix[1, 1], matrix[1, 2], matrix[1, 3]
    zx, zy, zz, zt = matrix[2, 0], matrix[2, 1], matrix[2, 2], matrix[2, 3]
    for row in range(first, last):
        for column in range(key.shape[1]):
            if key[row, column] == NOTHING:
                color[row, column] = 0
                xs[row, column], ys[row, column], zs[row, column], norms[row, column] = 0, 0, EMPTY_Z, 0
            else:
                i = np.uint32(key[row, column])
                x, y, z = points[i, 0], points[i, 1], points[i, 2]
                X = ((xx * x + xy * y) + xz * z) + xt
                Y = ((yx * x + yy * y) + yz * z) + yt
                Z = ((zx * x + zy * y) + zz * z) + zt
                color[row, column] = packed[i]
                xs[row, column], ys[row, column], zs[row, column] = X, Y, Z
                norms[row, column] = np.sqrt((X * X + Y * Y) + Z * Z)


@kernel
def halve(fine, coarse, first, last):
    """Rows `first` to `last` of the next level: of every 2x2 block the nearest texel, the first among equals."""
    for j in range(first, min(last, coarse.shape[1])):
        z_below, z_above = fine[2, 2 * j], fine[2, 2 * j + 1]
        for c in range(4):
            below, above, nearest = fine[c, 2 * j], fine[c, 2 * j + 1], coarse[c, j]
            for i in range(nearest.size):
                left = np.uint64(i) << np.uint64(1)
                right = left + np.uint64(1)
                z0, z1, z2, z3 = z_below[left], z_below[right], z_above[left], z_above[right]
                q0, q1, q2, q3 = below[left], below[right], above[left], above[right]
                q_below, q_above = q1 if z1 < z0 else q0, q3 if z3 < z2 else q2
                nearest[i] = q_above if min(z2, z3) < min(z0, z1) else q_below
