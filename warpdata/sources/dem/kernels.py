"""Rays through a tile by numba: the walk of `march`, over empty space in strides, and the colours of what they hit.

The strides: where a ray stays above the highest corner of a block of patches, the whole block is stepped over. The
patch it is in afterwards follows from the same crossings that the plain walk compares, so that every bit is the same.
"""

from __future__ import annotations

import numpy as np

from warpdata.kernel import kernel

MARGIN = 1e-6
"""Metres by which a ray has to stay above a block, far more than rounding can be."""


@kernel
def march_rows(heights, maxima, shapes, centre, directions, top, depth):
    """Planar depth of rays, 0 of those that hit nothing.

    Args:
        heights: of pixel centres, NaN where there is none.
        maxima: all levels of `Terrain.maxima`; `shapes` says where each begins.
        centre: column, row and height of the camera's centre.
        directions: (n, 3), steps in column, row and height for a unit of depth.
        top: height at which walks begin.
        depth: (n,), the result.
    """
    rows, columns = heights.shape
    u_0, v_0, z_0 = centre
    coarsest = len(shapes) - 1
    for ray in range(len(directions)):
        du, dv, dz = directions[ray]
        depth[ray] = 0.0
        t, end = 0.0, np.inf
        if du != 0.0:
            first, last = (0.0 - u_0) / du, (columns - 1 - u_0) / du
            t, end = max(t, min(first, last)), min(end, max(first, last))
        elif u_0 < 0.0 or u_0 > columns - 1:
            end = -1.0
        if dv != 0.0:
            first, last = (0.0 - v_0) / dv, (rows - 1 - v_0) / dv
            t, end = max(t, min(first, last)), min(end, max(first, last))
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
            skips = lowest > maxima[shapes[level, 0] + block_i * shapes[level, 2] + block_j] + MARGIN
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
                        depth[ray] = t
                    break
                if there:
                    slope = dz - (along_u * du + along_v * dv + twist * (u * dv + v * du))
                    bend = 0.0 - twist * du * dv
                    step = _fall(above, slope, bend, leaves - t)
                    if step >= 0.0:
                        depth[ray] = t + step
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
def shade_rows(
    depth,
    lengths,
    heights,
    pitch,
    centre,
    directions,
    textured,
    textures,
    shapes,
    texture_centre,
    texture_directions,
    footprint,
    steepest,
    max_stretch,
    rgb,
    usable,
):
    """The colours of hits, and which of them may become points.

    The image is taken bilinearly at the two levels whose pixels are next to the footprint in size, and between them by
    size.

    Args:
        depth: (n,), of `march_rows`.
        lengths: (n,), of the rays' directions in metres.
        directions: (n, 3), as for `march_rows`.
        texture_directions: (n, 2), the same in columns and rows of the image.
        footprint: width of a pixel's view at depth 1, in pixels of the image.
        steepest: least cosine between ray and normal of a point.
        max_stretch: largest footprint along the slope of a point, in pixels of the image.
        rgb: (n, 3), 8 bits, a result.
        usable: (n,), a result.
    """
    rows, columns = heights.shape
    last = len(shapes) - 1
    for ray in range(len(depth)):
        rgb[ray, 0], rgb[ray, 1], rgb[ray, 2] = 0, 0, 0
        usable[ray] = False
        t = depth[ray]
        if t == 0.0:
            continue
        x = texture_centre[0] + t * texture_directions[ray, 0]
        y = texture_centre[1] + t * texture_directions[ray, 1]
        size = t * footprint
        level, scale = 0, 1.0
        while level < last and size >= 2.0 * scale:
            level, scale = level + 1, 2.0 * scale
        share = min(max(size / scale - 1.0, 0.0), 1.0) if level < last else 0.0
        for channel in range(3):
            value = _bilinear(textures, shapes, level, x, y, channel)
            if share > 0.0:
                value += share * (_bilinear(textures, shapes, level + 1, x, y, channel) - value)
            rgb[ray, channel] = np.uint8(min(max(np.floor(value + 0.5), 0.0), 255.0))
        column, row = centre[0] + t * directions[ray, 0], centre[1] + t * directions[ray, 1]
        j, i = min(max(int(np.floor(column)), 0), columns - 2), min(max(int(np.floor(row)), 0), rows - 2)
        h00, h01, h10, h11 = heights[i, j], heights[i, j + 1], heights[i + 1, j], heights[i + 1, j + 1]
        twist = h00 - h01 - h10 + h11
        slope_u, slope_v = h01 - h00 + twist * (row - i), h10 - h00 + twist * (column - j)
        along = directions[ray, 2] - slope_u * directions[ray, 0] - slope_v * directions[ray, 1]
        normal = np.sqrt(1.0 + (slope_u / pitch[0]) ** 2 + (slope_v / pitch[1]) ** 2)
        cosine = abs(along) / (normal * lengths[ray])
        near_x = min(max(int(np.floor(x + 0.5)), 0), textured.shape[1] - 1)
        near_y = min(max(int(np.floor(y + 0.5)), 0), textured.shape[0] - 1)
        stretch = size / max(cosine, 1e-9)
        usable[ray] = cosine >= steepest and stretch <= max_stretch and textured[near_y, near_x]


@kernel
def _bilinear(textures, shapes, level, x, y, channel):
    """A level of the image at a position in pixels of the finest, repeated beyond its borders."""
    start, height, width = shapes[level]
    scale = 1.0 / (1 << level)
    x, y = (x + 0.5) * scale - 0.5, (y + 0.5) * scale - 0.5
    x, y = min(max(x, 0.0), width - 1.0), min(max(y, 0.0), height - 1.0)
    j, i = min(int(x), max(width - 2, 0)), min(int(y), max(height - 2, 0))
    right, below = min(j + 1, width - 1), min(i + 1, height - 1)
    u, v = x - j, y - i
    above_row, below_row = start + i * width, start + below * width
    upper = (1.0 - u) * textures[above_row + j, channel] + u * textures[above_row + right, channel]
    lower = (1.0 - u) * textures[below_row + j, channel] + u * textures[below_row + right, channel]
    return (1.0 - v) * upper + v * lower
