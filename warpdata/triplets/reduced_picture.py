"""A picture with depth, reduced, to measure quickly what other cameras see of it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from warpdata.camera import Camera, project, stack_cameras
from warpdata.config import RenderOptions
from warpdata.geometry.maths.resample import SamplingGrid, has_depth, resample_depth
from warpdata.render.splat import is_confident
from warpdata.render.view import view_of_depth
from warpdata.triplets.reproject import SAME_SURFACE, seen_from
from warpdata.triplets.seen_kernels import count_roughly

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

    def roughly_seen(self, cameras: Sequence[Camera]) -> list[float]:
        """About the share of the picture that each of several cameras sees, many times faster."""
        count = len(cameras)
        view = view_of_depth(stack_cameras([self.camera] * count), stack_cameras(list(cameras)))
        counts = np.empty(count, dtype=np.int64)
        (height, width), points = self.depth.shape, self.depth.where(self.is_point, 0).numpy()
        cells = np.empty((-(-height // CELL)) * (-(-width // CELL)), dtype=np.float32)
        numbers = view.cam_from_source.numpy(), view.intrinsics.numpy()
        count_roughly(points, *numbers, (height, width), CELL, np.float32(SAME_SURFACE), cells, counts)
        return (counts / points.size).tolist()

    def shows_before(self, camera: Camera) -> bool:
        """Whether a camera stands behind, or nearly in, what the picture shows there."""
        xy, z = project(camera.world_from_cam[None, :3, 3], self.camera)
        if not z.item() > 0:
            return False
        column, row = (math.floor(value) for value in xy[0].tolist())
        height, width = self.depth.shape
        if not (0 <= column < width and 0 <= row < height):
            return False
        depth = self.depth[row, column].item()
        return 0 < depth * FREE_SPACE < z.item()
