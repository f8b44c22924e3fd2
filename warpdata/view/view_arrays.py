"""A view's picture, depth and confidence on one grid, so that one pixel is the same place in all of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float32, UInt8
from torch import Tensor

from warpdata.camera import Camera, pixel_centres
from warpdata.geometry.types import FrameGeometry
from warpdata.view.points import depth_picture

ROLES = ("picture", "depth", "confidence")


@dataclass(frozen=True, kw_only=True)
class ViewArrays:
    """The arrays of a view at the size of a picture.

    Attributes:
        picture: the view's own.
        depth: of the nearest pixel of the depth map, in scene units; 0 where there is none or it lies outside.
        confidence: of the same pixel; 1 where it lies outside.
    """

    picture: UInt8[Tensor, "3 H W"]
    depth: Float32[np.ndarray, "H W"]
    confidence: Float32[np.ndarray, "H W"]

    @classmethod
    def of(cls, frame: FrameGeometry, camera: Camera, load: Callable[[], UInt8[Tensor, "3 H W"]]) -> ViewArrays:
        """Of a frame.

        Args:
            camera: of the picture at its size; its pose is the frame's.
            load: gives that picture.
        """
        centres = pixel_centres(camera.hw, dtype=torch.float64)
        xy = (camera.rays(centres) @ frame.camera.K.double().mT)[..., :2]  # rays have z = 1
        column, row = xy.floor().long().unbind(-1)
        height, width = frame.camera.hw
        inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
        at = row.clamp(0, height - 1), column.clamp(0, width - 1)
        depth = torch.where(inside, frame.depth[at], 0.0)
        confidence = torch.where(inside, frame.confidence[at], 1.0)
        return cls(picture=load(), depth=depth.numpy(), confidence=confidence.numpy())

    @property
    def num_bytes(self) -> int:
        """Memory that they take."""
        return self.picture.numel() + self.depth.nbytes + self.confidence.nbytes

    def shown(self, role: str) -> UInt8[Tensor, "3 H W"]:
        """What one of them looks like: depth in colours, confidence on the scale 255 (1 - 1/c)."""
        if role == "picture":
            return self.picture
        if role == "depth":
            return torch.from_numpy(depth_picture(self.depth)[0]).permute(2, 0, 1).contiguous()
        levels = np.where(self.depth > 0, 255 * (1 - 1 / np.maximum(self.confidence, 1)), 0).round().astype(np.uint8)
        return torch.from_numpy(levels).expand(3, -1, -1).contiguous()

    def probe(self, x: int, y: int, unit: str) -> dict[str, dict[str, Any]]:
        """The values of a pixel.

        Raises:
            ValueError: it lies outside.
        """
        height, width = self.depth.shape
        if not (0 <= x < width and 0 <= y < height):
            raise ValueError(f"pixel ({x}, {y}) lies outside of {width} x {height}")
        rgb, depth, confidence = self.picture[:, y, x].tolist(), float(self.depth[y, x]), float(self.confidence[y, x])
        return {
            "picture": {"values": rgb, "says": "RGB " + " ".join(map(str, rgb))},
            "depth": {"values": [depth], "says": f"{depth:.6g} {unit}" if depth else "no depth"},
            "confidence": {"values": [confidence], "says": f"confidence {confidence:.6g}"},
        }
