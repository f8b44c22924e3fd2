"""Surfaces by rows of the reference: `warpdata.render.surface` without a list of triangles.

Most surfaces do nothing, because the points in the pixels they cover are their own. Of every 2x2 block the pixels in
its bounds are looked at first: one is wanted where it holds no point, or one well behind the nearest of the block's
corners. In small blocks, with no more than two by two pixels in their bounds, it is then decided which of these lie in
which of the two triangles, and what happens where they do: all of it many blocks an instruction. Larger ones, and the
footprints of edges, are left to `render.cpu.quads`.

Surfaces clear flags and take minima, so rows may be done in any order, and bands of rows by several threads at once.
"""

from __future__ import annotations

import numpy as np

from warpdata.geometry.maths.resample import DEPTH_EDGE
from warpdata.kernel import kernel
from warpdata.render.cpu.intrinsics import bits_of, keep_least

SUBPIXELS = np.float32(256)
FARTHEST = np.float32(2.0**22)
SURFACE_RATIO = np.float32(1 + DEPTH_EDGE)
BEHIND_SURFACE, NEVER = np.float32(1.01), np.float32(np.inf)
SURELY_BEFORE = np.float32(1.005)
"""A point not this many times as far as the nearest corner of a surface cannot be hidden by it, rounding included."""
SPANS, LARGE, USABLE = 1, 2, 4
"""What blocks are: surfaces, left to `cpu.quads`; and whether their first pixel is usable."""
MANY, NOWHERE = 16, 32
"""Blocks with more than two by two pixels in their bounds, or none."""
LEAVES_A_HOLE = np.int64(2**31 - 1)
HALF, ONE, ZERO = np.float32(0.5), np.float32(1), np.float32(0)
I0, I1, PIXEL, CENTRE = np.int32(0), np.int32(1), np.int32(256), np.int32(128)


