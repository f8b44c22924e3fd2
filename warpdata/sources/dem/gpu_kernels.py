"""A view of a tile on a GPU: the walk and the colours of `kernels`, a thread for every pixel.

Written as there, operation by operation, so that every bit is the same. `no_type_check` keeps run-time type checkers,
which do not know Warp's array types, away from what is compiled.
"""

from typing import no_type_check

import warp as wp

from warpdata.gpu_kernel import MODULE_OPTIONS
from warpdata.sources.dem.march import BLOCK_MARGIN, MAX_STRETCH, STEEPEST

wp.set_module_options(MODULE_OPTIONS)

BLOCK_MARGIN_M = wp.constant(wp.float64(BLOCK_MARGIN))
LEAST_COSINE = wp.constant(wp.float64(STEEPEST))
LARGEST_STRETCH = wp.constant(wp.float64(MAX_STRETCH))
NEVER = wp.constant(wp.float64(float("inf")))
NONE = wp.constant(wp.float64(-1.0))
ZERO = wp.constant(wp.float64(0.0))
HALF = wp.constant(wp.float64(0.5))
ONE = wp.constant(wp.float64(1.0))
TWO = wp.constant(wp.float64(2.0))
FOUR = wp.constant(wp.float64(4.0))
SMALLEST_COSINE = wp.constant(wp.float64(1e-9))
WHITE = wp.constant(wp.float64(255.0))


@no_type_check
@wp.func
def cell_of(place: wp.float64, count: int):
    """The patch of a column or row, the outermost beyond the tile."""
    return int(wp.clamp(wp.floor(place), ZERO, wp.float64(count - 2)))


@no_type_check
@wp.func
def direction_of(row: int, column: int, intrinsics: wp.vec4d, rotation: wp.mat33d):
    x = (wp.float64(column) + HALF - intrinsics[2]) / intrinsics[0]
    y = (wp.float64(row) + HALF - intrinsics[3]) / intrinsics[1]
    return wp.vec3d(
        rotation[0, 0] * x + rotation[0, 1] * y + rotation[0, 2],
        rotation[1, 0] * x + rotation[1, 1] * y + rotation[1, 2],
        rotation[2, 0] * x + rotation[2, 1] * y + rotation[2, 2],
    )


@no_type_check
@wp.func
def fall(above: wp.float64, slope: wp.float64, bend: wp.float64, length: wp.float64):
    root = wp.sqrt(slope * slope - FOUR * bend * above)
    q = -HALF * (slope + root)
    if slope < ZERO:
        q = -HALF * (slope - root)
    first = above / q
    second = q / bend
    best = NONE
    if first >= ZERO and first <= length and slope + TWO * bend * first < ZERO:
        best = first
    if second >= ZERO and second <= length and slope + TWO * bend * second < ZERO:
        if not (best >= ZERO and best <= second):
            best = second
    return best


@no_type_check
@wp.func
def row_at(t: wp.float64, start: wp.float64, step: wp.float64, index: int, count: int, crossed_when_equal: bool):
    if step == ZERO:
        return index
    found = cell_of(start + t * step, count)
    sign = wp.where(step > ZERO, 1, -1)
    offset = wp.where(step > ZERO, 1, 0)
    while found != index:
        crossed = (wp.float64(found - sign + offset) - start) / step
        if crossed < t or (crossed_when_equal and crossed == t):
            break
        found = found - sign
    while found + sign >= 0 and found + sign <= count - 2:
        crossed = (wp.float64(found + offset) - start) / step
        if not (crossed < t or (crossed_when_equal and crossed == t)):
            break
        found = found + sign
    return found


