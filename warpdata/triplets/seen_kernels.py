"""What other cameras see of a picture, in compiled loops: as `reproject.seen_from` says, and roughly, to search by."""

from __future__ import annotations

import numpy as np

from warpdata.kernel import kernel
from warpdata.render.cpu.bands import band_limits, run_bands
from warpdata.render.cpu.project import project_depth

ROWS_AT_LEAST = 64
"""Of a band: below, handing it to another thread takes longer than the work."""


def seen(
    depth: np.ndarray,
    confidence: np.ndarray,
    threshold: float,
    matrix: np.ndarray,
    intrinsics: np.ndarray,
    near_far: np.ndarray,
    shown: np.ndarray,
    same_surface: float,
    threads: int,
) -> np.ndarray:
    """(h, w) bool, as `reproject.seen_from`.

    Args:
        depth, confidence: (h, w) float32.
        matrix, intrinsics, near_far: of a `View`, float32.
        shown: (H, W) float32, the depth that the other camera's picture shows, 0 where none.
    """
    h, w = depth.shape
    centres = np.arange(max(h, w), dtype=np.float32) + np.float32(0.5)
    pixel, z = np.empty((h, w), dtype=np.int32), np.empty((h, w), dtype=np.float32)
    span, marked = np.empty((h, 2), dtype=np.int32), np.empty((h, w), dtype=np.bool_)
    bottom_up = np.ascontiguousarray(shown[::-1]).reshape(-1)
    bands = band_limits(h, max(1, min(4 * threads, h // ROWS_AT_LEAST)), 1)
    limits = np.float32(threshold), np.float32(same_surface)

    def work(band: int, worker: int) -> None:
        first, last = bands[band]
        project_depth(
            *(depth, confidence, limits[0], matrix, intrinsics, near_far, shown.shape),
            *(centres, pixel, z, span, first, last),
        )
        mark(pixel, z, bottom_up, limits[1], marked, first, last)

    run_bands(work, len(bands), threads)
    return marked


@kernel
def mark(pixel, z, shown, same_surface, marked, first, last):
    """Mark the points that are no farther than what their pixel shows, but for a factor."""
    for v in range(first, last):
        for u in range(pixel.shape[1]):
            at = pixel[v, u]
            nearest = shown[max(at, 0)]
            marked[v, u] = (at >= 0) & (nearest > 0) & (nearest * same_surface >= z[v, u])


@kernel
def count_roughly(depth, matrix, intrinsics, cell, same_surface, cells, at, z, counts):
    """How many points each of several cameras sees, were every point as wide as a cell of its picture.

    Args:
        depth: (h, w) float32, 0 where there is no point; the cameras' pictures have this size too.
        matrix: (n, 3, 4) float32, to the axes of each camera, as a `View` has it.
        intrinsics: (4,) float32, of all of them.
        cell: side of a cell, in pixels.
        cells, at, z: room for the nearest depth of each cell, and for the cell and depth of each point.
        counts: (n,) int64, for the result.
    """
    h, w = depth.shape
    columns = (w + cell - 1) // cell
    fx, fy, cx, cy = intrinsics[0], intrinsics[1], intrinsics[2], intrinsics[3]
    for n in range(matrix.shape[0]):
        m = matrix[n]
        cells[:] = np.float32(np.inf)
        points = 0
        for v in range(h):
            y = np.float32(v) + np.float32(0.5)
            for u in range(w):
                d = depth[v, u]
                x = np.float32(u) + np.float32(0.5)
                Z = ((m[2, 0] * x + m[2, 1] * y) + m[2, 2]) * d + m[2, 3]
                if not ((d > 0) & (Z > 0)):
                    continue
                a = fx * (((m[0, 0] * x + m[0, 1] * y) + m[0, 2]) * d + m[0, 3]) / Z + cx
                b = fy * (((m[1, 0] * x + m[1, 1] * y) + m[1, 2]) * d + m[1, 3]) / Z + cy
                if (a >= 0) & (a < w) & (b >= 0) & (b < h):
                    place = (np.int32(b) // cell) * columns + np.int32(a) // cell
                    cells[place] = min(cells[place], Z)
                    at[points], z[points] = place, Z
                    points += 1
        count = 0
        for point in range(points):
            count += cells[at[point]] * same_surface >= z[point]
        counts[n] = count
