"""The points of a scene's depth, thinned to a number that a browser can draw, each with a colour."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Sequence
from typing import Literal

import cv2
import numpy as np
import torch
from jaxtyping import Float32, Float64, UInt8
from torch import Tensor

from warpdata.camera import unproject
from warpdata.geometry.types import FrameGeometry

MAX_VIEWS = 60
"""Views whose points are drawn together; of more, so many in equal steps."""

ColourBy = Literal["picture", "confidence", "view"]


def scene_points(
    frames: Sequence[Callable[[], FrameGeometry]],
    pictures: Sequence[Callable[[], UInt8[Tensor, "3 H W"]]],
    *,
    budget: int,
    colour_by: ColourBy = "picture",
    confidence_threshold: float = 1.01,
) -> bytes:
    """Points of several views for the page: a number (uint32), 4 unused bytes, the origin (3 float64), then all
    positions against it (float32) and all colours (3 bytes each); little-endian.

    Every view gives pixels in equal steps along rows and columns, of those with depth and confidence.

    Args:
        frames, pictures: of the views, opened one at a time.
        budget: most points.

    Raises:
        ViewError, CacheError: a picture or a view's geometry cannot be read.
    """
    used = range(len(frames))
    if len(frames) > MAX_VIEWS:
        used = np.linspace(0, len(frames) - 1, MAX_VIEWS).round().astype(int).tolist()
    positions, colours = [], []
    for view in used:
        frame = frames[view]()
        step = step_within(frame.camera.hw, budget // len(used))
        depth, confidence = frame.depth[::step, ::step], frame.confidence[::step, ::step]
        is_point = (depth > 0) & (confidence >= confidence_threshold)
        positions.append(unproject(frame.depth.double(), frame.camera)[::step, ::step][is_point].numpy())
        if colour_by == "picture":
            colours.append(_of_picture(frame, pictures[view]())[::step, ::step][is_point.numpy()])
        elif colour_by == "confidence":
            colours.append(_turbo((255 * (1 - 1 / confidence[is_point])).numpy()))
        else:
            colours.append(np.broadcast_to(_hue(view, len(frames)), (int(is_point.sum()), 3)))
    xyz: Float64[np.ndarray, "n 3"] = np.concatenate(positions) if positions else np.zeros((0, 3))
    rgb: UInt8[np.ndarray, "n 3"] = np.concatenate(colours) if colours else np.zeros((0, 3), np.uint8)
    origin = np.median(xyz, axis=0) if len(xyz) else np.zeros(3)
    near: Float32[np.ndarray, "n 3"] = (xyz - origin).astype("<f4")
    return struct.pack("<I4x3d", len(xyz), *origin) + near.tobytes() + np.ascontiguousarray(rgb).tobytes()


def step_within(hw: tuple[int, int], most: int) -> int:
    """The smallest step along rows and columns that leaves at most so many pixels, at least one."""
    step = max(1, math.isqrt(hw[0] * hw[1] // max(most, 1)))
    while math.ceil(hw[0] / step) * math.ceil(hw[1] / step) > max(most, 1):
        step += 1
    return step


def _of_picture(frame: FrameGeometry, picture: UInt8[Tensor, "3 H W"]) -> UInt8[np.ndarray, "h w 3"]:
    """The picture's nearest pixel for every pixel of the depth map."""
    (height, width), box = frame.camera.hw, frame.content_box
    rows = box.top + (torch.arange(height) + 0.5) * (box.bottom - box.top) / height
    columns = box.left + (torch.arange(width) + 0.5) * (box.right - box.left) / width
    y = rows.long().clamp(0, picture.shape[1] - 1)
    x = columns.long().clamp(0, picture.shape[2] - 1)
    return picture[:, y][:, :, x].permute(1, 2, 0).numpy()


def depth_picture(depth: Float32[np.ndarray, "h w"]) -> tuple[UInt8[np.ndarray, "h w 3"], float, float]:
    """Depth in colours, near red and far blue, black where there is none; and the depths of the ends of the scale."""
    known = depth[depth > 0]
    near, far = np.percentile(known, (2, 98)).tolist() if known.size else (0.0, 1.0)
    levels = 255 * (1 - np.clip((depth - near) / max(far - near, 1e-12), 0, 1))
    colours = _turbo(levels.reshape(-1)).reshape(*depth.shape, 3)
    return np.where((depth > 0)[..., None], colours, np.uint8(0)), near, far


def _turbo(levels: np.ndarray) -> UInt8[np.ndarray, "n 3"]:
    bytes_ = np.clip(levels, 0, 255).astype(np.uint8)
    return cv2.applyColorMap(bytes_.reshape(-1, 1), cv2.COLORMAP_TURBO).reshape(-1, 3)[:, ::-1]


def _hue(view: int, count: int) -> UInt8[np.ndarray, " 3"]:
    hsv = np.array([[[round(179 * view / max(count, 1)), 200, 240]]], np.uint8)
    return cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)[0, 0]
