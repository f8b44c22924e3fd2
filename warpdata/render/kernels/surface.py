"""Surfaces, as `surface.py` of the definition: a thread for every 2x2 block of the reference, then one for every pixel
at an edge, then one for every pixel of the result that shows a surface. Threads only ever clear flags and take minima,
so that their order does not matter.
"""

from typing import Any, no_type_check

import warp as wp

from warpdata.gpu_kernel import MODULE_OPTIONS
from warpdata.render import surface as definition
from warpdata.render.kernels.depth import SURFACE_RATIO, is_depth, read_depth
from warpdata.render.kernels.splat import NOTHING, STEPS, position_of_pixel

wp.set_module_options(MODULE_OPTIONS)

LARGEST = wp.constant(wp.int32(definition.LARGEST))
FARTHEST = wp.constant(wp.float32(definition.FARTHEST))
BEHIND_SURFACE = wp.constant(wp.float32(definition.BEHIND_SURFACE))
BEHIND_FOOTPRINT = wp.constant(wp.float32(definition.BEHIND_FOOTPRINT))
LEAVES_A_HOLE = wp.constant(wp.int32(definition.LEAVES_A_HOLE))
NARROW = wp.constant(wp.int32(64 * definition.SUBPIXELS))
"""Sides of a triangle's bounds up to which coverage fits 32 bits, in 1/256 pixel."""


@no_type_check
@wp.func
def place(p: wp.vec3, intrinsics: wp.array2d[wp.float32], near_far: wp.array2d[wp.float32], b: int):
    """Fixed-point x and y of a point in target axes, and 1 if it is usable."""
    w = 1.0 / p[2]
    x = wp.floor((((intrinsics[b, 0] * p[0]) * w) + intrinsics[b, 2]) * STEPS + 0.5)
    y = wp.floor((((intrinsics[b, 1] * p[1]) * w) + intrinsics[b, 3]) * STEPS + 0.5)
    if p[2] >= near_far[b, 0] and p[2] <= near_far[b, 1] and wp.abs(x) <= FARTHEST and wp.abs(y) <= FARTHEST:
        return wp.vec3i(int(x), int(y), 1)
    return wp.vec3i(0, 0, 0)


@no_type_check
@wp.func
def is_inside(area: Any, dx: Any, dy: Any):
    """Whether a triangle has what lies at twice the area `area` from its edge of direction (dx, dy)."""
    zero = dx - dx
    return area > zero or (area == zero and (dy > zero or (dy == zero and dx > zero)))


@no_type_check
@wp.func
def inverse_depth(ax: Any, ay: Any, bx: Any, by: Any, px: Any, py: Any, w0: float, w1: float, w2: float):
    """1/z of a triangle of positive area at a pixel's centre and at the farthest in the pixel; 0 if not covered.

    a, b and p are the ways from its corner 0 to corners 1 and 2 and to the centre.
    """
    area = ax * by - ay * bx
    first = px * by - py * bx
    second = ax * py - ay * px
    third = area - first - second
    if not (is_inside(first, -bx, -by) and is_inside(second, ax, ay) and is_inside(third, bx - ax, by - ay)):
        return wp.vec2(0.0, 0.0)
    dw1 = w1 - w0
    dw2 = w2 - w0
    slope_x = float(by) * dw1 - float(ay) * dw2
    slope_y = float(ax) * dw2 - float(bx) * dw1
    centre = float(first) * dw1 + float(second) * dw2
    rounding = (wp.abs(dw1) + wp.abs(dw2)) * 2.0
    slack = ((wp.abs(slope_x) + wp.abs(slope_y)) + rounding) * 128.0
    least = wp.min(wp.min(w0, w1), w2)
    return wp.vec2(wp.max(w0 + centre / float(area), least), w0 + (centre - slack) / float(area))


