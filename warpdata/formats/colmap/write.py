"""Sparse models written, as text and as binary; points without tracks."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float64

from warpdata.formats.colmap.model import MODELS, NO_ERROR, POINT, ColmapModel
from warpdata.formats.colmap.quaternion import quaternion


def write_model_text(model: ColmapModel, folder: Path) -> None:
    """Write `cameras.txt`, `images.txt` and `points3D.txt`; numbers have all their digits."""
    lines = ["# CAMERA_ID MODEL WIDTH HEIGHT PARAMS[]"]
    for number, camera in model.cameras.items():
        lines.append(f"{number} {camera.model} {camera.wh[0]} {camera.wh[1]} {_numbers(camera.parameters)}")
    _save_lines(lines, folder / "cameras.txt")

    lines = ["# IMAGE_ID QW QX QY QZ TX TY TZ CAMERA_ID NAME"]
    for number, image in model.images.items():
        pose = image.cam_from_world
        rotation, translation = _numbers(quaternion(pose[:3, :3])), _numbers(pose[:3, 3])
        lines += [f"{number} {rotation} {translation} {image.camera} {image.name}", ""]
    _save_lines(lines, folder / "images.txt")

    lines = ["# POINT3D_ID X Y Z R G B ERROR TRACK[]"]
    for number, (xyz, rgb) in enumerate(zip(model.xyz.tolist(), model.rgb.tolist(), strict=True), 1):
        lines.append(f"{number} {_numbers(xyz)} {rgb[0]} {rgb[1]} {rgb[2]} {NO_ERROR}")
    _save_lines(lines, folder / "points3D.txt")


def write_model_binary(model: ColmapModel, folder: Path) -> None:
    """Write `cameras.bin`, `images.bin` and `points3D.bin`."""
    data = bytearray(struct.pack("<Q", len(model.cameras)))
    for number, camera in model.cameras.items():
        data += struct.pack("<iiQQ", number, MODELS[camera.model][0], *camera.wh)
        data += struct.pack(f"<{len(camera.parameters)}d", *camera.parameters)
    (folder / "cameras.bin").write_bytes(data)

    data = bytearray(struct.pack("<Q", len(model.images)))
    for number, image in model.images.items():
        pose = image.cam_from_world
        data += struct.pack("<i4d3di", number, *quaternion(pose[:3, :3]), *pose[:3, 3], image.camera)
        data += image.name.encode() + b"\0" + struct.pack("<Q", 0)
    (folder / "images.bin").write_bytes(data)

    rows = np.zeros(len(model.xyz), POINT)
    rows["id"] = np.arange(1, len(rows) + 1)
    rows["xyz"] = model.xyz
    rows["rgb"] = model.rgb
    rows["error"] = NO_ERROR
    (folder / "points3D.bin").write_bytes(struct.pack("<Q", len(rows)) + rows.tobytes())


def _numbers(values: Sequence[float] | Float64[np.ndarray, " n"]) -> str:
    return " ".join(f"{value:.17g}" for value in values)


def _save_lines(lines: list[str], path: Path) -> None:
    path.write_bytes("".join(f"{line}\n" for line in lines).encode())
