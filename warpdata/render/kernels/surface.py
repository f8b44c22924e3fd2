"""Visibility by surface, as `surface.py` of the definition: a thread for every 2x2 block of the reference, then one for
every pixel at an edge. Threads only ever clear flags, so that their order does not matter.
"""

from typing import no_type_check

import warp as wp

from warpdata.render import surface as definition
from warpdata.render.kernels.depth import SURFACE_RATIO, is_depth, read_depth
from warpdata.render.kernels.options import MODULE_OPTIONS
from warpdata.render.kernels.splat import STEPS, position_of_pixel

wp.set_module_options(MODULE_OPTIONS)

LARGEST = wp.constant(wp.int32(definition.LARGEST))
FARTHEST = wp.constant(wp.float32(definition.FARTHEST))
BEHIND_SURFACE = wp.constant(wp.float32(definition.BEHIND_SURFACE))
BEHIND_FOOTPRINT = wp.constant(wp.float32(definition.BEHIND_FOOTPRINT))


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
def owns(dx: int, dy: int):
    if dy > 0 or (dy == 0 and dx > 0):
        return 1
    return 0


@no_type_check
@wp.func
def hides(p0: wp.vec3i, p1: wp.vec3i, p2: wp.vec3i, w0: float, u1: float, u2: float, x: int, y: int, limit: float):
    """Whether a triangle covers a pixel's centre and is everywhere in the pixel nearer than 1 / `limit`."""
    ax = p1[0] - p0[0]
    ay = p1[1] - p0[1]
    bx = p2[0] - p0[0]
    by = p2[1] - p0[1]
    w1 = u1
    w2 = u2
    area = ax * by - ay * bx
    if area == 0:
        return False
    if area < 0:
        ax = p2[0] - p0[0]
        ay = p2[1] - p0[1]
        bx = p1[0] - p0[0]
        by = p1[1] - p0[1]
        w1 = u2
        w2 = u1
        area = -area
    px = x * 256 + 128 - p0[0]
    py = y * 256 + 128 - p0[1]
    first = px * by - py * bx
    second = ax * py - ay * px
    third = area - first - second
    if first + owns(-bx, -by) <= 0 or second + owns(ax, ay) <= 0 or third + owns(bx - ax, by - ay) <= 0:
        return False
    dw1 = w1 - w0
    dw2 = w2 - w0
    slope_x = float(by) * dw1 - float(ay) * dw2
    slope_y = float(ax) * dw2 - float(bx) * dw1
    centre = float(first) * dw1 + float(second) * dw2
    rounding = (wp.abs(dw1) + wp.abs(dw2)) * 2.0
    slack = ((wp.abs(slope_x) + wp.abs(slope_y)) + rounding) * 128.0
    return w0 + (centre - slack) / float(area) > limit


@no_type_check
@wp.func
def hide_behind(
    p0: wp.vec3i,
    p1: wp.vec3i,
    p2: wp.vec3i,
    w0: float,
    w1: float,
    w2: float,
    behind: float,
    position: wp.array3d[wp.float32],
    b: int,
    visible: wp.array3d[wp.uint8],
    depth: wp.array3d[wp.float32],
):
    """Clear the points behind a triangle."""
    H = visible.shape[1]
    W = visible.shape[2]
    x0 = wp.min(wp.min(p0[0], p1[0]), p2[0])
    x1 = wp.max(wp.max(p0[0], p1[0]), p2[0])
    y0 = wp.min(wp.min(p0[1], p1[1]), p2[1])
    y1 = wp.max(wp.max(p0[1], p1[1]), p2[1])
    if x1 - x0 > LARGEST or y1 - y0 > LARGEST:
        return
    for y in range(wp.max((y0 + 127) >> 8, 0), wp.min((y1 - 128) >> 8, H - 1) + 1):
        for x in range(wp.max((x0 + 127) >> 8, 0), wp.min((x1 - 128) >> 8, W - 1) + 1):
            z = position[b, 2, (H - 1 - y) * W + x]
            if z != 0.0:
                if hides(p0, p1, p2, w0, w1, w2, x, y, (1.0 / z) * behind):
                    visible[b, y, x] = wp.uint8(0)
                    depth[b, y, x] = 0.0


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
):
    """What the surface of a 2x2 block hides; says in `surface` whether the block spans one."""
    b, y, x = wp.tid()
    if same_centre[b]:
        return
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
        hide_behind(p0, p1, p2, w[0], w[1], w[2], BEHIND_SURFACE, position, b, visible, depth)
        hide_behind(p3, p2, p1, w[3], w[2], w[1], BEHIND_SURFACE, position, b, visible, depth)


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
):
    """What a pixel at the edge of a surface, or on none, hides by itself."""
    b, y, x = wp.tid()
    if same_centre[b]:
        return
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
    hide_behind(p0, p1, p2, w[0], w[1], w[2], BEHIND_FOOTPRINT, position, b, visible, depth)
    hide_behind(p3, p2, p1, w[3], w[2], w[1], BEHIND_FOOTPRINT, position, b, visible, depth)
