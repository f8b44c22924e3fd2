"""Points into pixels, as `splat.py` of the definition: a 64-bit minimum of depth and index in each pixel.

The first pass takes the minimum, the second one forms the winner's position anew from its source, so that no list of
points is ever stored.
"""

from typing import no_type_check

import warp as wp

from warpdata.gpu_kernel import MODULE_OPTIONS
from warpdata.render.kernels.depth import is_depth, read_depth
from warpdata.render.kernels.planes import save
from warpdata.render.splat import SUBPIXELS

wp.set_module_options(MODULE_OPTIONS)

NOTHING = wp.constant(wp.int64(2**63 - 1))
STEPS = wp.constant(wp.float32(SUBPIXELS))


@no_type_check
@wp.func
def position_of_pixel(m: wp.array3d[wp.float32], b: int, y: int, x: int, z: float):
    """The point at depth z of the reference's pixel, in target axes."""
    px = float(x) + 0.5
    py = float(y) + 0.5
    ray_x = (m[b, 0, 0] * px + m[b, 0, 1] * py) + m[b, 0, 2]
    ray_y = (m[b, 1, 0] * px + m[b, 1, 1] * py) + m[b, 1, 2]
    ray_z = (m[b, 2, 0] * px + m[b, 2, 1] * py) + m[b, 2, 2]
    return wp.vec3(ray_x * z + m[b, 0, 3], ray_y * z + m[b, 1, 3], ray_z * z + m[b, 2, 3])


@no_type_check
@wp.func
def position_of_point(m: wp.array3d[wp.float32], points: wp.array3d[wp.float32], b: int, i: int):
    """A world point in target axes."""
    x = points[b, i, 0]
    y = points[b, i, 1]
    z = points[b, i, 2]
    return wp.vec3(
        ((m[b, 0, 0] * x + m[b, 0, 1] * y) + m[b, 0, 2] * z) + m[b, 0, 3],
        ((m[b, 1, 0] * x + m[b, 1, 1] * y) + m[b, 1, 2] * z) + m[b, 1, 3],
        ((m[b, 2, 0] * x + m[b, 2, 1] * y) + m[b, 2, 2] * z) + m[b, 2, 3],
    )


@no_type_check
@wp.func
def is_confident(confidence: wp.array2d[wp.float32], threshold: float, b: int, i: int):
    """True without confidence, which is an empty array."""
    if confidence.shape[0] == 0:
        return True
    return confidence[b, i] >= threshold and wp.isfinite(confidence[b, i])


@no_type_check
@wp.func
def snapped_pixel(x: float, size: int):
    if not (x >= 0.0 and x <= float(size)):
        return -1.0
    steps = STEPS * (x - 0.5)
    rounded = wp.floor(wp.abs(steps) + 0.5)
    if steps < 0.0:
        rounded = -rounded
    return wp.floor((rounded + 127.0) / STEPS)


@no_type_check
@wp.func
def draw(
    keys: wp.array2d[wp.int64],
    intrinsics: wp.array2d[wp.float32],
    hw: wp.vec2i,
    near_far: wp.array2d[wp.float32],
    compat: wp.bool,
    b: int,
    index: int,
    p: wp.vec3,
):
    """Offer a point to the pixel it falls in."""
    Z = p[2]
    if Z >= near_far[b, 0] and Z <= near_far[b, 1]:
        H = hw[0]
        W = hw[1]
        column = (intrinsics[b, 0] * p[0]) / Z + intrinsics[b, 2]
        row = (intrinsics[b, 1] * p[1]) / Z + intrinsics[b, 3]
        if compat:
            column = snapped_pixel(column, W)
            row = snapped_pixel(float(H) - row, H)
        else:
            column = wp.floor(column)
            row = float(H - 1) - wp.floor(row)
        if column >= 0.0 and column < float(W) and row >= 0.0 and row < float(H):
            key = (wp.int64(wp.cast(Z, wp.int32)) << wp.int64(32)) | wp.int64(index)
            wp.atomic_min(keys, b, int(row) * W + int(column), key)


@no_type_check
@wp.kernel
def list_depths(
    depth: wp.array3d[wp.float32],
    confidence: wp.array3d[wp.float32],
    ratio_yx: wp.vec2,
    interpolates: wp.bool,
    width: wp.int32,
    depths: wp.array2d[wp.float32],
):
    """Depth of every pixel of the image, 0 where there is none; the automatic s0 comes from it."""
    b, y, x = wp.tid()
    z = read_depth(depth, confidence, ratio_yx, interpolates, b, y, x)[0]
    depths[b, y * width + x] = wp.where(is_depth(z), z, 0.0)


