"""NSVF: one intrinsics file, a camera-to-world matrix a picture, and the box that holds the scene."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from warpdata.errors import SceneError
from warpdata.formats.nsvf import intrinsics_text, matrix_text
from warpdata.writers.scenes.frames import PointSampler, SceneFrames, save_bytes, save_image

THINNEST = 1e-6
"""A side of the bounding box counts as at least this part of the longest, so that a plane has voxels too."""
VOXELS = 1000
"""About how many voxels the box is divided into at first."""


def write_nsvf(frames: SceneFrames, root: Path, own: Any = None) -> None:
    """Write `intrinsics.txt`, `bbox.txt`, `rgb/` and `pose/`; every picture is one for training (`0_`).

    Raises:
        SceneError: the cameras differ, and the format has one for all pictures; or no view has depth.
    """
    sampler = PointSampler(len(frames))
    first = None
    for number, frame in enumerate(frames):
        first = first or frame
        if frame.pinhole != first.pinhole:
            raise SceneError(
                f"scene {frames.scene_id} has several cameras ({first.pinhole} and {frame.pinhole}), and NSVF has one "
                "for all pictures; export it in another format"
            )
        save_image(frame.image, root / "rgb" / f"0_{number:06d}.png")
        save_bytes(matrix_text(frame.world_from_cam).encode(), root / "pose" / f"0_{number:06d}.txt")
        sampler.add(frame)
    if first is None:
        return
    save_bytes(intrinsics_text(first.K).encode(), root / "intrinsics.txt")
    xyz = sampler.cloud().xyz.numpy().astype(np.float64)
    if not len(xyz):
        raise SceneError(f"scene {frames.scene_id} has no point with depth, so NSVF's bounding box is not known")
    low, high = xyz.min(axis=0), xyz.max(axis=0)
    sides = high - low
    voxel = np.cbrt(np.prod(np.maximum(sides, (sides.max() or 1.0) * THINNEST)) / VOXELS)
    save_bytes(matrix_text(np.concatenate([low, high, [voxel]])[None]).encode(), root / "bbox.txt")
