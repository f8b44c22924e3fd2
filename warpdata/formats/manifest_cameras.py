"""The cameras of a sample, as a line of the manifest holds them."""

from __future__ import annotations

from typing import Any

import torch

from warpdata.camera import Camera

CONVENTION = "opencv-w2c"


def cameras_to_json(reference: Camera | None, target: Camera, drawn: Camera | None = None) -> dict[str, Any]:
    """Cameras as JSON: K in pixels and `cam_from_world`, OpenCV axes, first pixel's centre at (0.5, 0.5).

    Args:
        reference: None where there is no reference.
        drawn: from which the target was seen, with `--pairs reproject`.
    """
    cameras = {"reference": reference, "target": target, "drawn": drawn}
    values: dict[str, Any] = {"convention": CONVENTION}
    for view, camera in cameras.items():
        if camera is not None:
            values |= {f"K_{view}": camera.K.tolist(), f"w2c_{view}": camera.cam_from_world.tolist()}
    return values


def cameras_from_json(cameras: dict[str, Any], hw: tuple[int, int]) -> dict[str, Camera]:
    """The cameras `reference`, `target` and `drawn`, as far as they are there, float64, of pictures of a size.

    Raises:
        KeyError, TypeError, ValueError: they are not what `cameras_to_json` gives.
    """
    if cameras.get("convention", CONVENTION) != CONVENTION:
        raise ValueError(f"cameras are {cameras['convention']!r}, expected {CONVENTION}")
    views = [view for view in ("reference", "target", "drawn") if view == "target" or f"K_{view}" in cameras]
    return {
        view: Camera(
            K=torch.tensor(cameras[f"K_{view}"], dtype=torch.float64),
            cam_from_world=torch.tensor(cameras[f"w2c_{view}"], dtype=torch.float64),
            hw=hw,
        )
        for view in views
    }
