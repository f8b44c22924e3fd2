"""Small scenes and geometry of known content, and an estimator that counts its calls."""

import math
import os
from pathlib import Path

import numpy as np
import torch

from warpdata.camera import Camera
from warpdata.geometry.types import ContentBox, FrameFailure, FrameGeometry, Provenance, SceneGeometry
from warpdata.sources import DepthFile, MaskFile, PictureFile, Scene, View

HW = (13, 22)


def make_camera(index: int = 0, hw: tuple[int, int] = HW) -> Camera:
    """Lopsided: fx != fy, the principal point off centre, turned and moved."""
    angle = 0.1 + 0.2 * index
    pose = torch.eye(4, dtype=torch.float64)
    pose[0, 0] = pose[1, 1] = math.cos(angle)
    pose[0, 1], pose[1, 0] = -math.sin(angle), math.sin(angle)
    pose[:3, 3] = torch.tensor([1 / 3, -0.7, 0.1 * index])
    K = torch.tensor([[31.7, 0, 9.1], [0, 29.3, 7.7], [0, 0, 1]], dtype=torch.float64)
    return Camera(K=K, cam_from_world=pose, hw=hw)


def make_frame(name: str, index: int = 0, hw: tuple[int, int] = HW) -> FrameGeometry:
    """Depth over three decades with holes, confidence from 1 up."""
    rng = np.random.default_rng(index)
    depth = np.exp(rng.uniform(-3, 4, hw)).astype(np.float32)
    depth[rng.random(hw) < 0.2] = 0
    confidence = (1 + np.exp(rng.normal(-2, 3, hw))).astype(np.float32)
    return FrameGeometry(
        name=name,
        depth=torch.from_numpy(depth),
        confidence=torch.from_numpy(confidence),
        camera=make_camera(index, hw),
        image_hw=(130, 221),
        content_box=ContentBox(left=-1.5, top=0.0, right=221.0, bottom=130.25),
    )


def make_scene(root: Path, views: int = 3, *, content: str = "", **fields) -> Scene:
    """A scene of files, written now."""
    for index in range(views):
        for folder in ("images", "depth", "masks"):
            path = root / folder / f"{index}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(f"{folder} {index}{content}".encode())
            os.utime(path, (1e9, 1e9))
    return scene_at(root, views, **fields)


def scene_at(root: Path, views: int = 3, **fields) -> Scene:
    """The scene whose files `make_scene` wrote, as they are now."""
    return Scene(
        id=root.name,
        root=root,
        views=tuple(
            View(
                name=f"v{index}",
                picture=PictureFile(root / "images" / f"{index}.png"),
                camera=make_camera(index),
                depth=DepthFile(path=root / "depth" / f"{index}.png", unit=0.001),
                mask=MaskFile(root / "masks" / f"{index}.png"),
            )
            for index in range(views)
        ),
        left_out={},
        **fields,
    )


class CountingEstimator:
    """Gives `make_frame` of every view and counts its calls."""

    provenance = Provenance(estimator="counting", options={"windows": 2})

    def __init__(self):
        self.calls = 0

    def __call__(self, scene: Scene, *, progress=None) -> SceneGeometry:
        self.calls += 1
        return make_geometry(scene, self.provenance)


def make_geometry(scene: Scene, provenance: Provenance = CountingEstimator.provenance) -> SceneGeometry:
    """Geometry of every view but the last."""

    def outcomes():
        for index, view in enumerate(scene.views[:-1]):
            yield make_frame(view.name, index)
        yield FrameFailure(name=scene.views[-1].name, reason="too dark")
        return {"error_px": 0.25}

    return SceneGeometry(scene_id=scene.id, scale="metric", provenance=provenance, outcomes=outcomes())
