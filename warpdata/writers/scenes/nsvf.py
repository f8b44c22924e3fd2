"""NSVF: one intrinsics file, a camera-to-world matrix a picture, and the box that holds the scene.

Its reader takes rays at whole-number coordinates, so cx and cy are half a pixel less than ours.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from warpdata.errors import SceneError
from warpdata.writers.scenes.frames import PointSampler, SceneFrames, matrix_text, save_image, save_text

PIXEL_OFFSET = 0.5
"""Ours minus the format's coordinate of the same place."""

THINNEST = 1e-6
"""A side of the bounding box counts as at least this part of the longest, so that a plane has voxels too."""
VOXELS = 1000
"""About how many voxels the box is divided into at first."""


def write_nsvf(frames: SceneFrames, root: Path) -> None:
    """Write `intrinsics.txt`, `bbox.txt`, `rgb/` and `pose/`; every picture is one for training (`0_`).

    Raises:
        SceneError: the cameras differ, and the format has one for all pictures; or no view has depth.
    """
    sampler = PointSampler(len(frames))
    pinhole = None
    for number, frame in enumerate(frames):
        if pinhole not in (None, frame.pinhole):
            raise SceneError(
                f"scene {frames.scene_id} has several cameras ({pinhole} and {frame.pinhole}), and NSVF has one "
                "for all pictures; export it in another format"
            )
        pinhole = frame.pinhole
        save_image(frame.image, root / "rgb" / f"0_{number:06d}.png")
        save_text(matrix_text(frame.world_from_cam), root / "pose" / f"0_{number:06d}.txt")
        sampler.add(frame)
    if pinhole is None:
        return
    fx, fy, cx, cy = pinhole
    K = np.eye(4)
    K[[0, 1, 0, 1], [0, 1, 2, 2]] = fx, fy, cx - PIXEL_OFFSET, cy - PIXEL_OFFSET
    save_text(matrix_text(K), root / "intrinsics.txt")
    xyz = sampler.cloud().xyz.numpy().astype(np.float64)
    if not len(xyz):
        raise SceneError(f"scene {frames.scene_id} has no point with depth, so NSVF's bounding box is not known")
    low, high = xyz.min(axis=0), xyz.max(axis=0)
    sides = high - low
    voxel = np.cbrt(np.prod(np.maximum(sides, (sides.max() or 1.0) * THINNEST)) / VOXELS)
    save_text(matrix_text(np.concatenate([low, high, [voxel]])[None]), root / "bbox.txt")
