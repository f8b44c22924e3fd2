"""Point clouds as binary PLY files."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, UInt8
from plyfile import PlyData, PlyElement
from torch import Tensor

_VERTEX = np.dtype([("xyz", "<f4", 3), ("rgb", "u1", 3), ("confidence", "<f4")])
_PROPERTIES = np.dtype(
    [
        *((axis, "<f4") for axis in ("x", "y", "z")),
        *((channel, "u1") for channel in ("red", "green", "blue")),
        ("confidence", "<f4"),
    ]
)


@dataclass(frozen=True, kw_only=True)
class PointCloud:
    """Coloured points.

    Attributes:
        xyz: world coordinates in the scene's unit.
        rgb: sRGB.
        confidence: on the estimator's own scale.
    """

    xyz: Float[Tensor, "n 3"]
    rgb: UInt8[Tensor, "n 3"]
    confidence: Float[Tensor, " n"]


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
