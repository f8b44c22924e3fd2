"""Where every point falls: unprojection and projection in one pass, many points an instruction.

Rounded in the order of `warpdata.render.splat`. Both kernels give, for every point, the pixel it falls in (row-major,
row 0 at the bottom; -1 for a point that is not drawn) and its depth, and for every run of points the rows they span.
"""

from __future__ import annotations

import numpy as np

from warpdata.kernel import kernel

HALF = np.float32(0.5)
SUBPIXELS = np.float32(256)


@kernel
def project_depth(depth, confidence, threshold, matrix, intrinsics, near_far, hw, centres, pixel, z, span, first, last):
    """Project the depth map's rows `first` to `last`; a row is a run. Without confidence that array is empty."""
    H, W = hw
    w = depth.shape[1]
    xx, xy, x1, xt = matrix[0, 0], matrix[0, 1], matrix[0, 2], matrix[0, 3]
    yx, yy, y1, yt = matrix[1, 0], matrix[1, 1], matrix[1, 2], matrix[1, 3]
    zx, zy, z1, zt = matrix[2, 0], matrix[2, 1], matrix[2, 2], matrix[2, 3]
    fx, fy, cx, cy = intrinsics[0], intrinsics[1], intrinsics[2], intrinsics[3]
    near, far = near_far
    width, height = np.float32(W), np.float32(H)
    for v in range(first, last):
        y = centres[v]
        lowest, highest = H, -1
        for u in range(w):
            x, d = centres[u], depth[v, u]
            X = ((xx * x + xy * y) + x1) * d + xt
            Y = ((yx * x + yy * y) + y1) * d + yt
            Z = ((zx * x + zy * y) + z1) * d + zt
            a = (fx * X) / Z + cx
            b = (fy * Y) / Z + cy
            drawn = (d > 0) & (d < np.inf) & (Z >= near) & (Z <= far) & (a >= 0) & (a < width) & (b >= 0) & (b < height)
            row = np.int32((H - 1) - np.int32(b)) if drawn else np.int32(-1)
            pixel[v, u] = np.int32(row * W + np.int32(a)) if drawn else np.int32(-1)
            z[v, u] = Z
            highest = max(highest, row)
            lowest = min(lowest, row if drawn else H)
        if confidence.size > 0:
            for u in range(w):
                c = confidence[v, u]
                pixel[v, u] = pixel[v, u] if (c >= threshold) & (c < np.inf) else np.int32(-1)
        span[v, 0], span[v, 1] = lowest, highest


@kernel
def snapped_pixel(x, size):
    """Pixel of a position counted from the left or the bottom edge; -1 outside."""
    steps = SUBPIXELS * (x - HALF)
    steps = np.copysign(np.floor(np.abs(steps) + HALF), steps)
    pixel = np.floor((steps + np.float32(127)) / SUBPIXELS)
    return pixel if (x >= 0) & (x <= size) else np.float32(-1)


@kernel
def project_points(
    points, confidence, threshold, matrix, intrinsics, near_far, hw, compat, run, pixel, z, span, first, last
):
    """Project the runs `first` to `last` of `run` points each. `z` is 0 for points that are not between near and far.

    With `compat`, the earlier program's pixel: positions rounded to 1/256, those on a boundary to the pixel before it.
    """
    H, W = hw
    xx, xy, xz, xt = matrix[0, 0], matrix[0, 1], matrix[0, 2], matrix[0, 3]
    yx, yy, yz, yt = matrix[1, 0], matrix[1, 1], matrix[1, 2], matrix[1, 3]
    zx, zy, zz, zt = matrix[2, 0], matrix[2, 1], matrix[2, 2], matrix[2, 3]
    fx, fy, cx, cy = intrinsics[0], intrinsics[1], intrinsics[2], intrinsics[3]
    near, far = near_far
    width, height = np.float32(W), np.float32(H)
    confident = confidence.size == 0
    for r in range(first, last):
        lowest, highest = H, -1
        for i in range(r * run, min((r + 1) * run, points.shape[0])):
            x, y, p = points[i, 0], points[i, 1], points[i, 2]
            X = ((xx * x + xy * y) + xz * p) + xt
            Y = ((yx * x + yy * y) + yz * p) + yt
            Z = ((zx * x + zy * y) + zz * p) + zt
            a = (fx * X) / Z + cx
            b = (fy * Y) / Z + cy
            in_front = (Z >= near) & (Z <= far) & (confident or (confidence[i] >= threshold) & (confidence[i] < np.inf))
            if compat:
                column, row = snapped_pixel(a, width), snapped_pixel(height - b, height)
            else:
                column, row = np.floor(a), (height - np.float32(1)) - np.floor(b)
            drawn = in_front & (column >= 0) & (column < width) & (row >= 0) & (row < height)
            z[i] = Z if in_front else np.float32(0)
            if drawn:
                pixel[i] = np.int32(row) * W + np.int32(column)
                highest = max(highest, np.int32(row))
                lowest = min(lowest, np.int32(row))
            else:
                pixel[i] = -1
        span[r, 0], span[r, 1] = lowest, highest
