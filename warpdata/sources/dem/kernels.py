"""Rays through a tile by numba: the walk of `march`, over empty space in strides, and the colours of what they hit.

The strides: where a ray stays above the highest corner of a block of patches, the whole block is stepped over. The
patch it is in afterwards follows from the same crossings that the plain walk compares, so that every bit is the same.
"""

from __future__ import annotations

import numpy as np

from warpdata.kernel import kernel
from warpdata.sources.dem.march import BLOCK_MARGIN


@kernel
def march_rows(heights, maxima, shapes, pitch, centre, intrinsics, rotation, top, first, depth):
    """Planar depth of the pixels of some rows, 0 of those that hit nothing.

    Args:
        heights: of pixel centres, NaN where there is none.
        maxima: all levels of `Terrain.maxima`; `shapes` says where each begins.
        pitch: metres between columns and between rows.
        centre: column, row and height of the camera's centre.
        intrinsics: fx, fy, cx, cy.
        rotation: (3, 3), camera axes to the tile's.
        top: height at which walks begin.
        first: the picture's row that `depth` begins with.
        depth: (n, width), the result.
    """
    rows, columns = heights.shape
    u_0, v_0, z_0 = centre
    coarsest = len(shapes) - 1
    count, width = depth.shape
    for pixel in range(count * width):
        y, x = pixel // width, pixel % width
        dx, dy, dz = _direction(first + y, x, intrinsics, rotation)
        du, dv = dx / pitch[0], -dy / pitch[1]
        depth[y, x] = 0.0
        t, end = 0.0, np.inf
        if du != 0.0:
            near, far = (0.0 - u_0) / du, (columns - 1 - u_0) / du
            t, end = max(t, min(near, far)), min(end, max(near, far))
        elif u_0 < 0.0 or u_0 > columns - 1:
            end = -1.0
        if dv != 0.0:
            near, far = (0.0 - v_0) / dv, (rows - 1 - v_0) / dv
            t, end = max(t, min(near, far)), min(end, max(near, far))
        elif v_0 < 0.0 or v_0 > rows - 1:
            end = -1.0
        if z_0 > top:
            t = max(t, (top - z_0) / dz) if dz < 0.0 else np.inf
        if not t < end:
            continue
        i = min(max(int(np.floor(v_0 + t * dv)), 0), rows - 2)
        j = min(max(int(np.floor(u_0 + t * du)), 0), columns - 2)
        came_from_a_patch = False
        level = coarsest
        while True:
            side = 1 << level
            block_i, block_j = i >> level, j >> level
            next_u, next_v = np.inf, np.inf
            line_j = min((block_j + 1) * side, columns - 1) if du > 0.0 else block_j * side
            line_i = min((block_i + 1) * side, rows - 1) if dv > 0.0 else block_i * side
            if du != 0.0:
                next_u = (line_j - u_0) / du
            if dv != 0.0:
                next_v = (line_i - v_0) / dv
            leaves = min(next_u, next_v, end)
            lowest = min(z_0 + t * dz, z_0 + leaves * dz)
            skips = lowest > maxima[shapes[level, 0] + block_i * shapes[level, 2] + block_j] + BLOCK_MARGIN
            if not skips and level > 0:
                level -= 1
                continue
            there = False
            if not skips:
                h00, h01, h10, h11 = heights[i, j], heights[i, j + 1], heights[i + 1, j], heights[i + 1, j + 1]
                along_u, along_v, twist = h01 - h00, h10 - h00, h00 - h01 - h10 + h11
                u, v = u_0 + t * du - j, v_0 + t * dv - i
                above = z_0 + t * dz - (h00 + along_u * u + along_v * v + twist * u * v)
                there = not np.isnan(above)
                if there and above < 0.0:
                    if came_from_a_patch:
                        depth[y, x] = t
                    break
                if there:
                    slope = dz - (along_u * du + along_v * dv + twist * (u * dv + v * du))
                    bend = 0.0 - twist * du * dv
                    step = _fall(above, slope, bend, leaves - t)
                    if step >= 0.0:
                        depth[y, x] = t + step
                        break
            if not leaves < end:
                break
            if next_u <= next_v:
                j = line_j if du > 0.0 else line_j - 1
                if level > 0:
                    i = _row_at(leaves, v_0, dv, i, rows, False)
            else:
                i = line_i if dv > 0.0 else line_i - 1
                if level > 0:
                    j = _row_at(leaves, u_0, du, j, columns, True)
            if i < 0 or i > rows - 2 or j < 0 or j > columns - 2:
                break
            t = leaves
            came_from_a_patch = there
            if skips and level < coarsest:
                level += 1


@kernel
def _row_at(t, start, step, index, count, crossed_when_equal):
    """The row that the plain walk is in when it reaches t: every line crossed before t has been counted, and those at
    t only where they come first."""
    if step == 0.0:
        return index
    found = min(max(int(np.floor(start + t * step)), 0), count - 2)
    sign = 1 if step > 0.0 else -1
    offset = 1 if step > 0.0 else 0
    # One too far: take back lines that are not crossed yet.
    while found != index:
        crossed = (found - sign + offset - start) / step
        if crossed < t or (crossed_when_equal and crossed == t):
            break
        found -= sign
    while 0 <= found + sign <= count - 2:
        crossed = (found + offset - start) / step
        if not (crossed < t or (crossed_when_equal and crossed == t)):
            break
        found += sign
    return found


