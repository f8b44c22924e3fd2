"""Visibility by surface by rows of the reference: `warpdata.render.surface` without a list of triangles.

Most surfaces hide nothing, because the points in the pixels they cover are their own. So the bounds of every 2x2 block
are formed first, many an instruction, and a block is looked at more closely only where a pixel in its bounds holds a
point well behind the nearest of its corners. Surfaces only ever clear a flag, so that rows may be done in any order.
"""

from __future__ import annotations

import numpy as np

from warpdata.geometry.maths.resample import DEPTH_EDGE
from warpdata.kernel import kernel

SUBPIXELS = np.float32(256)
LARGEST = 64 * 256
FARTHEST = np.float32(2.0**22)
SURFACE_RATIO = np.float32(1 + DEPTH_EDGE)
BEHIND_SURFACE, BEHIND_FOOTPRINT = np.float32(1.01), np.float32(1.06)
SURELY_BEFORE = np.float32(1.005)
"""A point not this many times as far as the nearest corner of a surface cannot be hidden by it, rounding included."""
FEW = 8
"""Blocks with more pixels a side are not looked through beforehand."""
HALF, ONE, ZERO = np.float32(0.5), np.float32(1), np.float32(0)


def scratch_arrays(array, width):
    """What `hide` works in, from a function that gives arrays by name, shape and type, for references this wide."""
    return (
        array("places", (2, 2, width), np.int32),
        array("reals", (3, 2, width), np.float32),
        array("surfaces", (2, width + 1), np.uint8),
        array("bounds", (4, width), np.int32),
    )


@kernel
def place_row(depth, confidence, threshold, matrix, intrinsics, near_far, centres, v, xs, ys, ws, ds):
    """Fixed-point places of a row of the reference, their 1/z, and their depth, 0 for pixels that span nothing."""
    xx, xy, x1, xt = matrix[0, 0], matrix[0, 1], matrix[0, 2], matrix[0, 3]
    yx, yy, y1, yt = matrix[1, 0], matrix[1, 1], matrix[1, 2], matrix[1, 3]
    zx, zy, z1, zt = matrix[2, 0], matrix[2, 1], matrix[2, 2], matrix[2, 3]
    fx, fy, cx, cy = intrinsics[0], intrinsics[1], intrinsics[2], intrinsics[3]
    near, far = near_far
    y, row = centres[v], depth[v]
    for u in range(xs.size):
        x, d = centres[u], row[u]
        X = ((xx * x + xy * y) + x1) * d + xt
        Y = ((yx * x + yy * y) + y1) * d + yt
        Z = ((zx * x + zy * y) + z1) * d + zt
        w = ONE / Z
        a = np.floor((((fx * X) * w) + cx) * SUBPIXELS + HALF)
        b = np.floor((((fy * Y) * w) + cy) * SUBPIXELS + HALF)
        usable = (d > 0) & (d < np.inf) & (Z >= near) & (Z <= far) & (np.abs(a) <= FARTHEST) & (np.abs(b) <= FARTHEST)
        xs[u] = np.int32(a if usable else ZERO)
        ys[u] = np.int32(b if usable else ZERO)
        ws[u] = w
        ds[u] = d if usable else ZERO
    if confidence.size > 0:
        for u in range(xs.size):
            c = confidence[v, u]
            ds[u] = ds[u] if (c >= threshold) & (c < np.inf) else ZERO


@kernel
def find_surfaces(d0, d1, surface):
    """Which blocks of two rows span a surface."""
    for u in range(surface.size):
        a, b, c, d = d0[u], d0[u + 1], d1[u], d1[u + 1]
        least, most = min(min(a, b), min(c, d)), max(max(a, b), max(c, d))
        surface[u] = (least > 0) & (most <= least * SURFACE_RATIO)


