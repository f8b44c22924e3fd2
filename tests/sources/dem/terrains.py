"""Surfaces with closed forms, and cameras over them."""

from __future__ import annotations

import numpy as np
import torch

from warpdata.camera import Camera, invert_rigid
from warpdata.sources.dem.terrain import Grid, Terrain

PITCH = (30.0, 25.0)


def terrain_of(heights: np.ndarray, pitch_xy: tuple[float, float] = PITCH) -> Terrain:
    """Heights about the origin, with an image that shows where it is: red grows to the east, green to the south."""
    height, width = heights.shape
    grid = Grid(first_xy=(-(width - 1) / 2 * pitch_xy[0], (height - 1) / 2 * pitch_xy[1]), pitch_xy=pitch_xy)
    texture = np.zeros((height, width, 3), np.uint8)
    texture[..., 0] = np.linspace(0, 255, width)[None, :].round()
    texture[..., 1] = np.linspace(0, 255, height)[:, None].round()
    return Terrain(
        heights=heights.astype(np.float64),
        grid=grid,
        texture=texture,
        textured=np.isfinite(heights),
        texture_grid=grid,
    )


def ground_xy(terrain: Terrain) -> tuple[np.ndarray, np.ndarray]:
    """x of every column and y of every row, metres."""
    height, width = terrain.heights.shape
    (x, y), (across, down) = terrain.grid.first_xy, terrain.grid.pitch_xy
    return x + across * np.arange(width), y - down * np.arange(height)


def look_at(eye, at, hw=(38, 50)) -> Camera:
    """A lopsided camera: fx != fy, the principal point off centre."""
    forward = np.subtract(at, eye).astype(float)
    forward /= np.linalg.norm(forward)
    up = np.array([0.0, 0.0, 1.0]) if abs(forward[2]) < 0.999 else np.array([0.0, 1.0, 0.0])
    right = np.cross(forward, up)
    right /= np.linalg.norm(right)
    world_from_cam = np.eye(4)
    world_from_cam[:3, :3] = np.stack([right, np.cross(forward, right), forward], axis=1)
    world_from_cam[:3, 3] = eye
    K = torch.tensor([[51.0, 0, 24.5], [0, 47, 17.25], [0, 0, 1]], dtype=torch.float64)
    return Camera(K=K, cam_from_world=invert_rigid(torch.from_numpy(world_from_cam)), hw=hw)


def rough(hw=(60, 90), seed=0, holes=0) -> np.ndarray:
    """Hills of all sizes and single high pixels."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0 : hw[0], 0 : hw[1]]
    heights = 120 * np.sin(x / 9 + 1) * np.cos(y / 7) + 40 * np.sin(x / 3 - y / 4) + rng.normal(0, 15, hw)
    heights[rng.integers(hw[0], size=20), rng.integers(hw[1], size=20)] += 200
    for _ in range(holes):
        heights[rng.integers(hw[0]), rng.integers(hw[1])] = np.nan
    return heights
