"""Surfaces one by one, after `render.cpu.surface`: blocks that are large in the target, and the footprints of edges."""

from __future__ import annotations

import numpy as np

from warpdata.kernel import kernel
from warpdata.render.cpu.intrinsics import bits_of, keep_least

SUBPIXELS = np.float32(256)
LARGEST = 1024 * 256
FARTHEST = np.float32(2.0**22)
BEHIND_SURFACE, BEHIND_FOOTPRINT, NEVER = np.float32(1.01), np.float32(1.06), np.float32(np.inf)
SURELY_BEFORE = np.float32(1.005)
"""As in `cpu.surface`."""
LEAVES_A_HOLE = np.int64(2**31 - 1)
SPANS, LARGE, USABLE = 1, 2, 4
"""As in `cpu.surface`."""
HALF, ONE, ZERO = np.float32(0.5), np.float32(1), np.float32(0)


@kernel
def is_wanted(z, nearest):
    """Whether a pixel has no point, or one that a surface may hide whose nearest corner has this 1/z."""
    return (z == ZERO) | (z * nearest > SURELY_BEFORE)


@kernel
def covers(xs, ys, a, b, c, column, row):
    """Whether a triangle of a quad covers a pixel's centre."""
    px, py = column * 256 + 128, row * 256 + 128
    ax, ay, bx, by, cx, cy = xs[a] - px, ys[a] - py, xs[b] - px, ys[b] - py, xs[c] - px, ys[c] - py
    ab, bc, ca = ax * by - ay * bx, bx * cy - by * cx, cx * ay - cy * ax
    right_of_ab = ab + (by > ay or (by == ay and bx > ax)) > 0
    right_of_bc = bc + (cy > by or (cy == by and cx > bx)) > 0
    right_of_ca = ca + (ay > cy or (ay == cy and ax > cx)) > 0
    return right_of_ab == right_of_bc and right_of_bc == right_of_ca and ab + bc + ca != 0


@kernel
def meet_pixel(xs, ys, ws, half, column, row, behind, before, code, z, visible, keys):
    """What a half of a quad does to a pixel whose centre it covers: hide its point, and offer itself."""
    H, W = z.shape
    up = H - 1 - row
    a, b, c = (0, 1, 2) if half == 0 else (3, 2, 1)
    x, y, w0 = xs[a], ys[a], ws[a]
    front = (xs[b] - x) * (ys[c] - y) - (ys[b] - y) * (xs[c] - x)
    if front < 0:
        b, c = c, b
    ax, ay, bx, by = xs[b] - x, ys[b] - y, xs[c] - x, ys[c] - y
    px, py = column * 256 + 128 - x, row * 256 + 128 - y
    area = np.float32(abs(front))
    dw1, dw2 = ws[b] - w0, ws[c] - w0
    centre = np.float32(px * by - py * bx) * dw1 + np.float32(ax * py - ay * px) * dw2
    point = z[up, column]
    if point > 0:
        slope_x = np.float32(by) * dw1 - np.float32(ay) * dw2
        slope_y = np.float32(ax) * dw2 - np.float32(bx) * dw1
        rounding = (np.abs(dw1) + np.abs(dw2)) * np.float32(2)
        slack = ((np.abs(slope_x) + np.abs(slope_y)) + rounding) * np.float32(128)
        if not w0 + (centre - slack) / area > (ONE / point) * behind:
            return
        visible[up, column] = False
    w = max(w0 + centre / area, min(min(w0, ws[b]), ws[c]))
    offered = code if front > 0 else LEAVES_A_HOLE
    key = (np.int64(bits_of((ONE / w) * before)) << 32) | offered
    if key < keys[up, column]:
        keep_least(np.uint64(keys.ctypes.data) + np.uint64(8) * np.uint64(up * W + column), key)


