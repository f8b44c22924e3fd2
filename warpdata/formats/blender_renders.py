"""Folders of renders of Blender: cameras as text matrices, and `scene.json`, which is written last.

Cameras have OpenCV's axes; the first pixel's centre is at (0.5, 0.5). Layouts: `camera_intrinsics.txt`, K of all views;
`NNN_camera_extrinsics.txt`, 3x4 cam_from_world; `NNN_camera_projection_matrix.txt`, 3x4 K [R|t].
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from warpdata.files.bounded_json import read_json, read_text
from warpdata.files.tree import file_numbers

MAX_MATRIX_BYTES = 4096
"""Longest text file of a matrix; twelve numbers of 17 digits take less than 400."""

PROJECTION_TOLERANCE = 1e-4
"""How far K [R|t] may be from the projection matrix beside it, relative to the largest number of a row."""

SCALES: dict[str, Literal["metric", "arbitrary"]] = {"metric": "metric", "scene_units": "arbitrary"}
"""`scale` in `scene.json` -> what a scene calls it."""


@dataclass(frozen=True)
class RenderedScene:
    """What `scene.json` says beyond the text files.

    Attributes:
        scale: whether lengths are in metres.
        K: number of a view -> its intrinsics in pixels, (3, 3); views may differ.
    """

    scale: Literal["metric", "arbitrary"] = "arbitrary"
    K: Mapping[int, Float[Tensor, "3 3"]] = field(default_factory=dict)


def read_matrix(path: Path, rows: int, columns: int) -> Float[Tensor, "rows columns"]:
    """A matrix of a text file, row by row, its numbers separated by white space, in float64.

    Raises:
        OSError: it cannot be read.
        ValueError: it is too long, holds another number of numbers, or one that is not finite.
    """
    if (length := file_numbers(path).size) > MAX_MATRIX_BYTES:
        raise ValueError(f"{path} has {length:,} bytes; a matrix has {MAX_MATRIX_BYTES:,} at most")
    words = read_text(path).split()
    if len(words) != rows * columns:
        raise ValueError(f"{path} holds {len(words)} numbers; expected {rows} rows of {columns}")
    try:
        numbers = [float(word) for word in words]
    except ValueError as error:
        raise ValueError(f"{path}: {error}; expected {rows} rows of {columns} numbers") from error
    if not all(map(math.isfinite, numbers)):
        raise ValueError(f"{path} holds NaN or infinite numbers")
    return torch.tensor(numbers, dtype=torch.float64).reshape(rows, columns)


def read_rendered_scene(path: Path) -> RenderedScene:
    """The scale and the intrinsics of `scene.json`.

    Raises:
        OSError: it cannot be read.
        ValueError: it is no such JSON.
    """
    try:
        content = read_json(path)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    views = content.get("views") if isinstance(content, dict) else None
    scale = content.get("scale") if isinstance(content, dict) else None
    if not isinstance(views, list) or not isinstance(scale, str) or scale not in SCALES:
        raise ValueError(
            f"{path} is no record of renders: expected a list `views` and `scale`, {' or '.join(SCALES)}; remove it "
            "where the folder is of another program"
        )
    return RenderedScene(SCALES[scale], dict(_view_intrinsics(view, path) for view in views))


def check_projection(
    K: Float[Tensor, "3 3"], cam_from_world: Float[Tensor, "3 4"], projection: Float[Tensor, "3 4"]
) -> str | None:
    """Why a projection matrix is not K [R|t], or None where it is."""
    expected = K @ cam_from_world
    for part in (slice(0, 3), slice(3, 4)):
        size = expected[:, part].abs().amax(dim=-1 if part.start == 0 else (0, 1), keepdim=True)
        off = ((projection - expected)[:, part].abs() / size.clamp_min(1e-12)).max().item()
        if off > PROJECTION_TOLERANCE:
            return (
                f"its projection matrix is not K [R|t] of its other files (relative difference {off:.2g}, allowed "
                f"{PROJECTION_TOLERANCE}); they are of different renders: render it again"
            )
    return None


def _view_intrinsics(view: object, path: Path) -> tuple[int, Float[Tensor, "3 3"]]:
    number, K = (view.get("index"), view.get("K")) if isinstance(view, dict) else (None, None)
    try:
        matrix = torch.tensor(K, dtype=torch.float64)
    except (TypeError, ValueError, RuntimeError):
        matrix = None
    if type(number) is not int or matrix is None or matrix.shape != (3, 3):
        raise ValueError(f"{path}: a view has index {number!r} and K {K!r}; expected a whole number and 3x3 numbers")
    return number, matrix
