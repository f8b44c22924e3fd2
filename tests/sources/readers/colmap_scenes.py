"""Scenes of the plane as COLMAP leaves them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tests.scenes import HW, plane_camera, plane_depth, plane_picture, write_image
from warpdata.camera import unproject
from warpdata.formats.colmap import (
    ColmapCamera,
    ColmapImage,
    ColmapModel,
    encode_depth_map,
    write_model_binary,
    write_model_text,
)

WRITERS = {"binary": write_model_binary, "text": write_model_text}


def plane_model(names: Sequence[str]) -> ColmapModel:
    """A model of the first cameras of the walk, numbered from 11 on, with points of the plane."""
    camera = plane_camera(0)
    height, width = camera.hw
    K = camera.K
    pinhole = ColmapCamera("PINHOLE", (width, height), (K[0, 0].item(), K[1, 1].item(), K[0, 2].item(), K[1, 2].item()))
    points = unproject(plane_depth(camera), camera)[::6, ::5].reshape(-1, 3).numpy()
    return ColmapModel(
        cameras={3: pinhole},
        images={
            11 + index: ColmapImage(name, plane_camera(index).cam_from_world.numpy(), 3)
            for index, name in enumerate(names)
        },
        xyz=points,
        rgb=np.full((len(points), 3), 7, np.uint8),
    )


def write_model(folder: Path, model: ColmapModel, *kinds: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for kind in kinds or ("binary",):
        WRITERS[kind](model, folder)
    return folder


def write_colmap_scene(
    root: Path,
    names: Sequence[str] = ("0.png", "1.png", "2.png"),
    *kinds: str,
    model: str = "sparse/0",
    pictures: str = "images",
    depth: bool = False,
) -> Path:
    """A scene of the plane, its model in `model` and its pictures in `pictures`.

    Args:
        depth: also exact depth maps as a dense workspace has them.
    """
    write_model(root / model, plane_model(names), *kinds)
    for index, name in enumerate(names):
        camera = plane_camera(index)
        write_image(root / pictures / name, plane_picture(camera))
        if depth:
            path = root / "stereo" / "depth_maps" / f"{name}.geometric.bin"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(encode_depth_map(plane_depth(camera).numpy()))
    return root


def write_mask(path: Path) -> Path:
    """A mask that keeps the left half."""
    mask = np.zeros(HW, np.uint8)
    mask[:, : HW[1] // 2] = 255
    return write_image(path, mask)
