"""Intrinsics as JSON under nerfstudio's names, which WAI shares: once for a file, or for every frame."""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Float64


def pinhole_json(K: Float64[np.ndarray, "3 3"], hw: tuple[int, int]) -> dict[str, float | int]:
    """Intrinsics under nerfstudio's names."""
    fx, fy, cx, cy = K[[0, 1, 0, 1], [0, 1, 2, 2]].tolist()
    return {"fl_x": fx, "fl_y": fy, "cx": cx, "cy": cy, "w": hw[1], "h": hw[0]}


def share_intrinsics(
    intrinsics: list[dict[str, Any]], entries: list[dict[str, Any]]
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Intrinsics for the top of the file where all frames have the same, else in every frame; never mixed."""
    if all(one == intrinsics[0] for one in intrinsics):
        return intrinsics[0], entries
    return {}, [entry | one for entry, one in zip(entries, intrinsics, strict=True)]
