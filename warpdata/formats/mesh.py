"""Coloured triangle meshes as binary PLY and as GLB (glTF 2.0), for viewers."""

from __future__ import annotations

import io
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int, UInt8
from plyfile import PlyData, PlyElement

from warpdata.files.bounded_json import dump_json

MAX_VERTICES = 2**24
"""Larger meshes are refused: viewers do not open them."""

_PLY_VERTEX = [("x", "<f4"), ("y", "<f4"), ("z", "<f4"), ("red", "u1"), ("green", "u1"), ("blue", "u1")]
_ARRAY_BUFFER, _ELEMENT_ARRAY_BUFFER = 34962, 34963
_FLOAT, _UNSIGNED_SHORT, _UNSIGNED_INT = 5126, 5123, 5125


@dataclass(frozen=True, kw_only=True, eq=False)
class Mesh:
    """Triangles with a colour at every corner.

    Attributes:
        xyz: corners; z is up.
        rgb: their colours, sRGB.
        triangles: three corners each, counter-clockwise from outside.
        facts: for whoever reads the file: where it lies, how it was made.
    """

    xyz: Float[np.ndarray, "n 3"]
    rgb: UInt8[np.ndarray, "n 3"]
    triangles: Int[np.ndarray, "m 3"]
    facts: Mapping[str, Any]


def encode_mesh_ply(mesh: Mesh) -> bytes:
    """The mesh as a little-endian binary PLY, z up; the facts are comments."""
    vertices = np.empty(len(mesh.xyz), _PLY_VERTEX)
    for column, axis in enumerate("xyz"):
        vertices[axis] = mesh.xyz[:, column]
    for column, channel in enumerate(("red", "green", "blue")):
        vertices[channel] = mesh.rgb[:, column]
    faces = np.empty(len(mesh.triangles), [("vertex_indices", "<i4", (3,))])
    faces["vertex_indices"] = mesh.triangles
    elements = [PlyElement.describe(vertices, "vertex"), PlyElement.describe(faces, "face")]
    comments = [f"{key}: {value}" for key, value in mesh.facts.items()]
    file = io.BytesIO()
    PlyData(elements, byte_order="<", comments=comments).write(file)
    return file.getvalue()


def encode_glb(mesh: Mesh) -> bytes:
    """The mesh as a GLB, in glTF's axes (y up: x, z, -y), with normals; colours are linear there, in 16 bits.

    https://registry.khronos.org/glTF/specs/2.0/glTF-2.0.html, sections 3.7.2.1 and 4.4. The facts are the node's
    `extras`.
    """
    xyz = np.ascontiguousarray(_y_up(mesh.xyz), dtype="<f4")
    normals = np.ascontiguousarray(_y_up(_normals(mesh)), dtype="<f4")
    colours = np.full((len(xyz), 4), 65_535, "<u2")
    colours[:, :3] = np.rint(65_535 * _linear(mesh.rgb))
    parts = [xyz.tobytes(), normals.tobytes(), colours.tobytes(), mesh.triangles.astype("<u4").tobytes()]
    targets = (_ARRAY_BUFFER, _ARRAY_BUFFER, _ARRAY_BUFFER, _ELEMENT_ARRAY_BUFFER)
    starts = np.cumsum([0, *map(len, parts[:-1])]).tolist()
    document = {
        "asset": {"version": "2.0", "generator": "warpdata"},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0, "extras": dict(mesh.facts)}],
        "meshes": [
            {
                "primitives": [
                    {"attributes": {"POSITION": 0, "NORMAL": 1, "COLOR_0": 2}, "indices": 3, "material": 0, "mode": 4}
                ]
            }
        ],
        "materials": [{"doubleSided": True, "pbrMetallicRoughness": {"metallicFactor": 0.0, "roughnessFactor": 1.0}}],
        "accessors": [
            {
                **dict(bufferView=0, componentType=_FLOAT, count=len(xyz), type="VEC3"),
                **dict(min=xyz.min(axis=0).tolist(), max=xyz.max(axis=0).tolist()),
            },
            dict(bufferView=1, componentType=_FLOAT, count=len(xyz), type="VEC3"),
            dict(bufferView=2, componentType=_UNSIGNED_SHORT, normalized=True, count=len(xyz), type="VEC4"),
            dict(bufferView=3, componentType=_UNSIGNED_INT, count=mesh.triangles.size, type="SCALAR"),
        ],
        "bufferViews": [
            dict(buffer=0, byteOffset=start, byteLength=len(part), target=target)
            for start, part, target in zip(starts, parts, targets, strict=True)
        ],
        "buffers": [{"byteLength": sum(map(len, parts))}],
    }
    text = dump_json(document).encode()
    text += b" " * (-len(text) % 4)
    binary = b"".join(parts)  # every part is a multiple of 4 bytes long
    chunks = struct.pack("<II", len(text), 0x4E4F534A) + text + struct.pack("<II", len(binary), 0x004E4942) + binary
    return struct.pack("<4sII", b"glTF", 2, 12 + len(chunks)) + chunks


def _y_up(xyz: Float[np.ndarray, "n 3"]) -> Float[np.ndarray, "n 3"]:
    return np.stack([xyz[:, 0], xyz[:, 2], -xyz[:, 1]], axis=1)


def _normals(mesh: Mesh) -> Float[np.ndarray, "n 3"]:
    """Of every corner: those of its triangles, weighted by their areas; up where they cancel."""
    a, b, c = (mesh.xyz[mesh.triangles[:, corner]] for corner in range(3))
    of_triangle = np.cross(b - a, c - a)
    summed = np.stack(
        [
            sum(np.bincount(mesh.triangles[:, corner], of_triangle[:, axis], len(mesh.xyz)) for corner in range(3))
            for axis in range(3)
        ],
        axis=1,
    )
    lengths = np.linalg.norm(summed, axis=1, keepdims=True)
    return np.where(lengths > 0, summed / np.where(lengths > 0, lengths, 1), (0.0, 0.0, 1.0))


def _linear(srgb: UInt8[np.ndarray, "n 3"]) -> Float[np.ndarray, "n 3"]:
    """The inverse of sRGB's transfer function (IEC 61966-2-1), to 0 to 1."""
    value = srgb / 255.0
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
