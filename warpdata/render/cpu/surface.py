"""Visibility by surface by rows of the reference: `warpdata.render.surface` without a list of triangles.

Most surfaces hide nothing, because the points in the pixels they cover are their own. So the bounds of every 2x2 block
are formed first, many an instruction, and a block is looked at more closely only where a pixel in its bounds holds a
point well behind the nearest of its corners. Surfaces only ever clear a flag, so that rows may be done in any order.
"""

from __future__ import annotations

import numpy as np
from numba import types
from numba.extending import intrinsic

from warpdata.geometry.maths.resample import DEPTH_EDGE
from warpdata.kernel import kernel

SUBPIXELS = np.float32(256)
LARGEST = 1024 * 256
FARTHEST = np.float32(2.0**22)
SURFACE_RATIO, SHOWN_RATIO = np.float32(1 + DEPTH_EDGE), np.float32(1.02)
BEHIND_SURFACE, BEHIND_FOOTPRINT = np.float32(1.01), np.float32(1.06)
SURELY_BEFORE = np.float32(1.005)
"""A point not this many times as far as the nearest corner of a surface cannot be hidden by it, rounding included."""
FEW = 8
"""Blocks with more pixels a side are not looked through beforehand."""
LEAVES_A_HOLE = np.int64(2**31 - 1)
NOTHING = np.int64(2**63 - 1)
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


@intrinsic
def keep_least(typing_context, address, value):
    def generate(context, builder, signature, arguments):
        pointer = builder.inttoptr(arguments[0], context.get_value_type(types.int64).as_pointer())
        builder.atomic_rmw("min", pointer, arguments[1], "monotonic")
        return context.get_dummy_value()

    return types.void(types.uint64, types.int64), generate


@kernel
def inverse_depths(x0, y0, x1, y1, x2, y2, w0, w1, w2, column, row):
    """1/z of a triangle at a pixel's centre and at the farthest in the pixel; 0 where it does not cover the centre."""
    ax, ay, bx, by = x1 - x0, y1 - y0, x2 - x0, y2 - y0
    area = ax * by - ay * bx
    if area < 0:
        ax, ay, bx, by, w1, w2, area = bx, by, ax, ay, w2, w1, -area
    if area == 0:
        return ZERO, ZERO
    px, py = column * 256 + 128 - x0, row * 256 + 128 - y0
    first, second = px * by - py * bx, ax * py - ay * px
    third = area - first - second
    owns_first = -by > 0 or (by == 0 and -bx > 0)
    owns_second = ay > 0 or (ay == 0 and ax > 0)
    owns_third = by - ay > 0 or (by == ay and bx - ax > 0)
    if first + owns_first <= 0 or second + owns_second <= 0 or third + owns_third <= 0:
        return ZERO, ZERO
    dw1, dw2 = w1 - w0, w2 - w0
    slope_x = np.float32(by) * dw1 - np.float32(ay) * dw2
    slope_y = np.float32(ax) * dw2 - np.float32(bx) * dw1
    centre = np.float32(first) * dw1 + np.float32(second) * dw2
    rounding = (np.abs(dw1) + np.abs(dw2)) * np.float32(2)
    slack = ((np.abs(slope_x) + np.abs(slope_y)) + rounding) * np.float32(128)
    least = min(min(w0, w1), w2)
    return max(w0 + centre / np.float32(area), least), w0 + (centre - slack) / np.float32(area)


