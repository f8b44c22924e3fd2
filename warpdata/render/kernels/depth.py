"""Reading a depth map at the size of its image, as `warpdata.geometry.maths.resample` defines."""

from typing import no_type_check

import warp as wp

from warpdata.geometry.maths.resample import DEPTH_EDGE

SURFACE_RATIO = wp.constant(wp.float32(1 + DEPTH_EDGE))


@no_type_check
@wp.func
def sample_position(i: int, ratio: float):
    return (float(i) + 0.5) * ratio - 0.5


@no_type_check
@wp.func
def lerp(a: float, b: float, f: float):
    return a + (b - a) * f


@no_type_check
@wp.func
def is_depth(z: float):
    return z > 0.0 and wp.isfinite(z)


@no_type_check
@wp.func
def read_depth(
    depth: wp.array3d[wp.float32],
    confidence: wp.array3d[wp.float32],
    ratio_yx: wp.vec2,
    interpolates: wp.bool,
    b: int,
    y: int,
    x: int,
):
    """Depth and confidence at pixel (y, x) of the image; `ratio_yx` is the depth map's size over the image's.

    An empty `confidence` reads as NaN.
    """
    h = depth.shape[1]
    w = depth.shape[2]
    sy = sample_position(y, ratio_yx[0])
    sx = sample_position(x, ratio_yx[1])
    lower_y = wp.floor(sy)
    lower_x = wp.floor(sx)
    fy = sy - lower_y
    fx = sx - lower_x
    y0 = wp.clamp(int(lower_y), 0, h - 1)
    x0 = wp.clamp(int(lower_x), 0, w - 1)
    y1 = wp.clamp(int(lower_y) + 1, 0, h - 1)
    x1 = wp.clamp(int(lower_x) + 1, 0, w - 1)
    has_confidence = confidence.shape[0] > 0
    conf = wp.nan
    if interpolates:
        top_left = depth[b, y0, x0]
        top_right = depth[b, y0, x1]
        bottom_left = depth[b, y1, x0]
        bottom_right = depth[b, y1, x1]
        smallest = wp.min(wp.min(top_left, top_right), wp.min(bottom_left, bottom_right))
        largest = wp.max(wp.max(top_left, top_right), wp.max(bottom_left, bottom_right))
        valid = is_depth(top_left) and is_depth(top_right) and is_depth(bottom_left) and is_depth(bottom_right)
        if valid and largest <= smallest * SURFACE_RATIO:
            top = lerp(1.0 / top_left, 1.0 / top_right, fx)
            bottom = lerp(1.0 / bottom_left, 1.0 / bottom_right, fx)
            if has_confidence:
                conf_top = lerp(confidence[b, y0, x0], confidence[b, y0, x1], fx)
                conf_bottom = lerp(confidence[b, y1, x0], confidence[b, y1, x1], fx)
                conf = lerp(conf_top, conf_bottom, fy)
            return wp.vec2(1.0 / lerp(top, bottom, fy), conf)
    nearest_y = wp.where(fy < 0.5, y0, y1)
    nearest_x = wp.where(fx < 0.5, x0, x1)
    if has_confidence:
        conf = confidence[b, nearest_y, nearest_x]
    return wp.vec2(depth[b, nearest_y, nearest_x], conf)
