"""COLMAP: a sparse model as text and binary, dense depth maps, and the pictures, all undistorted pinholes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from warpdata.formats.colmap import (
    ColmapCamera,
    ColmapImage,
    ColmapModel,
    encode_depth_map,
    write_model_binary,
    write_model_text,
)
from warpdata.writers.scenes.frames import PointSampler, SceneFrames, save_bytes, save_image


def write_colmap(frames: SceneFrames, root: Path, own: Any = None) -> None:
    """Write `images/`, `sparse/0/*.txt` and `.bin`, and `stereo/depth_maps/`.

    Points come from the depth maps and have no tracks.
    """
    sampler = PointSampler(len(frames))
    numbers: dict[ColmapCamera, int] = {}
    images: dict[int, ColmapImage] = {}
    for frame in frames:
        name = f"{frame.name}.jpg"
        save_image(frame.image, root / "images" / name)
        depth_map = encode_depth_map(frame.depth.numpy())
        save_bytes(depth_map, root / "stereo" / "depth_maps" / f"{name}.geometric.bin")
        sampler.add(frame)
        height, width = frame.camera.hw
        camera = ColmapCamera("PINHOLE", (width, height), frame.pinhole)
        number = numbers.setdefault(camera, len(numbers) + 1)
        images[len(images) + 1] = ColmapImage(name, frame.cam_from_world, number)
    if not images:
        return
    points = sampler.cloud()
    model = ColmapModel(
        cameras={number: camera for camera, number in numbers.items()},
        images=images,
        xyz=points.xyz.numpy().astype(np.float64),
        rgb=points.rgb.numpy(),
    )
    folder = root / "sparse" / "0"
    folder.mkdir(parents=True)
    write_model_text(model, folder)
    write_model_binary(model, folder)