@no_type_check
@wp.func
def meet(
    p0: wp.vec3i,
    corner1: wp.vec3i,
    corner2: wp.vec3i,
    w0: float,
    corner1_w: float,
    corner2_w: float,
    behind: float,
    before: float,
    front_code: int,
    position: wp.array3d[wp.float32],
    b: int,
    visible: wp.array3d[wp.uint8],
    depth: wp.array3d[wp.float32],
    keys: wp.array2d[wp.int64],
):
    """Clear the points behind a triangle, and offer it to their pixels and to those without a point."""
    H = visible.shape[1]
    W = visible.shape[2]
    x0 = wp.min(wp.min(p0[0], corner1[0]), corner2[0])
    x1 = wp.max(wp.max(p0[0], corner1[0]), corner2[0])
    y0 = wp.min(wp.min(p0[1], corner1[1]), corner2[1])
    y1 = wp.max(wp.max(p0[1], corner1[1]), corner2[1])
    if x1 - x0 > LARGEST or y1 - y0 > LARGEST:
        return
    narrow = x1 - x0 <= NARROW and y1 - y0 <= NARROW
    p1 = corner1
    p2 = corner2
    w1 = corner1_w
    w2 = corner2_w
    code = front_code
    left = wp.int64(p1[0] - p0[0]) * wp.int64(p2[1] - p0[1])
    right = wp.int64(p1[1] - p0[1]) * wp.int64(p2[0] - p0[0])
    if left == right:
        return
    if left < right:
        p1 = corner2
        p2 = corner1
        w1 = corner2_w
        w2 = corner1_w
        code = LEAVES_A_HOLE
    ax = p1[0] - p0[0]
    ay = p1[1] - p0[1]
    bx = p2[0] - p0[0]
    by = p2[1] - p0[1]
    for y in range(wp.max((y0 + 127) >> 8, 0), wp.min((y1 - 128) >> 8, H - 1) + 1):
        for x in range(wp.max((x0 + 127) >> 8, 0), wp.min((x1 - 128) >> 8, W - 1) + 1):
            pixel = (H - 1 - y) * W + x
            z = position[b, 2, pixel]
            px = x * 256 + 128 - p0[0]
            py = y * 256 + 128 - p0[1]
            w = wp.vec2(0.0, 0.0)
            if narrow:
                w = inverse_depth(ax, ay, bx, by, px, py, w0, w1, w2)
            else:
                w = inverse_depth(
                    wp.int64(ax), wp.int64(ay), wp.int64(bx), wp.int64(by), wp.int64(px), wp.int64(py), w0, w1, w2
                )
            hides = z != 0.0 and w[0] > 0.0 and w[1] > (1.0 / z) * behind
            if hides:
                visible[b, y, x] = wp.uint8(0)
                depth[b, y, x] = 0.0
            if hides or (z == 0.0 and w[0] > 0.0):
                key = wp.int64(wp.cast((1.0 / w[0]) * before, wp.int32)) << wp.int64(32)
                wp.atomic_min(keys, b, pixel, key | wp.int64(code))


@no_type_check
@wp.kernel
def show_all(position: wp.array3d[wp.float32], visible: wp.array3d[wp.uint8], depth: wp.array3d[wp.float32]):
    """Every point that was drawn is seen to begin with."""
    b, y, x = wp.tid()
    z = position[b, 2, (visible.shape[1] - 1 - y) * visible.shape[2] + x]
    visible[b, y, x] = wp.where(z != 0.0, wp.uint8(1), wp.uint8(0))
    depth[b, y, x] = z


