"""Push, pull, distance, fade and bytes, as `fill.py`, `distance.py` and `fade.py` of the definition.

The levels of averaged colours from the second on lie one after the other in one array: red, green, blue, weight.
The finest level is never stored: its colours are the visible pixels' own, and its filling goes straight to bytes.
"""

from typing import no_type_check

import warp as wp

from warpdata.gpu_kernel import MODULE_OPTIONS
from warpdata.render.kernels.depth import sample_position
from warpdata.render.kernels.planes import load, save

wp.set_module_options(MODULE_OPTIONS)


@no_type_check
@wp.func
def unpack(color: wp.uint32):
    mask = wp.uint32(255)
    return wp.vec4(
        float(color & mask),
        float((color >> wp.uint32(8)) & mask),
        float((color >> wp.uint32(16)) & mask),
        1.0,
    )


@no_type_check
@wp.func
def average(total: wp.vec4):
    """Mean colour of what `total` sums, weight 1 if that is anything."""
    weight = wp.max(total[3], 1.0)
    return wp.vec4(total[0] / weight, total[1] / weight, total[2] / weight, wp.min(total[3], 1.0))


@no_type_check
@wp.kernel
def push_pixels(visible: wp.array3d[wp.uint8], color: wp.array2d[wp.uint32], fill: wp.array3d[wp.float32]):
    """The second level from the visible pixels."""
    b, up, x = wp.tid()
    H = visible.shape[1]
    W = visible.shape[2]
    total = wp.vec4(0.0, 0.0, 0.0, 0.0)
    for k in range(4):
        row = 2 * up + k // 2
        column = 2 * x + k % 2
        if visible[b, H - 1 - row, column] != wp.uint8(0):
            total += unpack(color[b, row * W + column])
    save(fill, b, up * (W // 2) + x, average(total))


@no_type_check
@wp.kernel
def push(offset: wp.int32, width: wp.int32, offset_out: wp.int32, fill: wp.array3d[wp.float32]):
    """One level from the one below it."""
    b, up, x = wp.tid()
    total = wp.vec4(0.0, 0.0, 0.0, 0.0)
    for k in range(4):
        total += load(fill, b, offset + (2 * up + k // 2) * width + 2 * x + k % 2)
    save(fill, b, offset_out + up * (width // 2) + x, average(total))


@no_type_check
@wp.func
def sample(fill: wp.array3d[wp.float32], offset: int, hw: wp.vec2i, ratio_yx: wp.vec2, b: int, up: int, x: int):
    """The level that starts at `offset`, bilinearly."""
    sy = sample_position(up, ratio_yx[0])
    sx = sample_position(x, ratio_yx[1])
    lower_y = wp.floor(sy)
    lower_x = wp.floor(sx)
    fy = sy - lower_y
    fx = sx - lower_x
    row0 = offset + wp.clamp(int(lower_y), 0, hw[0] - 1) * hw[1]
    row1 = offset + wp.clamp(int(lower_y) + 1, 0, hw[0] - 1) * hw[1]
    x0 = wp.clamp(int(lower_x), 0, hw[1] - 1)
    x1 = wp.clamp(int(lower_x) + 1, 0, hw[1] - 1)
    below = load(fill, b, row0 + x0)
    below += (load(fill, b, row0 + x1) - below) * fx
    above = load(fill, b, row1 + x0)
    above += (load(fill, b, row1 + x1) - above) * fx
    return below + (above - below) * fy


@no_type_check
@wp.kernel
def pull(
    offset: wp.int32,
    width: wp.int32,
    coarse_offset: wp.int32,
    coarse_hw: wp.vec2i,
    ratio_yx: wp.vec2,
    fill: wp.array3d[wp.float32],
):
    """Fill the empty texels of a level, in place, from the filled level above it."""
    b, up, x = wp.tid()
    texel = offset + up * width + x
    if fill[b, 3, texel] == 0.0:
        save(fill, b, texel, sample(fill, coarse_offset, coarse_hw, ratio_yx, b, up, x))


ROWS = 16
"""Rows whose visibility is one word: few enough that it is exact as a float, whose exponent tells its highest bit."""


@no_type_check
@wp.kernel
def pack_rows(visible: wp.array3d[wp.uint8], words: wp.array3d[wp.int32]):
    """Bit k of word j of a column says whether row `ROWS` j + k is visible."""
    b, j, x = wp.tid()
    word = int(0)
    for k in range(ROWS):
        y = ROWS * j + k
        if y < visible.shape[1]:
            if visible[b, y, x] != wp.uint8(0):
                word |= 1 << k
    words[b, j, x] = word


@no_type_check
@wp.func
def highest_bit(word: int):
    return (wp.cast(float(word), wp.int32) >> 23) - 127


@no_type_check
@wp.kernel
def column_distance(words: wp.array3d[wp.int32], reach: wp.int32, distance: wp.array3d[wp.int32]):
    """Distance to the nearest visible pixel of the column, `reach` + 1 if there is none so near."""
    b, y, x = wp.tid()
    j = y / ROWS
    bit = 1 << (y - ROWS * j)
    word = words[b, j, x]
    found = int(0)
    if (word & bit) == 0:
        found = reach + 1
        up = word & (bit - 1)
        k = int(j)
        while up == 0 and k > 0 and y - (ROWS * k - 1) < found:
            k -= 1
            up = words[b, k, x]
        if up != 0:
            found = wp.min(found, y - (ROWS * k + highest_bit(up)))
        down = word & ~(bit - 1)
        k = int(j)
        while down == 0 and k + 1 < words.shape[1] and ROWS * (k + 1) - y < found:
            k += 1
            down = words[b, k, x]
        if down != 0:
            found = wp.min(found, ROWS * k + highest_bit(down & -down) - y)
    distance[b, y, x] = found


@no_type_check
@wp.func
def squared_distance(distance: wp.array3d[wp.int32], reach: int, b: int, y: int, x: int):
    """From the distances along columns; larger than `reach` squared when nothing is so near."""
    W = distance.shape[2]
    along_column = distance[b, y, x]
    nearest = along_column * along_column
    d = int(1)
    while d <= reach and d * d < nearest:
        if x >= d:
            along_column = distance[b, y, x - d]
            nearest = wp.min(nearest, d * d + along_column * along_column)
        if x + d < W:
            along_column = distance[b, y, x + d]
            nearest = wp.min(nearest, d * d + along_column * along_column)
        d += 1
    return nearest


@no_type_check
@wp.func
def byte(value: float, rounding: float):
    return wp.uint8(int(wp.floor(value + rounding)))


@no_type_check
@wp.kernel
def finish(
    visible: wp.array3d[wp.uint8],
    color: wp.array2d[wp.uint32],
    fill: wp.array3d[wp.float32],
    coarse_hw: wp.vec2i,
    ratio_yx: wp.vec2,
    distance: wp.array3d[wp.int32],
    reach: wp.int32,
    fade: wp.array[wp.float32],
    background: wp.vec3,
    rounding: wp.float32,
    rgb: wp.array4d[wp.uint8],
    coverage: wp.array3d[wp.uint8],
):
    """Fill, fade and round every pixel; `coarse_hw` is (0, 0) when the finest level is the only one."""
    b, y, x = wp.tid()
    H = visible.shape[1]
    W = visible.shape[2]
    up = H - 1 - y
    filled = wp.vec4(0.0, 0.0, 0.0, 0.0)
    alpha = float(0.0)
    if visible[b, y, x] != wp.uint8(0):
        filled = unpack(color[b, up * W + x])
        alpha = 1.0
    elif coarse_hw[0] > 0:
        distance2 = squared_distance(distance, reach, b, y, x)
        if distance2 < fade.shape[0]:
            filled = sample(fill, 0, coarse_hw, ratio_yx, b, up, x)
            alpha = filled[3] * fade[distance2]
    rest = 1.0 - alpha
    rgb[b, 0, y, x] = byte(filled[0] * alpha + background[0] * rest, rounding)
    rgb[b, 1, y, x] = byte(filled[1] * alpha + background[1] * rest, rounding)
    rgb[b, 2, y, x] = byte(filled[2] * alpha + background[2] * rest, rounding)
    coverage[b, y, x] = byte(255.0 * alpha, 0.5)