@kernel
def hide_behind(x0, y0, x1, y1, x2, y2, w0, w1, w2, behind, before, code, z, visible, keys, bits):
    """Clear the flags of the points behind a triangle, and offer it to these pixels and to those without a point."""
    H, W = z.shape
    least_x, most_x = min(min(x0, x1), x2), max(max(x0, x1), x2)
    least_y, most_y = min(min(y0, y1), y2), max(max(y0, y1), y2)
    if most_x - least_x > LARGEST or most_y - least_y > LARGEST:
        return
    nearest = max(max(w0, w1), w2)
    for y in range(max((least_y + 127) >> 8, 0), min((most_y - 128) >> 8, H - 1) + 1):
        up = H - 1 - y
        for x in range(max((least_x + 127) >> 8, 0), min((most_x - 128) >> 8, W - 1) + 1):
            zz = z[up, x]
            if zz == 0 or zz * nearest > SURELY_BEFORE:
                here, farthest = inverse_depths(x0, y0, x1, y1, x2, y2, w0, w1, w2, x, y)
                if here == 0:
                    continue
                if zz > 0:
                    if not farthest > (ONE / zz) * behind:
                        continue
                    visible[up, x] = False
                bits[0] = (ONE / here) * before
                key = (np.int64(bits.view(np.int32)[0]) << 32) | code
                if key < keys[up, x]:
                    keep_least(np.uint64(keys.ctypes.data) + np.uint64(8) * np.uint64(up * W + x), key)


@kernel
def code_of(x0, y0, x1, y1, x2, y2, code):
    return code if (x1 - x0) * (y2 - y0) - (y1 - y0) * (x2 - x0) > 0 else LEAVES_A_HOLE


@kernel
def hide_behind_quad(xs, ys, ws, behind, before, code, z, visible, keys, bits):
    """Clear the flags of the points behind the two halves of a quad."""
    c = code_of(xs[0], ys[0], xs[1], ys[1], xs[2], ys[2], code) if code >= 0 else LEAVES_A_HOLE
    hide_behind(
        xs[0], ys[0], xs[1], ys[1], xs[2], ys[2], ws[0], ws[1], ws[2], behind, before, c, z, visible, keys, bits
    )
    c = code_of(xs[3], ys[3], xs[2], ys[2], xs[1], ys[1], code + 1) if code >= 0 else LEAVES_A_HOLE
    hide_behind(
        xs[3], ys[3], xs[2], ys[2], xs[1], ys[1], ws[3], ws[2], ws[1], behind, before, c, z, visible, keys, bits
    )


@kernel
def hide_footprint(d, u, v, matrix, intrinsics, near_far, xs, ys, ws, z, visible, keys, bits, hides):
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
    hide_behind_quad(
        xs,
        ys,
        ws,
        BEHIND_FOOTPRINT if hides else np.float32(np.inf),
        BEHIND_FOOTPRINT,
        np.int64(-1),
        z,
        visible,
        keys,
        bits,
    )


@kernel
def hide_edges(d, above, below, v, matrix, intrinsics, near_far, xs, ys, ws, z, visible, keys, bits, hides):
    """Hide what lies behind those pixels of row `v` around which some block spans no surface.

    Pixel u touches the blocks u and u + 1 of `above` and `below`; blocks that do not exist count as surface.
    """
    for u in range(d.size):
        if d[u] > 0 and not (above[u] & above[u + 1] & below[u] & below[u + 1]):
            hide_footprint(d[u], u, v, matrix, intrinsics, near_far, xs, ys, ws, z, visible, keys, bits, hides)


@kernel
def hide(
    depth, confidence, threshold, matrix, intrinsics, near_far, hides, centres, z, visible, keys, scratch, first, last
):
    """Clear in `visible` the points that the reference's rows `first` to `last`, and the blocks below them, hide.

    `z` is the depth of every pixel's point, 0 where there is none; both count rows from the bottom.
    """
    places, reals, flags, bounds = scratch
    h, w = depth.shape
    H, W = z.shape
    xs, ys, ws = np.empty(4, np.int64), np.empty(4, np.int64), np.empty(4, np.float32)
    bits = np.empty(1, np.float32)
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
                        farthest = max(farthest, z[H - 1 - y, x] if z[H - 1 - y, x] > 0 else np.float32(np.inf))
                if farthest * nearest[u] > SURELY_BEFORE:
                    xs[0], xs[1], xs[2], xs[3] = x0[u], x0[u + 1], x1[u], x1[u + 1]
                    ys[0], ys[1], ys[2], ys[3] = y0[u], y0[u + 1], y1[u], y1[u + 1]
                    ws[0], ws[1], ws[2], ws[3] = w0[u], w0[u + 1], w1[u], w1[u + 1]
                    hide_behind_quad(
                        xs,
                        ys,
                        ws,
                        BEHIND_SURFACE if hides else np.float32(np.inf),
                        ONE,
                        2 * np.int64((v - 1) * w + u)
                        if max(max(d0[u], d0[u + 1]), max(d1[u], d1[u + 1]))
                        <= min(min(d0[u], d0[u + 1]), min(d1[u], d1[u + 1])) * SHOWN_RATIO
                        else np.int64(-1),
                        z,
                        visible,
                        keys,
                        bits,
                    )
        hide_edges(
            d0,
            flags[1 - slot],
            flags[slot],
            v - 1,
            matrix,
            intrinsics,
            near_far,
            xs,
            ys,
            ws,
            z,
            visible,
            keys,
            bits,
            hides,
        )
    if last == h:
        slot = h & 1
        flags[slot] = 1
        d0 = reals[1 - slot, 1]
        hide_edges(
            d0,
            flags[1 - slot],
            flags[slot],
            h - 1,
            matrix,
            intrinsics,
            near_far,
            xs,
            ys,
            ws,
            z,
            visible,
            keys,
            bits,
            hides,
        )


