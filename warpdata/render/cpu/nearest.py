"""The nearest point of every pixel, and of coarser and coarser blocks of pixels.

A texel is (x, y, z, distance from the eye), four planes of a level; one without a point has z = inf and the rest 0.
Rows count from the bottom.
"""

from __future__ import annotations

import numpy as np

from warpdata.render.cpu.kernel import kernel

NOTHING = np.int64(2**63 - 1)
"""Key of a pixel no point fell in."""
EMPTY_Z = np.float32(np.inf)
HALF = np.float32(0.5)


@kernel
def draw(pixel, z_bits, run, span, width, key, first, last):
    """Keep in rows `first` to `last` of `key` the least (depth bits, index) of the points that fall in each pixel.

    The bits of a positive float are ordered as the float. `span` holds the rows each run of points falls in.
    """
    begin, end = first * width, last * width
    key[begin:end] = NOTHING
    for r in range(span.shape[0]):
        if span[r, 1] < first or span[r, 0] >= last:
            continue
        for i in range(r * run, min((r + 1) * run, pixel.size)):
            p = pixel[i]
            if (p >= begin) & (p < end):
                key[p] = min(key[p], (np.int64(z_bits[i]) << 32) | i)


@kernel
def take_depth_points(key, depth, matrix, centres, xs, ys, zs, norms, first, last):
    """Winners of a depth map (H, w): unproject them again, which costs less than to have kept every point."""
    w = np.uint32(depth.shape[1])
    flat = depth.reshape(depth.size)
    end = np.uint32(depth.size - 1)
    xx, xy, x1, xt = matrix[0, 0], matrix[0, 1], matrix[0, 2], matrix[0, 3]
    yx, yy, y1, yt = matrix[1, 0], matrix[1, 1], matrix[1, 2], matrix[1, 3]
    zx, zy, z1, zt = matrix[2, 0], matrix[2, 1], matrix[2, 2], matrix[2, 3]
    per_row = 1.0 / w
    for row in range(first, last):
        for column in range(key.shape[1]):
            covered = key[row, column] != NOTHING
            i = min(np.uint32(key[row, column]), end)
            v = np.uint32((i + 0.5) * per_row)
            x, y, d = centres[np.uint32(i - v * w)], centres[v], flat[i]
            X = ((xx * x + xy * y) + x1) * d + xt
            Y = ((yx * x + yy * y) + y1) * d + yt
            Z = ((zx * x + zy * y) + z1) * d + zt
            norm = np.sqrt((X * X + Y * Y) + Z * Z)
            xs[row, column] = X if covered else np.float32(0)
            ys[row, column] = Y if covered else np.float32(0)
            zs[row, column] = Z if covered else EMPTY_Z
            norms[row, column] = norm if covered else np.float32(0)


@kernel
def take_world_points(key, points, matrix, texels, first, last):
    """Winners among world points, transformed again."""
    xx, xy, xz, xt = matrix[0, 0], matrix[0, 1], matrix[0, 2], matrix[0, 3]
    yx, yy, yz, yt = matrix[1, 0], matrix[1, 1], matrix[1, 2], matrix[1, 3]
    zx, zy, zz, zt = matrix[2, 0], matrix[2, 1], matrix[2, 2], matrix[2, 3]
    for row in range(first, last):
        for column in range(key.shape[1]):
            texels[0, row, column], texels[1, row, column] = 0, 0
            texels[2, row, column], texels[3, row, column] = EMPTY_Z, 0
            if key[row, column] != NOTHING:
                i = np.uint32(key[row, column])
                x, y, p = points[i, 0], points[i, 1], points[i, 2]
                X = ((xx * x + xy * y) + xz * p) + xt
                Y = ((yx * x + yy * y) + yz * p) + yt
                Z = ((zx * x + zy * y) + zz * p) + zt
                texels[0, row, column], texels[1, row, column] = X, Y
                texels[2, row, column], texels[3, row, column] = Z, np.sqrt((X * X + Y * Y) + Z * Z)


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


@kernel
def take_colors(key, colors, taken, first, last):
    """Colours of the winners, as three planes; `colors` is (3, N), its axes in any order of memory. 0 without one."""
    for row in range(first, last):
        for column in range(key.shape[1]):
            if key[row, column] != NOTHING:
                i = np.uint32(key[row, column])
                for c in range(3):
                    taken[c, row, column] = colors[c, i]
            else:
                for c in range(3):
                    taken[c, row, column] = 0
