"""IDR and NeuS: numbered pictures and masks, and projection matrices that decompose into K, R and the centre."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from warpdata.errors import SceneError
from warpdata.files.bounded_json import dump_json
from warpdata.formats.idr import encode_cameras
from warpdata.writers.scenes.frames import PointSampler, SceneFrames, save_bytes, save_image

FAR_ORIGIN = 1000.0
"""Cameras farther from the origin than this many radii of the scene lose digits when readers cast to float32."""

INSIDE_SHARE = 0.99
"""Share of the scene's points that lie inside the unit sphere."""


def write_idr(frames: SceneFrames, root: Path, own: Any = None) -> None:
    """Write `image/`, `mask/` (all inside), `cameras.npz`, and the same as `cameras_sphere.npz` for NeuS.

    Where the scene lies so far from the origin that float32 would not do, the origin is moved into it, and
    `origin.json` says by how much.

    Raises:
        SceneError: no view has depth, so the region of interest is not known.
    """
    sampler = PointSampler(len(frames))
    digits = 3 if len(frames) <= 1000 else 6
    cameras: list[tuple[np.ndarray, np.ndarray]] = []
    for number, frame in enumerate(frames):
        name = f"{number:0{digits}d}.png"
        save_image(frame.image, root / "image" / name)
        save_image(torch.full((1, *frame.camera.hw), 255, dtype=torch.uint8), root / "mask" / name)
        cameras.append((frame.K, frame.cam_from_world.copy()))
        sampler.add(frame)
    if not cameras:
        return
    xyz = sampler.cloud().xyz.numpy().astype(np.float64)
    if not len(xyz):
        raise SceneError(f"scene {frames.scene_id} has no point with depth, so IDR's region of interest is not known")
    centre = np.median(xyz, axis=0)
    radius = float(np.quantile(np.linalg.norm(xyz - centre, axis=1), INSIDE_SHARE)) or 1.0
    origin = centre if np.linalg.norm(centre) > FAR_ORIGIN * radius else np.zeros(3)
    save_bytes((dump_json({"origin": origin.tolist()}) + "\n").encode(), root / "origin.json")

    world_from_sphere = np.diag([radius, radius, radius, 1.0])
    world_from_sphere[:3, 3] = centre - origin
    for _, cam_from_world in cameras:
        cam_from_world[:3, 3] += cam_from_world[:3, :3] @ origin
    for name in ("cameras.npz", "cameras_sphere.npz"):
        save_bytes(encode_cameras(cameras, world_from_sphere), root / name)
