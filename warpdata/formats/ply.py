"""Point clouds as binary PLY files."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, UInt8
from plyfile import PlyData, PlyElement
from torch import Tensor

from warpdata.files.tree import file_numbers, open_file

MAX_HEADER_BYTES = 65_536
MAX_POINTS = 100_000_000
"""Clouds of more points than this are refused before memory is taken for them."""

_VERTEX = np.dtype([("xyz", "<f4", 3), ("rgb", "u1", 3), ("confidence", "<f4")])
_XYZ = ("x", "y", "z")
_RGB = ("red", "green", "blue")
_PROPERTIES = np.dtype(
    [*((axis, "<f4") for axis in _XYZ), *((channel, "u1") for channel in _RGB), ("confidence", "<f4")]
)
_TYPES = {
    **{"char": "i1", "uchar": "u1", "short": "i2", "ushort": "u2", "int": "i4", "uint": "u4"},
    **{"float": "f4", "double": "f8", "int8": "i1", "uint8": "u1", "int16": "i2", "uint16": "u2"},
    **{"int32": "i4", "uint32": "u4", "float32": "f4", "float64": "f8"},
}


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


def read_ply(path: Path) -> PointCloud:
    """The vertices of a binary PLY file, whoever wrote it.

    Vertices without colours are white, those without a confidence have 1; other properties and the elements after the
    vertices are passed over.

    Raises:
        OSError: it cannot be read.
        ValueError: it is no binary PLY whose first element is a plain list of vertices, or it is cut short.
    """
    with open_file(path) as file:
        layout, count = _read_header(file, path)
        there = file_numbers(path).size - file.tell()
        if count > MAX_POINTS or count * layout.itemsize > there:
            raise ValueError(f"{path}: {count:,} vertices are promised, and {there:,} bytes are there")
        vertices = np.frombuffer(file.read(count * layout.itemsize), layout)
    names = layout.names or ()
    if not set(_XYZ) <= set(names):
        raise ValueError(f"{path}: its vertices have {', '.join(names)}, expected x, y and z")
    rgb = np.full((count, 3), 255, np.uint8)
    if all(channel in names and layout[channel] == np.uint8 for channel in _RGB):
        rgb = np.stack([vertices[channel] for channel in _RGB], -1)
    confidence = vertices["confidence"].astype(np.float32) if "confidence" in names else np.ones(count, np.float32)
    return PointCloud(
        xyz=torch.from_numpy(np.stack([vertices[axis] for axis in _XYZ], -1).astype(np.float32)),
        rgb=torch.from_numpy(rgb),
        confidence=torch.from_numpy(confidence),
    )


def _read_header(file: io.BufferedIOBase, path: Path) -> tuple[np.dtype, int]:
    """What one vertex consists of, and how many there are; the file is left at the first."""
    if file.readline(16).strip() != b"ply":
        raise ValueError(f"{path} is not a PLY file")
    order, element, count = "", "", 0
    properties: list[tuple[str, str]] = []
    while (words := file.readline(MAX_HEADER_BYTES).decode("ascii", "replace").split()) != ["end_header"]:
        if file.tell() > MAX_HEADER_BYTES or not words:
            raise ValueError(f"{path}: its header does not end")
        match words:
            case ["format", kind, _]:
                order = {"binary_little_endian": "<", "binary_big_endian": ">"}.get(kind, "")
                if not order:
                    raise ValueError(f"{path} is a PLY file of the format {kind}; save it as binary")
            case ["element", name, number]:
                if not element and name != "vertex":
                    raise ValueError(f"{path}: its first element is {name}, expected vertex")
                count = int(number) if not element else count
                element = name
            case ["property", kind, name] if element == "vertex":
                if kind not in _TYPES:
                    raise ValueError(f"{path}: its property {name} is of the unknown type {kind}")
                properties.append((name, order + _TYPES[kind]))
            case ["property", "list", *_] if element == "vertex":
                raise ValueError(f"{path}: its vertices hold lists, which are not read")
    if not properties or count < 0:
        raise ValueError(f"{path} holds no vertices")
    return np.dtype(properties), count
