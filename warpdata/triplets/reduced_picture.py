"""A picture with depth, reduced, to measure quickly what other cameras see of it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Float64
from torch import Tensor

from warpdata.camera import Camera, stack_cameras
from warpdata.config import RenderOptions
from warpdata.geometry.maths.resample import SamplingGrid, has_depth, resample_depth
from warpdata.render.splat import is_confident
from warpdata.triplets.reproject import SAME_SURFACE, seen_from

CELL = 2
"""Side, in pixels, of what a point hides when it is measured roughly: closed for cameras up to twice as near."""

FREE_SPACE = 0.9
"""A camera stands in front of what the picture shows: at no more than this share of the depth there."""


@dataclass(frozen=True, kw_only=True)
class ReducedPicture:
    """A picture of few pixels.

    Attributes:
        depth: (h, w), in scene units.
        confidence: like `depth`.
        is_point: which pixels become points.
        camera: of the reduced picture.
        options: of the warp.
    """

    depth: Float[Tensor, "h w"]
    confidence: Float[Tensor, "h w"]
    is_point: Bool[Tensor, "h w"]
    camera: Camera
    options: RenderOptions

    @classmethod
    def of(
        cls,
        depth: Float[Tensor, "h w"],
        confidence: Float[Tensor, "h w"],
        camera: Camera,
        options: RenderOptions,
        *,
        pixels: int,
    ) -> ReducedPicture:
        """Of at most about so many pixels.

        Args:
            camera: of the depth map.
        """
        height, width = depth.shape
        scale = min(1.0, (pixels / (height * width)) ** 0.5)
        hw = max(1, round(height * scale)), max(1, round(width * scale))
        if hw != (height, width):
            depth, confidence = resample_depth(depth, confidence, SamplingGrid.spanning((height, width), hw))
        is_point = has_depth(depth) & is_confident(confidence, options.confidence_threshold, like=depth)
        return cls(depth=depth, confidence=confidence, is_point=is_point, camera=camera.resized(hw), options=options)

    def share_seen(self, camera: Camera) -> float:
        """The share of the picture that a camera sees, as `seen_from` says; with this picture's intrinsics and size."""
        seen = seen_from(
            torch.zeros(1, 3, *self.depth.shape, dtype=torch.uint8),
            self.depth[None],
            self.confidence[None],
            stack_cameras([self.camera]),
            stack_cameras([camera]),
            options=self.options,
        )
        return seen.sum().item() / seen.numel()

    def roughly_seen(self, picture_from_cam: Float64[np.ndarray, "n 4 4"]) -> list[float]:
        """About the share of the picture that each of several cameras sees, many times faster.

        Args:
            picture_from_cam: where they stand, in the axes of this picture's camera.
        """
        (fx, _, cx), (_, fy, cy) = self.camera.K[:2].tolist()
        cam_from_picture = picture_from_cam[:, :3, :3].transpose(0, 2, 1)
        x, y = cam_from_picture[:, :, 0] / fx, cam_from_picture[:, :, 1] / fy
        moved = -(cam_from_picture @ picture_from_cam[:, :3, 3:])[:, :, 0]
        matrix = np.stack([x, y, cam_from_picture[:, :, 2] - x * cx - y * cy, moved], axis=-1).astype(np.float32)
        points = self.depth.where(self.is_point, 0).numpy()
        height, width = points.shape
        cells = np.empty((-(-height // CELL)) * (-(-width // CELL)), dtype=np.float32)
        at, z, counts = (
            np.empty(points.size, np.int32),
            np.empty(points.size, np.float32),
            np.empty(len(matrix), np.int64),
        )
        intrinsics = np.array([fx, fy, cx, cy], dtype=np.float32)
        from warpdata.triplets.seen_kernels import count_roughly  # numba takes a second to import

        count_roughly(points, matrix, intrinsics, CELL, np.float32(SAME_SURFACE), cells, at, z, counts)
        return (counts / points.size).tolist()

    def shows_before(self, centre: Float64[np.ndarray, "3"]) -> bool:
        """Whether a camera stands behind, or nearly in, what the picture shows there.

        Args:
            centre: of it, in the axes of this picture's camera.
        """
        x, y, z = centre.tolist()
        if not z > 0:
            return False
        (fx, _, cx), (_, fy, cy) = self.camera.K[:2].tolist()
        column, row = math.floor(fx * x / z + cx), math.floor(fy * y / z + cy)
        height, width = self.depth.shape
        if not (0 <= column < width and 0 <= row < height):
            return False
        return 0 < self.depth[row, column].item() * FREE_SPACE < z
