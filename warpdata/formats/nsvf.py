"""NSVF: one intrinsics file, a camera-to-world matrix a picture, and the box that holds the scene.

Its reader takes rays at whole-number coordinates, so cx and cy are half a pixel less than ours.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from jaxtyping import Float64

from warpdata.formats.axes import with_first_pixel_at_half, with_first_pixel_at_zero

MAX_TEXT_BYTES = 65_536


def intrinsics_text(K: Float64[np.ndarray, "3 3"]) -> str:
    """`intrinsics.txt` of our intrinsics."""
    padded = np.eye(4)
    padded[:3, :3] = with_first_pixel_at_zero(K)
    return matrix_text(padded)


def read_intrinsics(path: Path) -> Float64[np.ndarray, "3 3"]:
    """Our intrinsics of an `intrinsics.txt`.

    Raises:
        OSError: it cannot be read.
        ValueError: it holds no matrix of 4x4.
    """
    return with_first_pixel_at_half(read_matrix(path, (4, 4))[:3, :3])


def matrix_text(matrix: Float64[np.ndarray, "rows columns"]) -> str:
    """Rows on lines, numbers with all their digits: a pose (`pose/*.txt`), or the box (`bbox.txt`)."""
    return "".join(" ".join(f"{value:.17g}" for value in row) + "\n" for row in matrix)


def read_matrix(path: Path, shape: tuple[int, int]) -> Float64[np.ndarray, "rows columns"]:
    """A matrix of a text file.

    Raises:
        OSError: it cannot be read.
        ValueError: it holds something else than a matrix of this shape.
    """
    if path.stat().st_size > MAX_TEXT_BYTES:
        raise ValueError(f"{path} is too long to be a matrix")
    try:
        matrix = np.array([line.split() for line in path.read_text("utf-8").splitlines() if line.strip()], np.float64)
    except ValueError as error:
        raise ValueError(f"{path} holds no matrix of numbers ({error})") from error
    if matrix.shape != shape:
        raise ValueError(f"{path} holds a matrix of {matrix.shape}, expected {shape}")
    return matrix