@kernel
def draw_surfaces(depth, packed, matrix, intrinsics, centres, keys, z, visible, color, first, last):
    H, W = z.shape
    w = depth.shape[1]
    xs, ys, ws, cs = np.empty(3, np.int64), np.empty(3, np.int64), np.empty(3, np.float32), np.empty(3, np.uint32)
    for up in range(first, last):
        for column in range(W):
            key = keys[up, column]
            code = key & np.int64(2**31 - 1)
            if key == NOTHING or code == LEAVES_A_HOLE:
                continue
            block, half = code >> 1, code & 1
            v, u = block // w, block % w
            for k in range(3):
                corner = k if half == 0 else 3 - k
                i, j = v + (corner >> 1), u + (corner & 1)
                x, y, d = centres[j], centres[i], depth[i, j]
                X = ((matrix[0, 0] * x + matrix[0, 1] * y) + matrix[0, 2]) * d + matrix[0, 3]
                Y = ((matrix[1, 0] * x + matrix[1, 1] * y) + matrix[1, 2]) * d + matrix[1, 3]
                Z = ((matrix[2, 0] * x + matrix[2, 1] * y) + matrix[2, 2]) * d + matrix[2, 3]
                q = ONE / Z
                xs[k] = np.int64(np.floor((((intrinsics[0] * X) * q) + intrinsics[2]) * SUBPIXELS + HALF))
                ys[k] = np.int64(np.floor((((intrinsics[1] * Y) * q) + intrinsics[3]) * SUBPIXELS + HALF))
                ws[k] = q
                cs[k] = packed[i * w + j]
            ax, ay, bx, by = xs[1] - xs[0], ys[1] - ys[0], xs[2] - xs[0], ys[2] - ys[0]
            px, py = column * 256 + 128 - xs[0], (H - 1 - up) * 256 + 128 - ys[0]
            first_, second = px * by - py * bx, ax * py - ay * px
            third = ax * by - ay * bx - first_ - second
            f0, f1, f2 = np.float32(third) * ws[0], np.float32(first_) * ws[1], np.float32(second) * ws[2]
            total = (f0 + f1) + f2
            rgb = np.uint32(0)
            for c in range(3):
                shift = np.uint32(8 * c)
                c0, c1, c2 = (
                    np.float32((cs[0] >> shift) & np.uint32(255)),
                    np.float32((cs[1] >> shift) & np.uint32(255)),
                    np.float32((cs[2] >> shift) & np.uint32(255)),
                )
                value = ((f0 * c0 + f1 * c1) + f2 * c2) / total
                rgb |= np.uint32(min(np.floor(value + HALF), np.float32(255))) << shift
            color[up, column] = rgb
            visible[up, column] = True
    bits = np.empty(1, np.int32)
    for up in range(first, last):
        for column in range(W):
            key = keys[up, column]
            code = key & np.int64(2**31 - 1)
            if not (key == NOTHING or code == LEAVES_A_HOLE):
                bits[0] = np.int32(key >> 32)
                z[up, column] = bits.view(np.float32)[0]