@no_type_check
@wp.kernel
def list_point_depths(
    points: wp.array3d[wp.float32],
    confidence: wp.array2d[wp.float32],
    confidence_threshold: wp.float32,
    cam_from_source: wp.array3d[wp.float32],
    near_far: wp.array2d[wp.float32],
    depths: wp.array2d[wp.float32],
):
    """Depth of every point that may be drawn, 0 for the others."""
    b, i = wp.tid()
    Z = position_of_point(cam_from_source, points, b, i)[2]
    if not (is_confident(confidence, confidence_threshold, b, i) and Z >= near_far[b, 0] and Z <= near_far[b, 1]):
        Z = 0.0
    depths[b, i] = Z


@no_type_check
@wp.kernel
def splat_depth(
    depth: wp.array3d[wp.float32],
    confidence: wp.array3d[wp.float32],
    ratio_yx: wp.vec2,
    interpolates: wp.bool,
    confidence_threshold: wp.float32,
    cam_from_source: wp.array3d[wp.float32],
    intrinsics: wp.array2d[wp.float32],
    hw: wp.vec2i,
    near_far: wp.array2d[wp.float32],
    width: wp.int32,
    keys: wp.array2d[wp.int64],
):
    b, y, x = wp.tid()
    value = read_depth(depth, confidence, ratio_yx, interpolates, b, y, x)
    confident = confidence.shape[0] == 0 or (value[1] >= confidence_threshold and wp.isfinite(value[1]))
    if confident and is_depth(value[0]):
        p = position_of_pixel(cam_from_source, b, y, x, value[0])
        draw(keys, intrinsics, hw, near_far, False, b, y * width + x, p)


@no_type_check
@wp.kernel
def splat_points(
    points: wp.array3d[wp.float32],
    confidence: wp.array2d[wp.float32],
    confidence_threshold: wp.float32,
    cam_from_source: wp.array3d[wp.float32],
    intrinsics: wp.array2d[wp.float32],
    hw: wp.vec2i,
    near_far: wp.array2d[wp.float32],
    compat: wp.bool,
    keys: wp.array2d[wp.int64],
):
    b, i = wp.tid()
    if is_confident(confidence, confidence_threshold, b, i):
        p = position_of_point(cam_from_source, points, b, i)
        draw(keys, intrinsics, hw, near_far, compat, b, i, p)


@no_type_check
@wp.func
def save_point(
    p: wp.vec3,
    colors: wp.array3d[wp.uint8],
    b: int,
    index: int,
    pixel: int,
    position: wp.array3d[wp.float32],
    color: wp.array2d[wp.uint32],
):
    """Position with its length, and the colour packed into one word."""
    length = wp.sqrt((p[0] * p[0] + p[1] * p[1]) + p[2] * p[2])
    save(position, b, pixel, wp.vec4(p[0], p[1], p[2], length))
    red = wp.uint32(colors[b, 0, index])
    green = wp.uint32(colors[b, 1, index])
    blue = wp.uint32(colors[b, 2, index])
    color[b, pixel] = (blue << wp.uint32(16)) | (green << wp.uint32(8)) | red


@no_type_check
@wp.kernel
def resolve_depth(
    depth: wp.array3d[wp.float32],
    confidence: wp.array3d[wp.float32],
    ratio_yx: wp.vec2,
    interpolates: wp.bool,
    cam_from_source: wp.array3d[wp.float32],
    colors: wp.array3d[wp.uint8],
    width: wp.int32,
    keys: wp.array2d[wp.int64],
    position: wp.array3d[wp.float32],
    color: wp.array2d[wp.uint32],
):
    b, pixel = wp.tid()
    key = keys[b, pixel]
    if key == NOTHING:
        save(position, b, pixel, wp.vec4(0.0, 0.0, 0.0, 0.0))
    else:
        index = int(key & wp.int64(0xFFFFFFFF))
        y = index // width
        x = index - y * width
        value = read_depth(depth, confidence, ratio_yx, interpolates, b, y, x)
        p = position_of_pixel(cam_from_source, b, y, x, value[0])
        save_point(p, colors, b, index, pixel, position, color)


@no_type_check
@wp.kernel
def resolve_points(
    points: wp.array3d[wp.float32],
    cam_from_source: wp.array3d[wp.float32],
    colors: wp.array3d[wp.uint8],
    keys: wp.array2d[wp.int64],
    position: wp.array3d[wp.float32],
    color: wp.array2d[wp.uint32],
):
    b, pixel = wp.tid()
    key = keys[b, pixel]
    if key == NOTHING:
        save(position, b, pixel, wp.vec4(0.0, 0.0, 0.0, 0.0))
    else:
        index = int(key & wp.int64(0xFFFFFFFF))
        p = position_of_point(cam_from_source, points, b, index)
        save_point(p, colors, b, index, pixel, position, color)
