"""Pictures with depth, and cameras, for tests of the warp: lopsided on purpose, and made of whole numbers."""

from __future__ import annotations

import torch
from torch import Tensor

from warpdata.camera import Camera


def lopsided_camera(hw: tuple[int, int], *, translation=(0.0, 0.0, 0.0), rotation=None, shift_xy=(0, 0)) -> Camera:
    """fx != fy and a principal point off the centre; `shift_xy` moves it further, in pixels."""
    K = torch.tensor([[1.3 * hw[1] + 4, 0, 0.4 * hw[1]], [0, 0.9 * hw[1] + 5, 0.7 * hw[0]], [0, 0, 1]])
    K = K.double()
    K[0, 2] += shift_xy[0]
    K[1, 2] += shift_xy[1]
    pose = torch.eye(4, dtype=torch.float64)
    if rotation is not None:
        pose[:3, :3] = torch.linalg.matrix_exp(cross_matrix(rotation))
    pose[:3, 3] = torch.tensor(translation, dtype=torch.float64)
    return Camera(K=K, cam_from_world=pose, hw=hw)


def cross_matrix(axis_angle) -> Tensor:
    x, y, z = axis_angle
    return torch.tensor([[0, -z, y], [z, 0, -x], [-y, x, 0]], dtype=torch.float64)


def noise(shape: tuple[int, ...], seed: int, below: int) -> Tensor:
    """Whole numbers from 0 to `below` - 1, by integer arithmetic alone: the same for good, on any machine."""
    count = torch.Size(shape).numel()
    state = torch.arange(count, dtype=torch.int64) * 2654435761 + seed * 40503 + 12345
    for _ in range(3):
        state = (state ^ (state >> 13)) * 1274126177 & 0xFFFFFFFF
    return ((state >> 7) % below).reshape(shape)


def noise_image(hw: tuple[int, int], seed: int = 0, batch: tuple[int, ...] = ()) -> Tensor:
    return noise((*batch, 3, *hw), seed, 256).to(torch.uint8)


def steps_depth(hw: tuple[int, int], seed: int = 0, batch: tuple[int, ...] = ()) -> Tensor:
    """Depth in blocks: near boxes before a far wall, with a few pixels of no depth."""
    h, w = hw
    blocks = noise((*batch, -(-h // 5), -(-w // 7)), seed, 6)
    depth = (4 + blocks.repeat_interleave(5, -2).repeat_interleave(7, -1)[..., :h, :w]).float() / 2
    return depth.masked_fill(noise((*batch, h, w), seed + 1, 31) == 0, 0)


def pair(hw=(21, 34), seed: int = 0) -> tuple[Tensor, Tensor, Camera, Camera]:
    """Picture, depth, reference and target camera with holes, occlusions and points out of view."""
    reference = lopsided_camera(hw, rotation=(0.02, -0.01, 0.05), translation=(0.1, 0.0, 0.2))
    target = lopsided_camera(hw, rotation=(0.03, 0.08, -0.02), translation=(-0.25, 0.1, -0.1))
    return noise_image(hw, seed), steps_depth(hw, seed), reference, target