@kernel
def bound_blocks(x0, x1, y0, y1, w0, w1, surface, left, right, top, bottom, nearest, W, H):
    """First and last pixel, across and down, with its centre in the bounds of each block; none without a surface."""
    for u in range(surface.size):
        a, b, c, d = x0[u], x0[u + 1], x1[u], x1[u + 1]
        least, most = min(min(a, b), min(c, d)), max(max(a, b), max(c, d))
        left[u] = max(np.int32(np.int32(least + np.int32(127)) >> np.int32(8)), np.int32(0))
        last = min(np.int32(np.int32(most - np.int32(128)) >> np.int32(8)), np.int32(W - 1))
        right[u] = last if surface[u] else np.int32(-1)
        a, b, c, d = y0[u], y0[u + 1], y1[u], y1[u + 1]
        least, most = min(min(a, b), min(c, d)), max(max(a, b), max(c, d))
        top[u] = max(np.int32(np.int32(least + np.int32(127)) >> np.int32(8)), np.int32(0))
        bottom[u] = min(np.int32(np.int32(most - np.int32(128)) >> np.int32(8)), np.int32(H - 1))
        nearest[u] = max(max(w0[u], w0[u + 1]), max(w1[u], w1[u + 1]))


@kernel
def hides(x0, y0, x1, y1, x2, y2, w0, w1, w2, column, row, limit):
    """Whether a triangle covers a pixel's centre and is everywhere in the pixel nearer than 1/`limit`."""
    ax, ay, bx, by = x1 - x0, y1 - y0, x2 - x0, y2 - y0
    area = ax * by - ay * bx
    if area < 0:
        ax, ay, bx, by, w1, w2, area = bx, by, ax, ay, w2, w1, -area
    if area == 0:
        return False
    px, py = column * 256 + 128 - x0, row * 256 + 128 - y0
    first, second = px * by - py * bx, ax * py - ay * px
    third = area - first - second
    owns_first = -by > 0 or (by == 0 and -bx > 0)
    owns_second = ay > 0 or (ay == 0 and ax > 0)
    owns_third = by - ay > 0 or (by == ay and bx - ax > 0)
    if first + owns_first <= 0 or second + owns_second <= 0 or third + owns_third <= 0:
        return False
    dw1, dw2 = w1 - w0, w2 - w0
    slope_x = np.float32(by) * dw1 - np.float32(ay) * dw2
    slope_y = np.float32(ax) * dw2 - np.float32(bx) * dw1
    centre = np.float32(first) * dw1 + np.float32(second) * dw2
    rounding = (np.abs(dw1) + np.abs(dw2)) * np.float32(2)
    slack = ((np.abs(slope_x) + np.abs(slope_y)) + rounding) * np.float32(128)
    return w0 + (centre - slack) / np.float32(area) > limit


@kernel
def hide_behind(x0, y0, x1, y1, x2, y2, w0, w1, w2, behind, z, visible):
    """Clear the flags of the points behind a triangle."""
    H, W = z.shape
    least_x, most_x = min(min(x0, x1), x2), max(max(x0, x1), x2)
    least_y, most_y = min(min(y0, y1), y2), max(max(y0, y1), y2)
    if most_x - least_x > LARGEST or most_y - least_y > LARGEST:
        return
    nearest = max(max(w0, w1), w2)
    for y in range(max((least_y + 127) >> 8, 0), min((most_y - 128) >> 8, H - 1) + 1):
        up = H - 1 - y
        for x in range(max((least_x + 127) >> 8, 0), min((most_x - 128) >> 8, W - 1) + 1):
            if z[up, x] * nearest > SURELY_BEFORE and visible[up, x]:
                limit = (ONE / z[up, x]) * behind
                if hides(x0, y0, x1, y1, x2, y2, w0, w1, w2, x, y, limit):
                    visible[up, x] = False


@kernel
def hide_behind_quad(xs, ys, ws, behind, z, visible):
    """Clear the flags of the points behind the two halves of a quad."""
    hide_behind(xs[0], ys[0], xs[1], ys[1], xs[2], ys[2], ws[0], ws[1], ws[2], behind, z, visible)
    hide_behind(xs[3], ys[3], xs[2], ys[2], xs[1], ys[1], ws[3], ws[2], ws[1], behind, z, visible)


