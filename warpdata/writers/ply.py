"""Point clouds as binary PLY files."""

from __future__ import annotations

import io

import numpy as np
from plyfile import PlyData, PlyElement

from warpdata.data.points import PointCloud

_VERTEX = np.dtype([("xyz", "<f4", 3), ("rgb", "u1", 3), ("confidence", "<f4")])
_PROPERTIES = np.dtype(
    [
        *((axis, "<f4") for axis in ("x", "y", "z")),
        *((channel, "u1") for channel in ("red", "green", "blue")),
        ("confidence", "<f4"),
    ]
)


def encode_ply(points: PointCloud) -> bytes:
    """The points as a little-endian binary PLY: float x, y, z, uchar red, green, blue, float confidence."""
    vertices = np.empty(len(points.xyz), _VERTEX)
    vertices["xyz"] = points.xyz.numpy()
    vertices["rgb"] = points.rgb.numpy()
    vertices["confidence"] = points.confidence.numpy()
    element = PlyElement.describe(vertices.view(_PROPERTIES), "vertex")
    file = io.BytesIO()
    PlyData([element], byte_order="<").write(file)
    return file.getvalue()
