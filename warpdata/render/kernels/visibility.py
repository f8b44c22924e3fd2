"""Hidden-point removal, as `visibility.py` of the definition.

All levels of the pyramid lie one after the other in one array; a texel is x, y, z and the length of that, all 0 when
it is empty.
"""

from typing import no_type_check

import warp as wp

from warpdata.gpu_kernel import MODULE_OPTIONS
from warpdata.render.kernels.depth import lerp, sample_position
from warpdata.render.kernels.planes import load, save
from warpdata.render.visibility import DIRECTIONS, LEAST_DEPTH, LEVEL_BOUNDS

wp.set_module_options(MODULE_OPTIONS)

vec8 = wp.types.vector(length=8, dtype=wp.float32)
vec8i = wp.types.vector(length=8, dtype=wp.int32)
vec7 = wp.types.vector(length=7, dtype=wp.float32)

NEAREST = wp.constant(wp.float32(LEAST_DEPTH))
BOUNDS = wp.constant(vec7(*LEVEL_BOUNDS))
DX = wp.constant(vec8i(*(dx for dx, _ in DIRECTIONS)))
DY = wp.constant(vec8i(*(dy for _, dy in DIRECTIONS)))


@no_type_check
@wp.kernel
def coarsen(offset: wp.int32, width: wp.int32, offset_out: wp.int32, position: wp.array3d[wp.float32]):
    """One level of the pyramid of nearest points from the one below it."""
    b, up, x = wp.tid()
    first = offset + 2 * up * width + 2 * x
    nearest = load(position, b, first)
    for k in range(1, 4):
        other = load(position, b, first + (k // 2) * width + k % 2)
        if other[2] != 0.0 and (other[2] < nearest[2] or nearest[2] == 0.0):
            nearest = other
    save(position, b, offset_out + up * (width // 2) + x, nearest)


@no_type_check
@wp.func
def choose_level(
    position: wp.array3d[wp.float32],
    offset: int,
    hw: wp.vec2i,
    ratio_yx: wp.vec2,
    neighbourhood: float,
    b: int,
    up: int,
    x: int,
):
    """How many levels the pixel looks at, by the depth of a coarse level that starts at `offset`."""
    sy = sample_position(up, ratio_yx[0])
    sx = sample_position(x, ratio_yx[1])
    lower_y = wp.floor(sy)
    lower_x = wp.floor(sx)
    row0 = offset + wp.clamp(int(lower_y), 0, hw[0] - 1) * hw[1]
    row1 = offset + wp.clamp(int(lower_y) + 1, 0, hw[0] - 1) * hw[1]
    x0 = wp.clamp(int(lower_x), 0, hw[1] - 1)
    x1 = wp.clamp(int(lower_x) + 1, 0, hw[1] - 1)
    below = lerp(position[b, 2, row0 + x0], position[b, 2, row0 + x1], sx - lower_x)
    above = lerp(position[b, 2, row1 + x0], position[b, 2, row1 + x1], sx - lower_x)
    size_px = neighbourhood / wp.max(lerp(below, above, sy - lower_y), NEAREST)
    level = int(0)
    for k in range(7):
        if size_px >= BOUNDS[k]:
            level += 1
    return level


@no_type_check
@wp.func
def direction_cosine(p: wp.vec4, q: wp.vec4):
    dx = q[0] - p[0]
    dy = q[1] - p[1]
    dz = q[2] - p[2]
    along = (dx * q[0] + dy * q[1]) + dz * q[2]
    cosine = along / (wp.sqrt((dx * dx + dy * dy) + dz * dz) * q[3])
    if wp.abs(cosine) <= 2.0:
        return cosine
    return 0.0


@no_type_check
@wp.kernel
def find_visible(
    position: wp.array3d[wp.float32],
    coarse_offset: wp.int32,
    coarse_hw: wp.vec2i,
    coarse_ratio_yx: wp.vec2,
    levels: wp.int32,
    s0: wp.array[wp.float32],
    intrinsics: wp.array2d[wp.float32],
    same_centre: wp.array[wp.bool],
    occlusion_threshold: wp.float32,
    visible: wp.array3d[wp.uint8],
    depth: wp.array3d[wp.float32],
):
    """Decide for every drawn pixel whether it is seen; writes upright."""
    b, y, x = wp.tid()
    H = visible.shape[1]
    W = visible.shape[2]
    up = H - 1 - y
    p = load(position, b, up * W + x)
    seen = p[2] != 0.0
    if seen and not same_centre[b]:
        neighbourhood = s0[b] * (10.0 * intrinsics[b, 1])
        level = choose_level(position, coarse_offset, coarse_hw, coarse_ratio_yx, neighbourhood, b, up, x)
        least = vec8(wp.inf)
        offset = int(0)
        h = int(H)
        w = int(W)
        for L in range(wp.min(level, levels - 1) + 1):
            for s in range(8):
                qx = (x >> L) + DX[s]
                qy = (up >> L) + DY[s]
                if qx >= 0 and qx < w and qy >= 0 and qy < h:
                    q = load(position, b, offset + qy * w + qx)
                    if q[2] != 0.0:
                        least[s] = wp.min(least[s], direction_cosine(p, q))
            offset += h * w
            h = h // 2
            w = w // 2
        total = float(0.0)
        sectors = float(0.0)
        for s in range(8):
            if least[s] < wp.inf:
                total += 1.0 + least[s]
                sectors += 1.0
        # As in the definition, openness without any sector is 1.
        openness = wp.where(sectors > 0.0, total / wp.max(sectors, 1.0), 1.0)
        seen = not (openness < occlusion_threshold)
    visible[b, y, x] = wp.where(seen, wp.uint8(1), wp.uint8(0))
    depth[b, y, x] = wp.where(seen, p[2], 0.0)