def scratch_arrays(array, width):
    """What `meet` works in, from a function that gives arrays by name, shape and type, for references this wide."""
    return (
        array("places", (2, 2, width), np.int32),
        array("reals", (3, 2, width), np.float32),
        array("bounds", (3, width), np.int32),
        array("sides", (width - 1,), np.uint8),
        array("met", (width,), np.uint8),
        array("meetings", (6, 8 * width), np.int32),
        array("hidden", (8 * width,), np.bool_),
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
    """Which blocks of two rows span a surface, and which have a first pixel that is usable."""
    for u in range(surface.size):
        a, b, c, d = d0[u], d0[u + 1], d1[u], d1[u + 1]
        least, most = min(min(a, b), min(c, d)), max(max(a, b), max(c, d))
        kind = np.uint8(SPANS) if (least > 0) & (most <= least * SURFACE_RATIO) else np.uint8(0)
        surface[u] = kind | (np.uint8(USABLE) if a > 0 else np.uint8(0))


@kernel
def bound_blocks(x0, x1, y0, y1, w0, w1, surface, hw, left, top, firsts, nearest, sides):
    """First column and row with a pixel's centre in each block's bounds, 1/z of its nearest corner, and how many more
    columns and rows there are: 1 for a second column, 2 for a second row, `MANY` for more, `NOWHERE` without any.

    `firsts` is the index of that first pixel where rows count from the bottom.
    """
    last_row, last_column, width = np.int32(hw[0] - 1), np.int32(hw[1] - 1), np.int32(hw[1])
    for u in range(surface.size):
        a, b, c, d = x0[u], x0[u + 1], x1[u], x1[u + 1]
        least, most = min(min(a, b), min(c, d)), max(max(a, b), max(c, d))
        l = max(np.int32(np.int32(least + np.int32(127)) >> np.int32(8)), I0)
        across = np.int32(min(np.int32(np.int32(most - CENTRE) >> np.int32(8)), last_column) - l)
        a, b, c, d = y0[u], y0[u + 1], y1[u], y1[u + 1]
        least, most = min(min(a, b), min(c, d)), max(max(a, b), max(c, d))
        t = max(np.int32(np.int32(least + np.int32(127)) >> np.int32(8)), I0)
        down = np.int32(min(np.int32(np.int32(most - CENTRE) >> np.int32(8)), last_row) - t)
        left[u], top[u] = l, t
        nearest[u] = max(max(w0[u], w0[u + 1]), max(w1[u], w1[u + 1]))
        side = np.int32(across | np.int32(down << I1))
        side = np.int32(MANY) if (across > I1) | (down > I1) else side
        there = ((surface[u] & np.uint8(SPANS)) > 0) & (across >= I0) & (down >= I0)
        sides[u] = np.uint8(side if there else np.int32(NOWHERE))
        firsts[u] = np.int32(np.int32(np.int32(last_row - t) * width) + l) if there else I0


@kernel
def list_wanted(firsts, nearest, sides, z, blocks):
    """List the blocks with wanted pixels, and large ones, and say how many they are."""
    flat, width = z.reshape(z.size), z.shape[1]
    count = np.uint64(0)
    for u in range(sides.size):
        side = np.int64(sides[u])
        first = np.uint64(firsts[u])
        below, across = first - np.uint64((side >> 1 & 1) * width), np.uint64(side & 1)
        a, b, c, d = flat[first], flat[first + across], flat[below], flat[below + across]
        least, farthest = a if a < b else b, a if a > b else b
        least, farthest = least if least < c else c, farthest if farthest > c else c
        least, farthest = least if least < d else d, farthest if farthest > d else d
        blocks[count] = u
        wanted = (least == ZERO) | (farthest * nearest[u] > SURELY_BEFORE) | (side == MANY)
        count += np.uint64(wanted & (side != NOWHERE))
    return np.int64(count)


@kernel
def cross(ax, ay, bx, by):
    """Twice the area between two ways from a pixel's centre."""
    return np.int32(np.int32(ax * by) - np.int32(ay * bx))


@kernel
def owns(dx, dy):
    """1 where a triangle on the right of an edge of direction (dx, dy) has the points on it."""
    return np.int32((dy > I0) | ((dy == I0) & (dx > I0)))


@kernel
def same(a, b, c):
    """Whether three truths are the same one."""
    return (a == b) & (b == c)


@kernel
def cover_blocks(x0, x1, y0, y1, left, top, sides, blocks, met):
    """Which halves of listed small blocks cover the centres of pixels in their bounds: bit 2k for the first half and
    pixel k, 2k + 1 for the second, pixels in the order of a block's corners.

    A centre lies right of an edge or not, where those on the edge count as its direction says. It lies in a triangle
    when it is right of all its edges or, in one seen from behind, of none.
    """
    for i in range(met.size):
        u = np.uint32(blocks[i])
        beside = np.uint32(u + np.uint32(1))
        px, py = np.int32(np.int32(left[u] * PIXEL) + CENTRE), np.int32(np.int32(top[u] * PIXEL) + CENTRE)
        ax, ay = np.int32(x0[u] - px), np.int32(y0[u] - py)
        bx, by = np.int32(x0[beside] - px), np.int32(y0[beside] - py)
        cx, cy = np.int32(x1[u] - px), np.int32(y1[u] - py)
        dx, dy = np.int32(x1[beside] - px), np.int32(y1[beside] - py)
        ab_x, ab_y, bc_x, bc_y = np.int32(bx - ax), np.int32(by - ay), np.int32(cx - bx), np.int32(cy - by)
        ca_x, ca_y, dc_x, dc_y = np.int32(ax - cx), np.int32(ay - cy), np.int32(cx - dx), np.int32(cy - dy)
        bd_x, bd_y = np.int32(dx - bx), np.int32(dy - by)
        ab, bc, ca = cross(ax, ay, bx, by), cross(bx, by, cx, cy), cross(cx, cy, ax, ay)
        dc, bd = cross(dx, dy, cx, cy), cross(bx, by, dx, dy)
        first_is_one = np.int32(np.int32(ab + bc) + ca) != I0
        second_is_one = np.int32(np.int32(dc - bc) + bd) != I0
        ab, bc, ca = np.int32(ab + owns(ab_x, ab_y)), np.int32(bc + owns(bc_x, bc_y)), np.int32(ca + owns(ca_x, ca_y))
        dc, bd = np.int32(dc + owns(dc_x, dc_y)), np.int32(bd + owns(bd_x, bd_y))
        side = np.int32(sides[u])
        bits = I0
        for k in range(4):
            across, down = np.int32(PIXEL * np.int32(k & 1)), np.int32(PIXEL * np.int32(k >> 1))
            right_of_bc = np.int32(bc + np.int32(bc_x * down) - np.int32(bc_y * across)) > I0
            first = same(
                np.int32(ab + np.int32(ab_x * down) - np.int32(ab_y * across)) > I0,
                right_of_bc,
                np.int32(ca + np.int32(ca_x * down) - np.int32(ca_y * across)) > I0,
            )
            second = same(
                np.int32(dc + np.int32(dc_x * down) - np.int32(dc_y * across)) > I0,
                not right_of_bc,
                np.int32(bd + np.int32(bd_x * down) - np.int32(bd_y * across)) > I0,
            )
            here = np.int32(first & first_is_one) | np.int32(second & second_is_one) << I1
            bits |= (here if (np.int32(k) & side) == np.int32(k) else I0) << np.int32(2 * k)
        met[i] = np.uint8(bits if side < np.int32(MANY) else I0)


@kernel
def list_meetings(listed, met, blocks, whiches):
    """List the bits of `met` of listed blocks, and say how many there are."""
    count = np.uint64(0)
    for i in range(met.size):
        bits = np.int32(met[i])
        if bits != 0:
            for k in range(8):
                blocks[count], whiches[count] = listed[i], k
                count += np.uint64(bits >> k & 1)
    return np.int64(count)


@kernel
def meet_small(
    x0, x1, y0, y1, w0, w1, surface, left, top, first_code, behind, blocks, whiches, z, pixels, z_bits, codes, hidden
):
    """What happens where halves of small blocks of a row cover pixels: `whiches` tells halves and pixels as
    `cover_blocks` does. `z_bits` of what is offered is 0 where nothing happens."""
    H, W = z.shape
    flat = z.reshape(z.size)
    width, last_row = np.int32(W), np.int32(H - 1)
    row_code = np.int32(first_code)
    for i in range(pixels.size):
        u, which = np.uint32(blocks[i]), whiches[i]
        beside = np.uint32(u + np.uint32(1))
        half = np.int32(which & I1)
        second = half == I1
        column = np.int32(left[u] + np.int32(np.int32(which >> I1) & I1))
        row = np.int32(top[u] + np.int32(which >> np.int32(2)))
        pixel = np.int32(np.int32(np.int32(last_row - row) * width) + column)
        bx, by, bw = x0[beside], y0[beside], w0[beside]
        cx, cy, cw = x1[u], y1[u], w1[u]
        ax = x1[beside] if second else x0[u]
        ay = y1[beside] if second else y0[u]
        aw = w1[beside] if second else w0[u]
        bx, by, cx, cy = np.int32(bx - ax), np.int32(by - ay), np.int32(cx - ax), np.int32(cy - ay)
        area = cross(bx, by, cx, cy)
        turned = area < I0
        dx, dy, dw = (cx if turned else bx), (cy if turned else by), (cw if turned else bw)
        ex, ey, ew = (bx if turned else cx), (by if turned else cy), (bw if turned else cw)
        px = np.int32(np.int32(np.int32(column * PIXEL) + CENTRE) - ax)
        py = np.int32(np.int32(np.int32(row * PIXEL) + CENTRE) - ay)
        dw1, dw2 = dw - aw, ew - aw
        centre = np.float32(cross(px, py, ex, ey)) * dw1 + np.float32(cross(dx, dy, px, py)) * dw2
        slope_x = np.float32(ey) * dw1 - np.float32(dy) * dw2
        slope_y = np.float32(dx) * dw2 - np.float32(ex) * dw1
        rounding = (np.abs(dw1) + np.abs(dw2)) * np.float32(2)
        slack = ((np.abs(slope_x) + np.abs(slope_y)) + rounding) * np.float32(128)
        twice_area = np.float32(abs(area))
        point = flat[np.uint32(pixel)]
        hides = (point > ZERO) & (aw + (centre - slack) / twice_area > (ONE / point) * behind)
        w = max(aw + centre / twice_area, min(min(aw, bw), cw))
        faces_away = (area > I0) if second else (area < I0)
        code = np.int32(np.int32(row_code | np.int32(u << np.uint32(1))) | half)
        pixels[i], hidden[i] = pixel, hides
        codes[i] = np.int32(LEAVES_A_HOLE) if faces_away else code
        z_bits[i] = bits_of(ONE / w) if hides | (point == ZERO) else I0


@kernel
def take_offers(pixels, z_bits, codes, hidden, visible, keys):
    """Clear flags of what is hidden, and keep the least of what is offered."""
    flags, least = visible.reshape(visible.size), keys.reshape(keys.size)
    for i in range(pixels.size):
        if z_bits[i] != 0:
            pixel = np.uint64(pixels[i])
            if hidden[i]:
                flags[pixel] = False
            key = np.int64(z_bits[i]) << 32 | np.int64(codes[i])
            if key < least[pixel]:
                keep_least(np.uint64(least.ctypes.data) + np.uint64(8) * pixel, key)


@kernel
def meet(
    depth,
    confidence,
    threshold,
    matrix,
    intrinsics,
    near_far,
    hides,
    centres,
    shift,
    spans,
    z,
    visible,
    keys,
    scratch,
    first,
    last,
):
    """Clear in `visible` the points that small blocks in the reference's rows `first` to `last` hide, if they hide
    anything, and take into `keys` what they offer: depth bits and code.

    `z` is the depth of every pixel's point, 0 where there is none; these count rows from the bottom. `shift` is how
    many bits of a code number the halves of a row's blocks. `spans`, one larger than the reference each way, gets at
    (v + 1, u + 1) what the block of pixel (v, u) is, `SPANS` and its kin, and whether the pixel is `USABLE`; blocks
    that do not exist count as surface.
    """
    places, reals, wholes, sides, met, lists, hidden = scratch
    h, w = depth.shape
    left, top, starts, nearest = wholes[0], wholes[1], wholes[2], reals[2, 0]
    listed, blocks, whiches, pixels, z_bits, codes = lists[0], lists[1], lists[2], lists[3], lists[4], lists[5]
    behind = BEHIND_SURFACE if hides else NEVER
    if first == 0:
        spans[0] = SPANS
    for v in range(first, min(last + 1, h)):
        slot = v & 1
        x1, y1, w1, d1 = places[slot, 0], places[slot, 1], reals[slot, 0], reals[slot, 1]
        place_row(depth, confidence, threshold, matrix, intrinsics, near_far, centres, v, x1, y1, w1, d1)
        if v == first:
            continue
        x0, y0, w0, d0 = places[1 - slot, 0], places[1 - slot, 1], reals[1 - slot, 0], reals[1 - slot, 1]
        row = spans[v]
        surface = row[1:w]
        find_surfaces(d0, d1, surface)
        row[0], row[w] = SPANS, SPANS | (USABLE if d0[w - 1] > 0 else 0)
        bound_blocks(x0, x1, y0, y1, w0, w1, surface, z.shape, left, top, starts, nearest, sides)
        count = list_wanted(starts, nearest, sides, z, listed)
        some = listed[:count]
        cover_blocks(x0, x1, y0, y1, left, top, sides, some, met[:count])
        count = list_meetings(some, met[:count], blocks, whiches)
        offers = pixels[:count], z_bits[:count], codes[:count], hidden[:count]
        meet_small(x0, x1, y0, y1, w0, w1, surface, left, top, (v - 1) << shift, behind, blocks, whiches, z, *offers)
        take_offers(*offers, visible, keys)
        for i in range(some.size):
            if sides[some[i]] == MANY:
                surface[some[i]] |= LARGE
    if last == h:
        d0 = reals[(h - 1) & 1, 1]
        spans[h, 0] = SPANS
        for u in range(w):
            spans[h, u + 1] = SPANS | (USABLE if d0[u] > 0 else 0)