@kernel
def meet_quad(xs, ys, ws, behind, before, code, z, visible, keys):
    """What both halves of a quad of any size do."""
    H, W = z.shape
    for half in range(2):
        a, b, c = (0, 1, 2) if half == 0 else (3, 2, 1)
        least_x, most_x = min(min(xs[a], xs[b]), xs[c]), max(max(xs[a], xs[b]), xs[c])
        least_y, most_y = min(min(ys[a], ys[b]), ys[c]), max(max(ys[a], ys[b]), ys[c])
        if most_x - least_x > LARGEST or most_y - least_y > LARGEST:
            continue
        nearest = max(max(ws[a], ws[b]), ws[c])
        offered = code if code == LEAVES_A_HOLE else code + half
        for y in range(max((least_y + 127) >> 8, 0), min((most_y - 128) >> 8, H - 1) + 1):
            for x in range(max((least_x + 127) >> 8, 0), min((most_x - 128) >> 8, W - 1) + 1):
                if is_wanted(z[H - 1 - y, x], nearest) and covers(xs, ys, a, b, c, x, y):
                    meet_pixel(xs, ys, ws, half, x, y, behind, before, offered, z, visible, keys)


@kernel
def place_corners(d, x, y, step, matrix, intrinsics, near_far, xs, ys, ws):
    """Place four points of the reference, the first at (x, y) and one further on by `step` across, down and both, at
    depths `d`; whether all are usable."""
    near, far = near_far
    for k in range(4):
        rx, ry = np.float32(x + step * (k & 1)), np.float32(y + step * (k >> 1))
        X = ((matrix[0, 0] * rx + matrix[0, 1] * ry) + matrix[0, 2]) * d[k] + matrix[0, 3]
        Y = ((matrix[1, 0] * rx + matrix[1, 1] * ry) + matrix[1, 2]) * d[k] + matrix[1, 3]
        Z = ((matrix[2, 0] * rx + matrix[2, 1] * ry) + matrix[2, 2]) * d[k] + matrix[2, 3]
        w = ONE / Z
        a = np.floor((((intrinsics[0] * X) * w) + intrinsics[2]) * SUBPIXELS + HALF)
        b = np.floor((((intrinsics[1] * Y) * w) + intrinsics[3]) * SUBPIXELS + HALF)
        if not ((Z >= near) & (Z <= far) & (np.abs(a) <= FARTHEST) & (np.abs(b) <= FARTHEST)):
            return False
        xs[k], ys[k], ws[k] = np.int64(a), np.int64(b), w
    return True


@kernel
def meet(depth, matrix, intrinsics, near_far, hides, spans, shift, z, visible, keys, first, last):
    """What large blocks and the footprints of edges in rows `first` to `last` of the reference do.

    `spans` is as `surface.meet` leaves it.
    """
    xs, ys, ws, d = np.empty(4, np.int64), np.empty(4, np.int64), np.empty(4, np.float32), np.empty(4, np.float32)
    before_blocks, before_edges = (BEHIND_SURFACE, BEHIND_FOOTPRINT) if hides else (NEVER, NEVER)
    for v in range(first, last):
        above, below = spans[v], spans[v + 1]
        for u in range(depth.shape[1]):
            here = below[u + 1]
            if here & LARGE:
                d[0], d[1], d[2], d[3] = depth[v, u], depth[v, u + 1], depth[v + 1, u], depth[v + 1, u + 1]
                place_corners(d, u + 0.5, v + 0.5, 1, matrix, intrinsics, near_far, xs, ys, ws)
                code = np.int64(v) << shift | u << 1
                meet_quad(xs, ys, ws, before_blocks, ONE, code, z, visible, keys)
            if here & USABLE and not above[u] & above[u + 1] & below[u] & here & SPANS:
                d[:] = depth[v, u]
                if place_corners(d, u, v, 1, matrix, intrinsics, near_far, xs, ys, ws):
                    meet_quad(xs, ys, ws, before_edges, BEHIND_FOOTPRINT, LEAVES_A_HOLE, z, visible, keys)
