"""IDR's and NeuS's `cameras.npz`: for each view a projection of the world, and a matrix that takes the unit sphere to
the region of interest.

Both readers take rays at whole-number coordinates, so cx and cy are half a pixel less than ours.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float64

from warpdata.formats.axes import with_first_pixel_at_half, with_first_pixel_at_zero

MAX_MEMBERS = 1_000_000
MAX_MEMBER_BYTES = 4096
"""A matrix of 4x4 with its header takes 256 bytes."""

Matrix4 = Float64[np.ndarray, "4 4"]


def encode_cameras(cameras: Sequence[tuple[Float64[np.ndarray, "3 3"], Matrix4]], world_from_sphere: Matrix4) -> bytes:
    """`cameras.npz` of our intrinsics and `cam_from_world` of every view; equal cameras give equal bytes.

    Args:
        world_from_sphere: takes the unit sphere to the region of interest.
    """
    arrays = {}
    for number, (K, cam_from_world) in enumerate(cameras):
        padded = np.eye(4)
        padded[:3, :3] = with_first_pixel_at_zero(K)
        arrays[f"world_mat_{number}"] = padded @ cam_from_world
        arrays[f"scale_mat_{number}"] = world_from_sphere
    file = io.BytesIO()
    with zipfile.ZipFile(
        file, "w", zipfile.ZIP_STORED
    ) as archive:  # what `numpy.savez` writes, without the time of day
        for name, array in arrays.items():
            content = io.BytesIO()
            np.lib.format.write_array(content, array, allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), content.getvalue())
    return file.getvalue()


def read_cameras(path: Path) -> tuple[list[tuple[Float64[np.ndarray, "3 3"], Matrix4]], Matrix4]:
    """Our intrinsics and `cam_from_world` of every view, and `world_from_sphere` of the first.

    Raises:
        OSError: it cannot be read.
        ValueError: it is no `cameras.npz`, or too large for one.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            if len(members) > MAX_MEMBERS or any(member.file_size > MAX_MEMBER_BYTES for member in members):
                raise ValueError(f"{path} is too large to hold matrices of 4x4 alone")
        with np.load(path, allow_pickle=False) as arrays:
            count = sum(name.startswith("world_mat_") and name[10:].isdigit() for name in arrays.files)
            if not count:
                raise ValueError(f"{path} holds no world_mat_0")
            cameras = [_decompose(arrays[f"world_mat_{number}"]) for number in range(count)]
            return cameras, arrays["scale_mat_0"].astype(np.float64)
    except (zipfile.BadZipFile, KeyError, np.linalg.LinAlgError) as error:
        raise ValueError(f"{path} is not a cameras.npz ({error})") from error


def _decompose(projection: np.ndarray) -> tuple[Float64[np.ndarray, "3 3"], Matrix4]:
    """K and `cam_from_world` of K [R | t], by an RQ decomposition with positive focal lengths."""
    if projection.shape != (4, 4):
        raise ValueError(f"a projection is of shape {projection.shape}, expected 4x4")
    flip = np.eye(3)[::-1]
    q, r = np.linalg.qr((flip @ projection[:3, :3]).T)
    K, rotation = flip @ r.T @ flip, flip @ q.T
    signs = np.where(np.diag(K) < 0, -1.0, 1.0)
    K, rotation = K * signs, signs[:, None] * rotation
    cam_from_world = np.eye(4)
    cam_from_world[:3, :3] = rotation
    cam_from_world[:3, 3] = np.linalg.solve(K, projection[:3, 3])
    return with_first_pixel_at_half(K / K[2, 2]), cam_from_world