@no_type_check
@wp.func
def depth_of_hit(
    heights: wp.array2d[wp.float64],
    maxima: wp.array[wp.float64],
    shapes: wp.array2d[wp.int32],
    centre: wp.vec3d,
    du: wp.float64,
    dv: wp.float64,
    dz: wp.float64,
    top: wp.float64,
):
    rows = heights.shape[0]
    columns = heights.shape[1]
    coarsest = shapes.shape[0] - 1
    u_0 = centre[0]
    v_0 = centre[1]
    z_0 = centre[2]
    last_u = wp.float64(columns - 1)
    last_v = wp.float64(rows - 1)
    t = wp.float64(0.0)
    end = NEVER
    if du != ZERO:
        near = (ZERO - u_0) / du
        far = (last_u - u_0) / du
        t = wp.max(t, wp.min(near, far))
        end = wp.min(end, wp.max(near, far))
    elif u_0 < ZERO or u_0 > last_u:
        end = NONE
    if dv != ZERO:
        near = (ZERO - v_0) / dv
        far = (last_v - v_0) / dv
        t = wp.max(t, wp.min(near, far))
        end = wp.min(end, wp.max(near, far))
    elif v_0 < ZERO or v_0 > last_v:
        end = NONE
    if z_0 > top:
        if dz < ZERO:
            t = wp.max(t, (top - z_0) / dz)
        else:
            t = NEVER
    if not t < end:
        return ZERO
    i = cell_of(v_0 + t * dv, rows)
    j = cell_of(u_0 + t * du, columns)
    came_from_a_patch = int(0)
    level = int(coarsest)
    while True:
        block_i = i >> level
        block_j = j >> level
        side = 1 << level
        line_j = block_j * side
        line_i = block_i * side
        next_u = NEVER
        next_v = NEVER
        if du > ZERO:
            line_j = wp.min((block_j + 1) * side, columns - 1)
        if dv > ZERO:
            line_i = wp.min((block_i + 1) * side, rows - 1)
        if du != ZERO:
            next_u = (wp.float64(line_j) - u_0) / du
        if dv != ZERO:
            next_v = (wp.float64(line_i) - v_0) / dv
        leaves = wp.min(wp.min(next_u, next_v), end)
        lowest = wp.min(z_0 + t * dz, z_0 + leaves * dz)
        skips = lowest > maxima[shapes[level, 0] + block_i * shapes[level, 2] + block_j] + BLOCK_MARGIN_M
        if not skips and level > 0:
            level = level - 1
            continue
        there = int(0)
        if not skips:
            h00 = heights[i, j]
            h01 = heights[i, j + 1]
            h10 = heights[i + 1, j]
            h11 = heights[i + 1, j + 1]
            along_u = h01 - h00
            along_v = h10 - h00
            twist = h00 - h01 - h10 + h11
            u = u_0 + t * du - wp.float64(j)
            v = v_0 + t * dv - wp.float64(i)
            above = z_0 + t * dz - (h00 + along_u * u + along_v * v + twist * u * v)
            there = wp.where(wp.isnan(above), 0, 1)
            if there == 1 and above < ZERO:
                if came_from_a_patch == 1:
                    return t
                return ZERO
            if there == 1:
                slope = dz - (along_u * du + along_v * dv + twist * (u * dv + v * du))
                bend = ZERO - twist * du * dv
                step = fall(above, slope, bend, leaves - t)
                if step >= ZERO:
                    return t + step
        if not leaves < end:
            return ZERO
        if next_u <= next_v:
            j = wp.where(du > ZERO, line_j, line_j - 1)
            if level > 0:
                i = row_at(leaves, v_0, dv, i, rows, False)
        else:
            i = wp.where(dv > ZERO, line_i, line_i - 1)
            if level > 0:
                j = row_at(leaves, u_0, du, j, columns, True)
        if i < 0 or i > rows - 2 or j < 0 or j > columns - 2:
            return ZERO
        t = leaves
        came_from_a_patch = there
        if skips and level < coarsest:
            level = level + 1
    return ZERO


@no_type_check
@wp.func
def texel_of(textures: wp.array2d[wp.float32], at: int):
    return wp.vec3d(wp.float64(textures[at, 0]), wp.float64(textures[at, 1]), wp.float64(textures[at, 2]))


