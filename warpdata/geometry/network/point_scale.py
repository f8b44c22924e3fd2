"""Scale of a network's depth from the sparse points of a scene whose cameras are kept.

A point that a view saw has a known depth there; over the network's depth at its pixel, that is the scale. The median
over all points of all views of a window bears wrong points, and pixels beside a silhouette.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from warpdata.camera import Camera, project
from warpdata.geometry.maths.sim3 import spread_of, weighted_quantile
from warpdata.geometry.network.windows import Window
from warpdata.geometry.types import FrameGeometry
from warpdata.sources.points import SparsePoints

LEAST_POINTS = 50
"""Fewer than this in a window are no measure."""

MOST_SPREAD = 0.5
"""Points whose logarithms of scale spread more than this are not those of the picture, or in another world."""

POINTS_A_VIEW = 5000

CELL_PX = 8
"""Where nothing tells which view saw a point, only the nearest in a square of so many pixels is taken: others may be
hidden by what it lies on."""


def fit_to_points(
    window: Window, known: Mapping[int, Camera], points: SparsePoints
) -> tuple[float, dict[str, Any]] | None:
    """What the window's depth is multiplied with to fit sparse points, and how well it then fits.

    Args:
        known: the cameras of the maps, in the world of the points.

    Returns:
        None where too few points are seen, or they do not fit the depth at any scale.
    """
    found = [log_scales(frame, known[index], points) for index, frame in window.items()]
    ratios = torch.cat(found)
    if len(ratios) < LEAST_POINTS:
        return None
    alike = torch.ones_like(ratios)
    middle = weighted_quantile(ratios, alike)
    spread = spread_of(ratios - middle, alike)
    if not spread < MOST_SPREAD:
        return None
    scale = middle.exp().item()
    return scale, {
        "scale_from": "sparse points",
        "points": len(ratios),
        "scale": scale,
        "relative_depth_residual": spread,
    }


def log_scales(frame: FrameGeometry, known: Camera, points: SparsePoints) -> Float[Tensor, " n"]:
    """Logarithms of a point's depth over the network's, for the points that a view shows."""
    xyz = points.of_view(frame.name)
    if points.seen is not None:
        xyz = xyz[:: max(1, len(xyz) // POINTS_A_VIEW)]
    height, width = frame.depth.shape
    xy, z = project(xyz, known)
    inside = (z > 0) & (xy >= 0).all(dim=-1) & (xy[:, 0] < width) & (xy[:, 1] < height)
    column, row = xy[inside].floor().long().unbind(-1)
    z = z[inside]
    if points.seen is None and len(z):
        nearest = _nearest_of_cells(column // CELL_PX, row // CELL_PX, z)
        column, row, z = column[nearest], row[nearest], z[nearest]
    depth = frame.depth[row, column].double()
    there = depth > 0
    return (z[there] / depth[there]).log()


def _nearest_of_cells(column: Int[Tensor, " n"], row: Int[Tensor, " n"], z: Float[Tensor, " n"]) -> Int[Tensor, " k"]:
    """Indices of the points with the least depth, one a cell."""
    order = z.argsort()
    cell = (row * (int(column.max()) + 1) + column)[order]
    in_order = cell.argsort(stable=True)
    first = torch.ones(len(cell), dtype=torch.bool)
    first[1:] = cell[in_order][1:] != cell[in_order][:-1]
    return order[in_order[first]]