@no_type_check
@wp.kernel
def hide_behind_blocks(
    source: wp.array3d[wp.float32],
    confidence: wp.array3d[wp.float32],
    ratio_yx: wp.vec2,
    interpolates: wp.bool,
    confidence_threshold: wp.float32,
    cam_from_source: wp.array3d[wp.float32],
    intrinsics: wp.array2d[wp.float32],
    near_far: wp.array2d[wp.float32],
    same_centre: wp.array[wp.bool],
    position: wp.array3d[wp.float32],
    surface: wp.array3d[wp.uint8],
    visible: wp.array3d[wp.uint8],
    depth: wp.array3d[wp.float32],
    keys: wp.array2d[wp.int64],
):
    """What the surface of a 2x2 block hides and shows; says in `surface` whether the block spans one."""
    b, y, x = wp.tid()
    d = wp.vec4()
    w = wp.vec4()
    xs = wp.vec4i()
    ys = wp.vec4i()
    usable = int(1)
    for k in range(4):
        v = y + k // 2
        u = x + k % 2
        value = read_depth(source, confidence, ratio_yx, interpolates, b, v, u)
        confident = confidence.shape[0] == 0 or (value[1] >= confidence_threshold and wp.isfinite(value[1]))
        d[k] = value[0]
        p = position_of_pixel(cam_from_source, b, v, u, value[0])
        w[k] = 1.0 / p[2]
        at = place(p, intrinsics, near_far, b)
        xs[k] = at[0]
        ys[k] = at[1]
        if not (confident and is_depth(value[0]) and at[2] == 1):
            usable = int(0)
    least = wp.min(wp.min(d[0], d[1]), wp.min(d[2], d[3]))
    most = wp.max(wp.max(d[0], d[1]), wp.max(d[2], d[3]))
    is_surface = usable == 1 and most <= least * SURFACE_RATIO
    surface[b, y, x] = wp.where(is_surface, wp.uint8(1), wp.uint8(0))
    if is_surface:
        p0 = wp.vec3i(xs[0], ys[0], 1)
        p1 = wp.vec3i(xs[1], ys[1], 1)
        p2 = wp.vec3i(xs[2], ys[2], 1)
        p3 = wp.vec3i(xs[3], ys[3], 1)
        behind = wp.where(same_centre[b], wp.inf, BEHIND_SURFACE)
        code = 2 * (y * (surface.shape[2] + 1) + x)
        meet(p0, p1, p2, w[0], w[1], w[2], behind, 1.0, code, position, b, visible, depth, keys)
        meet(p3, p2, p1, w[3], w[2], w[1], behind, 1.0, code + 1, position, b, visible, depth, keys)


@no_type_check
@wp.func
def spans(surface: wp.array3d[wp.uint8], b: int, y: int, x: int):
    """Whether a block spans a surface; those outside the picture count as if they did."""
    if y < 0 or x < 0 or y >= surface.shape[1] or x >= surface.shape[2]:
        return True
    return surface[b, y, x] == wp.uint8(1)


