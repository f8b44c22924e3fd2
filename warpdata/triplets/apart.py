"""Which pairs of views cannot share anything, told without rendering one in the other.

A view's depth map is cut into tiles. What a tile shows lies in the solid between the rays through its corners, from its
least to its greatest depth. Where every tile's solid lies wholly beyond one side of the other view's pyramid, nothing
of the first view can fall into the second: the measured share would be 0, whatever the tiles hold.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from warpdata.camera import Camera
from warpdata.geometry.types import FrameGeometry

TILES = 8
"""Along each side of a depth map."""

MARGIN_PX = 1.0
"""Solids as near as this to a view count as in it: the warp rounds to float32."""


def solids(frame: FrameGeometry, confidence_threshold: float) -> Float[Tensor, "n 8 3"]:
    """Corners, in world coordinates, of the solids that a frame's points lie in; one a tile that has points.

    Args:
        confidence_threshold: points below it do not count.
    """
    height, width = frame.depth.shape
    valid = (frame.depth > 0) & (frame.confidence >= confidence_threshold)
    rows, columns = _edges(height), _edges(width)
    nearest, farthest, corners = [], [], []
    for top, bottom in pairwise(rows):
        for left, right in pairwise(columns):
            inside = frame.depth[top:bottom, left:right][valid[top:bottom, left:right]]
            if inside.numel():
                nearest.append(inside.min())
                farthest.append(inside.max())
                corners.append([(left, top), (right, top), (left, bottom), (right, bottom)])
    if not corners:
        return torch.empty(0, 8, 3, dtype=torch.float64)
    camera = frame.camera.to(dtype=torch.float64)
    rays = camera.rays(torch.tensor(corners, dtype=torch.float64))
    depths = torch.stack([torch.stack(nearest), torch.stack(farthest)], dim=1).double()
    in_camera = (rays[:, None] * depths[:, :, None, None]).flatten(1, 2)
    world_from_cam = camera.world_from_cam
    return in_camera @ world_from_cam[:3, :3].mT + world_from_cam[:3, 3]


def all_beyond(corners: Float[Tensor, "n 8 3"], camera: Camera) -> bool:
    """Whether no point of the solids can be seen by a camera."""
    camera = camera.to(dtype=torch.float64)
    in_camera = corners @ camera.cam_from_world[:3, :3].mT + camera.cam_from_world[:3, 3]
    x, y, z = in_camera.unbind(-1)
    (fx, _, cx), (_, fy, cy) = camera.K[:2].tolist()
    height, width = camera.hw
    sides: list[Bool[Tensor, "n 8"]] = [
        z <= 0,
        fx * x + (cx + MARGIN_PX) * z < 0,
        fx * x + (cx - width - MARGIN_PX) * z > 0,
        fy * y + (cy + MARGIN_PX) * z < 0,
        fy * y + (cy - height - MARGIN_PX) * z > 0,
    ]
    return bool(torch.stack([side.all(dim=-1) for side in sides]).any(dim=0).all())


def _edges(length: int) -> list[int]:
    """Where the tiles of a side begin and end."""
    return sorted({round(tile * length / TILES) for tile in range(TILES + 1)})
