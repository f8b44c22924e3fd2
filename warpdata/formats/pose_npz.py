"""Cameras beside pictures as `.npz` files: `intrinsics` [3, 3] and `cam2world` [4, 4], OpenCV axes.

Where the centre of the first pixel is, 0 or 0.5, these files do not say; `meta.json` of a folder made here does
(`pixel_center`), and otherwise the kind of folder.
"""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
from jaxtyping import Float64

from warpdata.files.atomic import write_atomic
from warpdata.files.bounded_json import read_json
from warpdata.files.tree import is_file, open_file

META = "meta.json"
MAX_BYTES = 65_536
"""Of a file and of what it unpacks to; two small matrices take far less."""
RIGID_TOLERANCE = 1e-3


def write_pose(path: Path, K: Float64[np.ndarray, "3 3"], world_from_cam: Float64[np.ndarray, "4 4"]) -> None:
    """Write a camera; `K` is stored as it is given. Equal cameras give equal bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, matrix in (("intrinsics", K), ("cam2world", world_from_cam)):
            member = io.BytesIO()
            np.lib.format.write_array(member, np.ascontiguousarray(matrix, np.float64), allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), member.getvalue())
    write_atomic(path, buffer.getvalue())


def read_pose(path: Path) -> tuple[Float64[np.ndarray, "3 3"], Float64[np.ndarray, "4 4"]]:
    """`K` as stored, and world_from_cam. Nothing is unpickled.

    Raises:
        ValueError: it is damaged, too large, or holds no camera.
        OSError: it cannot be read.
    """
    with open_file(path) as file:
        data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise ValueError(f"{path} has more than {MAX_BYTES:,} bytes; a camera has less")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            K = _matrix(archive, "intrinsics", (3, 3))
            world_from_cam = _matrix(archive, "cam2world", (4, 4))
    except (zipfile.BadZipFile, KeyError, NotImplementedError, RuntimeError, EOFError, ValueError) as error:
        raise ValueError(f"{path} holds no camera: {error}") from error
    rotation = world_from_cam[:3, :3]
    if np.abs(rotation @ rotation.T - np.eye(3)).max() > RIGID_TOLERANCE or np.linalg.det(rotation) < 0:
        raise ValueError(f"{path}: its cam2world is not a rotation and a translation")
    if np.abs(world_from_cam[3] - (0, 0, 0, 1)).max() > RIGID_TOLERANCE:
        raise ValueError(f"{path}: the last row of its cam2world is not 0 0 0 1")
    if min(K[0, 0], K[1, 1]) <= 0:
        raise ValueError(f"{path}: its focal lengths are {K[0, 0]:g} and {K[1, 1]:g}; they must be positive")
    return K, world_from_cam


def pixel_centre(folder: Path) -> float | None:
    """Where a folder says that the centre of the first pixel is: 0.0 or 0.5; None where it says nothing.

    Raises:
        ValueError: its `meta.json` cannot be read, or says something else.
        OSError: likewise.
    """
    path = folder / META
    if not is_file(path):
        return None
    content = read_json(path)
    said = content.get("pixel_center") if isinstance(content, dict) else None
    if said not in (None, 0, 0.5):
        raise ValueError(f"{path}: `pixel_center` is {said!r}; it is 0 or 0.5")
    return None if said is None else float(said)


def _matrix(archive: zipfile.ZipFile, name: str, shape: tuple[int, int]) -> np.ndarray:
    member = archive.getinfo(f"{name}.npy")
    if member.file_size > MAX_BYTES:
        raise ValueError(f"`{name}` unpacks to {member.file_size:,} bytes")
    with archive.open(member) as file:
        matrix = np.lib.format.read_array(io.BytesIO(file.read(MAX_BYTES)), allow_pickle=False)
    if matrix.shape != shape or matrix.dtype.kind != "f" or not np.isfinite(matrix).all():
        raise ValueError(f"`{name}` is {matrix.dtype} of shape {list(matrix.shape)}; expected finite {list(shape)}")
    return matrix.astype(np.float64)
