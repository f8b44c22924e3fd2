"""What surfaces show in gaps: colour and depth of the triangle that each pixel keeps, as `color_of` of the definition.

Pixels that show one are listed first, a row at a time, and then done many an instruction. Places are whole numbers held
in float64, in which their products are exact, as they are in integers.
"""

from __future__ import annotations

import numpy as np

from warpdata.kernel import kernel

SUBPIXELS = np.float32(256)
LEAVES_A_HOLE = np.int32(2**31 - 1)
ROWS = 8
"""So many rows are listed, coloured and written together. One row at a time takes half as long again, two do not."""
HALF, ONE = np.float32(0.5), np.float32(1)


def scratch_arrays(array, width):
    """What `show` works in, from a function that gives arrays by name, shape and type, for results this wide."""
    return (
        array("shown", (3, ROWS, width), np.int32),
        array("shown colors", (ROWS, width), np.uint32),
        array("shown count", (ROWS,), np.int64),
    )


@kernel
def list_shown(keys, columns, codes, z_bits):
    """List the pixels of a row that show a surface, and say how many they are."""
    count = np.uint64(0)
    for column in range(keys.size):
        key = keys[column]
        code = np.int32(key & np.int64(2**31 - 1))
        columns[count], codes[count], z_bits[count] = column, code, np.int32(key >> 32)
        count += np.uint64(code != LEAVES_A_HOLE)
    return np.int64(count)


@kernel
def place(x, y, d, matrix, intrinsics):
    """Place in the target, in 1/256 pixel, and 1/z of a pixel of the reference."""
    X = ((matrix[0, 0] * x + matrix[0, 1] * y) + matrix[0, 2]) * d + matrix[0, 3]
    Y = ((matrix[1, 0] * x + matrix[1, 1] * y) + matrix[1, 2]) * d + matrix[1, 3]
    Z = ((matrix[2, 0] * x + matrix[2, 1] * y) + matrix[2, 2]) * d + matrix[2, 3]
    w = ONE / Z
    a = np.floor((((intrinsics[0] * X) * w) + intrinsics[2]) * SUBPIXELS + HALF)
    b = np.floor((((intrinsics[1] * Y) * w) + intrinsics[3]) * SUBPIXELS + HALF)
    return np.float64(a), np.float64(b), w


@kernel
def channel(packed, shift):
    """Byte of a packed colour."""
    return np.float32(np.int32((packed >> np.uint32(shift)) & np.uint32(255)))


@kernel
def blend(f0, f1, f2, total, c0, c1, c2, shift):
    """A channel of three colours, weighted and rounded, at its place in a packed colour."""
    value = ((f0 * channel(c0, shift) + f1 * channel(c1, shift)) + f2 * channel(c2, shift)) / total
    return np.uint32(np.int32(np.floor(value + HALF))) << np.uint32(shift)


@kernel
def colors_of(codes, code_shift, columns, row, depth, packed, matrix, intrinsics, out):
    """Colours of triangles at the centres of pixels of a row."""
    width = np.int32(depth.shape[1])
    flat = depth.reshape(depth.size)
    shift, mask = np.int32(code_shift), np.int32((1 << code_shift) - 1)
    py = np.float64(row * 256 + 128)
    for i in range(out.size):
        code = codes[i]
        second = np.int32(code & np.int32(1))
        u, v = np.int32((code & mask) >> np.int32(1)), np.int32(code >> shift)
        # Corners 0, 1, 2 of a block for the first half, 3, 2, 1 for the second.
        u0, v0 = np.int32(u + second), np.int32(v + second)
        u1, v1 = np.int32(np.int32(u + np.int32(1)) - second), v0
        u2, v2 = u0, np.int32(np.int32(v + np.int32(1)) - second)
        i0 = np.int32(np.int32(v0 * width) + u0)
        i1 = np.int32(np.int32(v1 * width) + u1)
        i2 = np.int32(np.int32(v2 * width) + u2)
        x0, y0, w0 = place(np.float32(u0) + HALF, np.float32(v0) + HALF, flat[np.uint32(i0)], matrix, intrinsics)
        x1, y1, w1 = place(np.float32(u1) + HALF, np.float32(v1) + HALF, flat[np.uint32(i1)], matrix, intrinsics)
        x2, y2, w2 = place(np.float32(u2) + HALF, np.float32(v2) + HALF, flat[np.uint32(i2)], matrix, intrinsics)
        px = np.float64(np.int32(np.int32(columns[i] * np.int32(256)) + np.int32(128))) - x0
        ax, ay, bx, by = x1 - x0, y1 - y0, x2 - x0, y2 - y0
        first, second_area = px * by - (py - y0) * bx, ax * (py - y0) - ay * px
        third = (ax * by - ay * bx) - first - second_area
        f0, f1, f2 = np.float32(third) * w0, np.float32(first) * w1, np.float32(second_area) * w2
        total = (f0 + f1) + f2
        c0, c1, c2 = packed[np.uint32(i0)], packed[np.uint32(i1)], packed[np.uint32(i2)]
        red, green = blend(f0, f1, f2, total, c0, c1, c2, 0), blend(f0, f1, f2, total, c0, c1, c2, 8)
        out[i] = red | green | blend(f0, f1, f2, total, c0, c1, c2, 16)


@kernel
def put(columns, colors, z_bits, color, z, visible):
    """Write what the listed pixels of a row show."""
    for i in range(columns.size):
        column = np.uint64(columns[i])
        color[column], z[column], visible[column] = colors[i], z_bits[i], True


@kernel
def show(depth, packed, matrix, intrinsics, code_shift, keys, scratch, color, z, visible, first, last):
    """Write colour, depth (as bits) and visibility of the pixels in rows `first` to `last` that show a surface."""
    lists, colors, counts = scratch
    columns, codes, z_bits = lists[0], lists[1], lists[2]
    H = keys.shape[0]
    for start in range(first, last, ROWS):
        rows = min(ROWS, last - start)
        for r in range(rows):
            counts[r] = list_shown(keys[start + r], columns[r], codes[r], z_bits[r])
        for r in range(rows):
            row, out = H - 1 - start - r, colors[r, : counts[r]]
            colors_of(codes[r], code_shift, columns[r], row, depth, packed, matrix, intrinsics, out)
        for r in range(rows):
            up, count = start + r, counts[r]
            put(columns[r, :count], colors[r], z_bits[r], color[up], z[up], visible[up])
