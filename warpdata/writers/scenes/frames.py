"""A scene as the triplets show it, frame by frame: what its own exports are made from."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float, Float64, UInt8
from torch import Tensor

from warpdata.camera import Camera, unproject
from warpdata.errors import CacheError, ViewError
from warpdata.formats.jpeg_png import encode_picture
from warpdata.formats.ply import PointCloud
from warpdata.geometry.maths.fit import fit_depth
from warpdata.sources.fit import fit_image
from warpdata.sources.picture import Picture
from warpdata.triplets.scene_pairs import ScenePairs

MAX_POINTS = 100_000
"""Points of a scene, taken evenly from its depth maps: enough to start a reconstruction from."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class SceneFrame:
    """One view at the size of the triplets.

    Attributes:
        name: the view's name.
        image: sRGB.
        depth: planar z-depth in the scene's unit, 0 where there is none.
        confidence: of the depth, on the estimator's own scale.
        camera: of `image`, float64.
    """

    name: str
    image: UInt8[Tensor, "3 H W"]
    depth: Float[Tensor, "H W"]
    confidence: Float[Tensor, "H W"]
    camera: Camera

    @property
    def pinhole(self) -> tuple[float, float, float, float]:
        """fx, fy, cx, cy in pixels; the first pixel's centre is at (0.5, 0.5)."""
        K = self.camera.K
        return K[0, 0].item(), K[1, 1].item(), K[0, 2].item(), K[1, 2].item()

    @property
    def K(self) -> Float64[np.ndarray, "3 3"]:
        return self.camera.K.numpy()

    @property
    def cam_from_world(self) -> Float64[np.ndarray, "4 4"]:
        return self.camera.cam_from_world.numpy()

    @property
    def world_from_cam(self) -> Float64[np.ndarray, "4 4"]:
        return self.camera.world_from_cam.numpy()

    def points(self, budget: int) -> PointCloud:
        """At most `budget` points of its depth map, on an even grid."""
        height, width = self.depth.shape
        step = max(1, int(np.ceil(np.sqrt(height * width / budget))))
        kept = torch.zeros_like(self.depth, dtype=torch.bool)
        kept[step // 2 :: step, step // 2 :: step] = True
        kept &= self.depth > 0
        return PointCloud(
            xyz=unproject(self.depth, self.camera)[kept],
            rgb=self.image[:, kept].T,
            confidence=self.confidence[kept],
        )


@dataclass
class SceneFrames:
    """The frames of one scene, decoded one at a time whenever they are iterated.

    Attributes:
        scene_id: the scene.
        scale: whether its unit is the metre.
        left_out: view -> why it could not be read; complete after an iteration. Views that no pair is made of are
            not among the frames.
    """

    pairs: ScenePairs
    left_out: dict[str, str] = field(default_factory=dict)

    @property
    def scene_id(self) -> str:
        return self.pairs.entry.scene_id

    @property
    def key(self) -> str:
        """What the scene's geometry is known by: other pictures or another estimator, another key."""
        return self.pairs.entry.key

    @property
    def scale(self) -> Literal["metric", "arbitrary"]:
        return self.pairs.entry.scale

    @property
    def license(self) -> str | None:
        """Of the pictures, as their source states it."""
        return self.pairs.entry.header.source_license

    def __len__(self) -> int:
        return len(self.pairs.entry) - len(self.pairs.left_out)

    def __iter__(self) -> Iterator[SceneFrame]:
        for index, (name, picture) in enumerate(zip(self.pairs.entry.names, self.pairs.pictures, strict=True)):
            if name in self.pairs.left_out:
                continue
            try:
                yield self._frame(index, picture)
            except (ViewError, CacheError) as error:
                self.left_out[name] = str(error)

    def _frame(self, index: int, picture: Picture) -> SceneFrame:
        geometry = self.pairs.entry.frame(index)
        fit = fit_image(geometry.image_hw, self.pairs.output_hw, self.pairs.size.preprocess_mode)
        depth, confidence = fit_depth(geometry, fit)
        return SceneFrame(
            name=geometry.name,
            image=picture.load(fit),
            depth=depth,
            confidence=confidence,
            camera=fit.map_camera(geometry.image_camera),
        )


class PointSampler:
    """Collects points of frames, at most `MAX_POINTS` of a scene."""

    def __init__(self, num_frames: int):
        self._budget = max(1, MAX_POINTS // max(1, num_frames))
        self._clouds: list[PointCloud] = []

    def add(self, frame: SceneFrame) -> None:
        """Take a frame's share."""
        self._clouds.append(frame.points(self._budget))

    def cloud(self) -> PointCloud:
        """All of them, in the order of the frames."""
        return PointCloud(
            xyz=torch.cat([cloud.xyz for cloud in self._clouds]),
            rgb=torch.cat([cloud.rgb for cloud in self._clouds]),
            confidence=torch.cat([cloud.confidence for cloud in self._clouds]),
        )


def save_image(image: UInt8[Tensor, "c H W"], path: Path) -> None:
    """Write a picture as JPEG (.jpg) or PNG (.png); makes its folder."""
    save_bytes(encode_picture(image, path.suffix[1:]), path)


def save_bytes(data: bytes, path: Path) -> None:
    """Write a file; makes its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
