"""The two cameras of a sample, as a line of the manifest holds them."""

from __future__ import annotations

from typing import Any

import torch

from warpdata.camera import Camera

CONVENTION = "opencv-w2c"


def cameras_to_json(reference: Camera, target: Camera) -> dict[str, Any]:
    """Both cameras as JSON: K in pixels and `cam_from_world`, OpenCV axes, first pixel's centre at (0.5, 0.5)."""
    return {
        "convention": CONVENTION,
        "K_reference": reference.K.tolist(),
        "w2c_reference": reference.cam_from_world.tolist(),
        "K_target": target.K.tolist(),
        "w2c_target": target.cam_from_world.tolist(),
    }


def cameras_from_json(cameras: dict[str, Any], hw: tuple[int, int]) -> tuple[Camera, Camera]:
    """The reference's and the target's camera, float64, of pictures of a size.

    Raises:
        KeyError, TypeError, ValueError: they are not what `cameras_to_json` gives.
    """
    if cameras.get("convention", CONVENTION) != CONVENTION:
        raise ValueError(f"cameras are {cameras['convention']!r}, expected {CONVENTION}")
    reference, target = (
        Camera(
            K=torch.tensor(cameras[f"K_{view}"], dtype=torch.float64),
            cam_from_world=torch.tensor(cameras[f"w2c_{view}"], dtype=torch.float64),
            hw=hw,
        )
        for view in ("reference", "target")
    )
    return reference, target