@no_type_check
@wp.func
def bilinear(
    textures: wp.array2d[wp.float32], shapes: wp.array2d[wp.int32], level: int, tx: wp.float64, ty: wp.float64
):
    start = shapes[level, 0]
    height = shapes[level, 1]
    width = shapes[level, 2]
    scale = ONE / wp.float64(1 << level)
    x = wp.clamp((tx + HALF) * scale - HALF, ZERO, wp.float64(width) - ONE)
    y = wp.clamp((ty + HALF) * scale - HALF, ZERO, wp.float64(height) - ONE)
    j = wp.min(int(x), wp.max(width - 2, 0))
    i = wp.min(int(y), wp.max(height - 2, 0))
    right = wp.min(j + 1, width - 1)
    below = wp.min(i + 1, height - 1)
    u = x - wp.float64(j)
    v = y - wp.float64(i)
    above_row = start + i * width
    below_row = start + below * width
    upper = (ONE - u) * texel_of(textures, above_row + j) + u * texel_of(textures, above_row + right)
    lower = (ONE - u) * texel_of(textures, below_row + j) + u * texel_of(textures, below_row + right)
    return (ONE - v) * upper + v * lower


@no_type_check
@wp.kernel
def see_pixels(
    heights: wp.array2d[wp.float64],
    maxima: wp.array[wp.float64],
    maxima_shapes: wp.array2d[wp.int32],
    pitch: wp.vec2d,
    centre: wp.vec3d,
    intrinsics: wp.vec4d,
    rotation: wp.mat33d,
    top: wp.float64,
    textured: wp.array2d[wp.bool],
    textures: wp.array2d[wp.float32],
    texture_shapes: wp.array2d[wp.int32],
    texture_pitch: wp.vec2d,
    texture_centre: wp.vec2d,
    footprint: wp.float64,
    rgb: wp.array3d[wp.uint8],
    depth: wp.array2d[wp.float32],
    usable: wp.array2d[wp.bool],
):
    y, x = wp.tid()
    direction = direction_of(y, x, intrinsics, rotation)
    du = direction[0] / pitch[0]
    dv = -direction[1] / pitch[1]
    dz = direction[2]
    t = depth_of_hit(heights, maxima, maxima_shapes, centre, du, dv, dz, top)
    depth[y, x] = wp.float32(t)
    if t == ZERO:
        for channel in range(3):
            rgb[channel, y, x] = wp.uint8(0)
        usable[y, x] = False
        return
    tx = texture_centre[0] + t * (direction[0] / texture_pitch[0])
    ty = texture_centre[1] + t * (-direction[1] / texture_pitch[1])
    size = t * footprint
    last = texture_shapes.shape[0] - 1
    level = int(0)
    scale = wp.float64(1.0)
    while level < last and size >= TWO * scale:
        level = level + 1
        scale = TWO * scale
    colour = bilinear(textures, texture_shapes, level, tx, ty)
    if level < last:
        share = wp.clamp(size / scale - ONE, ZERO, ONE)
        if share > ZERO:
            colour = colour + share * (bilinear(textures, texture_shapes, level + 1, tx, ty) - colour)
    for channel in range(3):
        rgb[channel, y, x] = wp.uint8(wp.clamp(wp.floor(colour[channel] + HALF), ZERO, WHITE))
    column = centre[0] + t * du
    row = centre[1] + t * dv
    j = cell_of(column, heights.shape[1])
    i = cell_of(row, heights.shape[0])
    h00 = heights[i, j]
    h01 = heights[i, j + 1]
    h10 = heights[i + 1, j]
    h11 = heights[i + 1, j + 1]
    twist = h00 - h01 - h10 + h11
    slope_u = h01 - h00 + twist * (row - wp.float64(i))
    slope_v = h10 - h00 + twist * (column - wp.float64(j))
    along = dz - slope_u * du - slope_v * dv
    east = slope_u / pitch[0]
    north = slope_v / pitch[1]
    normal = wp.sqrt(ONE + east * east + north * north)
    length = wp.sqrt(direction[0] * direction[0] + direction[1] * direction[1] + direction[2] * direction[2])
    cosine = wp.abs(along) / (normal * length)
    stretch = size / wp.max(cosine, SMALLEST_COSINE)
    near_x = int(wp.clamp(wp.floor(tx + HALF), ZERO, wp.float64(textured.shape[1] - 1)))
    near_y = int(wp.clamp(wp.floor(ty + HALF), ZERO, wp.float64(textured.shape[0] - 1)))
    usable[y, x] = cosine >= LEAST_COSINE and stretch <= LARGEST_STRETCH and textured[near_y, near_x]