@kernel
def hide_footprint(d, u, v, matrix, intrinsics, near_far, xs, ys, ws, z, visible):
    """Hide what lies behind one pixel of the reference, its corners at its depth."""
    near, far = near_far
    for k in range(4):
        x, y = np.float32(u + (k & 1)), np.float32(v + (k >> 1))
        X = ((matrix[0, 0] * x + matrix[0, 1] * y) + matrix[0, 2]) * d + matrix[0, 3]
        Y = ((matrix[1, 0] * x + matrix[1, 1] * y) + matrix[1, 2]) * d + matrix[1, 3]
        Z = ((matrix[2, 0] * x + matrix[2, 1] * y) + matrix[2, 2]) * d + matrix[2, 3]
        w = ONE / Z
        a = np.floor((((intrinsics[0] * X) * w) + intrinsics[2]) * SUBPIXELS + HALF)
        b = np.floor((((intrinsics[1] * Y) * w) + intrinsics[3]) * SUBPIXELS + HALF)
        if not ((Z >= near) & (Z <= far) & (np.abs(a) <= FARTHEST) & (np.abs(b) <= FARTHEST)):
            return
        xs[k], ys[k], ws[k] = np.int64(a), np.int64(b), w
    hide_behind_quad(xs, ys, ws, BEHIND_FOOTPRINT, z, visible)


@kernel
def hide_edges(d, above, below, v, matrix, intrinsics, near_far, xs, ys, ws, z, visible):
    """Hide what lies behind those pixels of row `v` around which some block spans no surface.

    Pixel u touches the blocks u and u + 1 of `above` and `below`; blocks that do not exist count as surface.
    """
    for u in range(d.size):
        if d[u] > 0 and not (above[u] & above[u + 1] & below[u] & below[u + 1]):
            hide_footprint(d[u], u, v, matrix, intrinsics, near_far, xs, ys, ws, z, visible)


@kernel
def hide(depth, confidence, threshold, matrix, intrinsics, near_far, centres, z, visible, scratch, first, last):
    """Clear in `visible` the points that the reference's rows `first` to `last`, and the blocks below them, hide.

    `z` is the depth of every pixel's point, 0 where there is none; both count rows from the bottom.
    """
    places, reals, flags, bounds = scratch
    h, w = depth.shape
    H, W = z.shape
    xs, ys, ws = np.empty(4, np.int64), np.empty(4, np.int64), np.empty(4, np.float32)
    flags[:] = 1
    for v in range(max(first - 1, 0), min(last + 1, h)):
        slot = v & 1
        x1, y1, w1, d1 = places[slot, 0], places[slot, 1], reals[slot, 0], reals[slot, 1]
        place_row(depth, confidence, threshold, matrix, intrinsics, near_far, centres, v, x1, y1, w1, d1)
        if v == 0 or v == first - 1:
            continue
        x0, y0, w0, d0 = places[1 - slot, 0], places[1 - slot, 1], reals[1 - slot, 0], reals[1 - slot, 1]
        surface = flags[slot, 1:w]
        find_surfaces(d0, d1, surface)
        if v - 1 < first:
            continue
        left, right, top, bottom = bounds[0], bounds[1], bounds[2], bounds[3]
        nearest = reals[2, 0]
        bound_blocks(x0, x1, y0, y1, w0, w1, surface, left, right, top, bottom, nearest, W, H)
        for u in range(w - 1):
            if left[u] <= right[u] and top[u] <= bottom[u]:
                large = right[u] - left[u] > FEW or bottom[u] - top[u] > FEW
                farthest = np.float32(np.inf) if large else ZERO
                for y in range(top[u], top[u] if large else bottom[u] + 1):
                    for x in range(left[u], right[u] + 1):
                        farthest = max(farthest, z[H - 1 - y, x])
                if farthest * nearest[u] > SURELY_BEFORE:
                    xs[0], xs[1], xs[2], xs[3] = x0[u], x0[u + 1], x1[u], x1[u + 1]
                    ys[0], ys[1], ys[2], ys[3] = y0[u], y0[u + 1], y1[u], y1[u + 1]
                    ws[0], ws[1], ws[2], ws[3] = w0[u], w0[u + 1], w1[u], w1[u + 1]
                    hide_behind_quad(xs, ys, ws, BEHIND_SURFACE, z, visible)
        hide_edges(d0, flags[1 - slot], flags[slot], v - 1, matrix, intrinsics, near_far, xs, ys, ws, z, visible)
    if last == h:
        slot = h & 1
        flags[slot] = 1
        d0 = reals[1 - slot, 1]
        hide_edges(d0, flags[1 - slot], flags[slot], h - 1, matrix, intrinsics, near_far, xs, ys, ws, z, visible)