@no_type_check
@wp.kernel
def hide_behind_footprints(
    source: wp.array3d[wp.float32],
    confidence: wp.array3d[wp.float32],
    ratio_yx: wp.vec2,
    interpolates: wp.bool,
    confidence_threshold: wp.float32,
    cam_from_source: wp.array3d[wp.float32],
    intrinsics: wp.array2d[wp.float32],
    near_far: wp.array2d[wp.float32],
    same_centre: wp.array[wp.bool],
    position: wp.array3d[wp.float32],
    surface: wp.array3d[wp.uint8],
    visible: wp.array3d[wp.uint8],
    depth: wp.array3d[wp.float32],
    keys: wp.array2d[wp.int64],
):
    """What a pixel at the edge of a surface, or on none, hides by itself."""
    b, y, x = wp.tid()
    if (
        spans(surface, b, y - 1, x - 1)
        and spans(surface, b, y - 1, x)
        and spans(surface, b, y, x - 1)
        and spans(surface, b, y, x)
    ):
        return
    value = read_depth(source, confidence, ratio_yx, interpolates, b, y, x)
    confident = confidence.shape[0] == 0 or (value[1] >= confidence_threshold and wp.isfinite(value[1]))
    d = value[0]
    if not (confident and is_depth(d)):
        return
    if place(position_of_pixel(cam_from_source, b, y, x, d), intrinsics, near_far, b)[2] == 0:
        return
    w = wp.vec4()
    xs = wp.vec4i()
    ys = wp.vec4i()
    for k in range(4):
        u = float(x + k % 2)
        v = float(y + k // 2)
        ray_x = (cam_from_source[b, 0, 0] * u + cam_from_source[b, 0, 1] * v) + cam_from_source[b, 0, 2]
        ray_y = (cam_from_source[b, 1, 0] * u + cam_from_source[b, 1, 1] * v) + cam_from_source[b, 1, 2]
        ray_z = (cam_from_source[b, 2, 0] * u + cam_from_source[b, 2, 1] * v) + cam_from_source[b, 2, 2]
        p = wp.vec3(
            ray_x * d + cam_from_source[b, 0, 3],
            ray_y * d + cam_from_source[b, 1, 3],
            ray_z * d + cam_from_source[b, 2, 3],
        )
        at = place(p, intrinsics, near_far, b)
        if at[2] == 0:
            return
        w[k] = 1.0 / p[2]
        xs[k] = at[0]
        ys[k] = at[1]
    p0 = wp.vec3i(xs[0], ys[0], 1)
    p1 = wp.vec3i(xs[1], ys[1], 1)
    p2 = wp.vec3i(xs[2], ys[2], 1)
    p3 = wp.vec3i(xs[3], ys[3], 1)
    behind = wp.where(same_centre[b], wp.inf, BEHIND_FOOTPRINT)
    before = BEHIND_FOOTPRINT
    meet(p0, p1, p2, w[0], w[1], w[2], behind, before, LEAVES_A_HOLE, position, b, visible, depth, keys)
    meet(p3, p2, p1, w[3], w[2], w[1], behind, before, LEAVES_A_HOLE, position, b, visible, depth, keys)


@no_type_check
@wp.func
def byte_at(colors: wp.array3d[wp.uint8], b: int, channel: int, index: wp.vec3i, weight: wp.vec3, total: float):
    """A channel of three pixels of the reference, weighted and rounded."""
    c0 = float(colors[b, channel, index[0]])
    c1 = float(colors[b, channel, index[1]])
    c2 = float(colors[b, channel, index[2]])
    value = ((weight[0] * c0 + weight[1] * c1) + weight[2] * c2) / total
    return wp.uint32(wp.floor(value + 0.5))


@no_type_check
@wp.kernel
def show_surfaces(
    source: wp.array3d[wp.float32],
    confidence: wp.array3d[wp.float32],
    ratio_yx: wp.vec2,
    interpolates: wp.bool,
    cam_from_source: wp.array3d[wp.float32],
    intrinsics: wp.array2d[wp.float32],
    near_far: wp.array2d[wp.float32],
    colors: wp.array3d[wp.uint8],
    width: wp.int32,
    keys: wp.array2d[wp.int64],
    color: wp.array2d[wp.uint32],
    visible: wp.array3d[wp.uint8],
    depth: wp.array3d[wp.float32],
):
    """Colour and depth of the surface that a pixel shows, if any."""
    b, y, x = wp.tid()
    pixel = (visible.shape[1] - 1 - y) * visible.shape[2] + x
    key = keys[b, pixel]
    code = int(key & wp.int64(LEAVES_A_HOLE))
    if key == NOTHING or code == LEAVES_A_HOLE:
        return
    block = code >> 1
    index = wp.vec3i()
    xs = wp.vec3l()
    ys = wp.vec3l()
    w = wp.vec3()
    for k in range(3):
        corner = wp.where((code & 1) == 0, k, 3 - k)
        v = block // width + corner // 2
        u = block % width + corner % 2
        p = position_of_pixel(
            cam_from_source, b, v, u, read_depth(source, confidence, ratio_yx, interpolates, b, v, u)[0]
        )
        at = place(p, intrinsics, near_far, b)
        index[k] = v * width + u
        xs[k] = wp.int64(at[0])
        ys[k] = wp.int64(at[1])
        w[k] = 1.0 / p[2]
    ax = xs[1] - xs[0]
    ay = ys[1] - ys[0]
    bx = xs[2] - xs[0]
    by = ys[2] - ys[0]
    px = wp.int64(x * 256 + 128) - xs[0]
    py = wp.int64(y * 256 + 128) - ys[0]
    first = px * by - py * bx
    second = ax * py - ay * px
    third = (ax * by - ay * bx) - first - second
    weight = wp.vec3(float(third) * w[0], float(first) * w[1], float(second) * w[2])
    total = (weight[0] + weight[1]) + weight[2]
    red = byte_at(colors, b, 0, index, weight, total)
    green = byte_at(colors, b, 1, index, weight, total)
    blue = byte_at(colors, b, 2, index, weight, total)
    color[b, pixel] = (blue << wp.uint32(16)) | (green << wp.uint32(8)) | red
    visible[b, y, x] = wp.uint8(1)
    depth[b, y, x] = wp.cast(int(key >> wp.int64(32)), wp.float32)