@kernel
def _fall(above, slope, bend, length):
    """See `march.fall`; -1 where it does not."""
    root = np.sqrt(slope * slope - 4.0 * bend * above)
    q = -0.5 * (slope + root) if slope >= 0.0 else -0.5 * (slope - root)
    first, second = above / q, q / bend
    best = -1.0
    if 0.0 <= first <= length and slope + 2.0 * bend * first < 0.0:
        best = first
    if 0.0 <= second <= length and slope + 2.0 * bend * second < 0.0 and not 0.0 <= best <= second:
        best = second
    return best


@kernel
def _direction(row, column, intrinsics, rotation):
    """See `march.rays`."""
    fx, fy, cx, cy = intrinsics
    x, y = (column + 0.5 - cx) / fx, (row + 0.5 - cy) / fy
    dx = rotation[0, 0] * x + rotation[0, 1] * y + rotation[0, 2]
    dy = rotation[1, 0] * x + rotation[1, 1] * y + rotation[1, 2]
    dz = rotation[2, 0] * x + rotation[2, 1] * y + rotation[2, 2]
    return dx, dy, dz


@kernel
def shade_rows(
    depth,
    heights,
    pitch,
    centre,
    intrinsics,
    rotation,
    textured,
    textures,
    shapes,
    texture_pitch,
    texture_centre,
    footprint,
    steepest,
    max_stretch,
    first,
    rgb,
    usable,
):
    """The colours of hits, and which of them may become points.

    The image is taken bilinearly at the two levels whose pixels are next to the footprint in size, and between them by
    size.

    Args:
        depth: (n, width), of `march_rows`, whose arguments the others of its names are.
        texture_pitch: metres between columns and rows of the image.
        texture_centre: column and row of the image of the camera's centre.
        footprint: width of a pixel's view at depth 1, in pixels of the image.
        steepest: least cosine between ray and normal of a point.
        max_stretch: largest footprint along the slope of a point, in pixels of the image.
        rgb: (3, n, width), 8 bits, a result.
        usable: (n, width), a result.
    """
    rows, columns = heights.shape
    last = len(shapes) - 1
    count, width = depth.shape
    for pixel in range(count * width):
        y, x = pixel // width, pixel % width
        rgb[0, y, x], rgb[1, y, x], rgb[2, y, x] = 0, 0, 0
        usable[y, x] = False
        t = depth[y, x]
        if t == 0.0:
            continue
        dx, dy, dz = _direction(first + y, x, intrinsics, rotation)
        tx = texture_centre[0] + t * (dx / texture_pitch[0])
        ty = texture_centre[1] + t * (-dy / texture_pitch[1])
        size = t * footprint
        level, scale = 0, 1.0
        while level < last and size >= 2.0 * scale:
            level, scale = level + 1, 2.0 * scale
        red, green, blue = _bilinear(textures, shapes, level, tx, ty)
        share = min(max(size / scale - 1.0, 0.0), 1.0) if level < last else 0.0
        if share > 0.0:
            coarse_red, coarse_green, coarse_blue = _bilinear(textures, shapes, level + 1, tx, ty)
            red += share * (coarse_red - red)
            green += share * (coarse_green - green)
            blue += share * (coarse_blue - blue)
        rgb[0, y, x], rgb[1, y, x], rgb[2, y, x] = _byte(red), _byte(green), _byte(blue)
        du, dv = dx / pitch[0], -dy / pitch[1]
        column, row = centre[0] + t * du, centre[1] + t * dv
        j, i = min(max(int(np.floor(column)), 0), columns - 2), min(max(int(np.floor(row)), 0), rows - 2)
        h00, h01, h10, h11 = heights[i, j], heights[i, j + 1], heights[i + 1, j], heights[i + 1, j + 1]
        twist = h00 - h01 - h10 + h11
        slope_u, slope_v = h01 - h00 + twist * (row - i), h10 - h00 + twist * (column - j)
        along = dz - slope_u * du - slope_v * dv
        east, north = slope_u / pitch[0], slope_v / pitch[1]
        normal = np.sqrt(1.0 + east * east + north * north)
        cosine = abs(along) / (normal * np.sqrt(dx * dx + dy * dy + dz * dz))
        near_x = min(max(int(np.floor(tx + 0.5)), 0), textured.shape[1] - 1)
        near_y = min(max(int(np.floor(ty + 0.5)), 0), textured.shape[0] - 1)
        stretch = size / max(cosine, 1e-9)
        usable[y, x] = cosine >= steepest and stretch <= max_stretch and textured[near_y, near_x]


@kernel
def _byte(value):
    return np.uint8(min(max(np.floor(value + 0.5), 0.0), 255.0))


@kernel
def _bilinear(textures, shapes, level, x, y):
    """A level of the image at a position in pixels of the finest, repeated beyond its borders: red, green and blue."""
    start, height, width = shapes[level]
    scale = 1.0 / (1 << level)
    x, y = (x + 0.5) * scale - 0.5, (y + 0.5) * scale - 0.5
    x, y = min(max(x, 0.0), width - 1.0), min(max(y, 0.0), height - 1.0)
    j, i = min(int(x), max(width - 2, 0)), min(int(y), max(height - 2, 0))
    right, below = min(j + 1, width - 1), min(i + 1, height - 1)
    u, v = x - j, y - i
    above_row, below_row = start + i * width, start + below * width
    corners = above_row + j, above_row + right, below_row + j, below_row + right
    return (
        _between(textures, corners, 0, u, v),
        _between(textures, corners, 1, u, v),
        _between(textures, corners, 2, u, v),
    )


@kernel
def _between(textures, corners, channel, u, v):
    upper = (1.0 - u) * textures[corners[0], channel] + u * textures[corners[1], channel]
    lower = (1.0 - u) * textures[corners[2], channel] + u * textures[corners[3], channel]
    return (1.0 - v) * upper + v * lower
