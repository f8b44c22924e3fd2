"""IDR and NeuS: numbered pictures and masks, and projection matrices that decompose into K, R and the centre.

Both readers take rays at whole-number coordinates, so cx and cy are half a pixel less than ours.
"""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float64

from warpdata.errors import SceneError
from warpdata.files.bounded_json import dump_json
from warpdata.writers.scenes.frames import PointSampler, SceneFrames, save_image, save_text
from warpdata.writers.scenes.nsvf import PIXEL_OFFSET

FAR_ORIGIN = 1000.0
"""Cameras farther from the origin than this many radii of the scene lose digits when readers cast to float32."""

INSIDE_SHARE = 0.99
"""Share of the scene's points that lie inside the unit sphere."""


def write_idr(frames: SceneFrames, root: Path) -> None:
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
        K = np.eye(4)
        K[:3, :3] = frame.camera.K.numpy()
        K[:2, 2] -= PIXEL_OFFSET
        cameras.append((K, frame.cam_from_world.copy()))
        sampler.add(frame)
    if not cameras:
        return
    xyz = sampler.cloud().xyz.numpy().astype(np.float64)
    if not len(xyz):
        raise SceneError(f"scene {frames.scene_id} has no point with depth, so IDR's region of interest is not known")
    centre = np.median(xyz, axis=0)
    radius = float(np.quantile(np.linalg.norm(xyz - centre, axis=1), INSIDE_SHARE)) or 1.0
    origin = centre if np.linalg.norm(centre) > FAR_ORIGIN * radius else np.zeros(3)
    save_text(dump_json({"origin": origin.tolist()}) + "\n", root / "origin.json")

    scale = np.diag([radius, radius, radius, 1.0])
    scale[:3, 3] = centre - origin
    arrays = {}
    for number, (K, cam_from_world) in enumerate(cameras):
        cam_from_world[:3, 3] += cam_from_world[:3, :3] @ origin
        arrays[f"world_mat_{number}"] = K @ cam_from_world
        arrays[f"scale_mat_{number}"] = scale
    for name in ("cameras.npz", "cameras_sphere.npz"):
        (root / name).write_bytes(npz_bytes(arrays))


def npz_bytes(arrays: dict[str, Float64[np.ndarray, "4 4"]]) -> bytes:
    """What `numpy.savez` writes, without the time of day."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name, array in arrays.items():
            content = io.BytesIO()
            np.lib.format.write_array(content, array, allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), content.getvalue())
    return file.getvalue()
