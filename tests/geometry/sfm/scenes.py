"""Small textured worlds with known cameras, photographed by casting a ray through every pixel."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image

from warpdata.camera import Camera, pixel_centres
from warpdata.sources import PictureFile, Scene, View

HW = (180, 250)


def texture(seed: int, size: int = 512) -> np.ndarray:
    """(size, size, 3) in [0, 255]: noise of several sizes, so that it has features at every distance."""
    generator = np.random.default_rng(seed)
    total = np.zeros((size, size, 3))
    for cells in (8, 32, 128):
        noise = (generator.random((cells, cells, 3)) * 255).astype(np.uint8)
        total += np.asarray(Image.fromarray(noise).resize((size, size), Image.Resampling.BICUBIC), dtype=np.float64)
    total = (total - total.mean()) * 0.8 + 128
    return total.clip(0, 255)


TEXTURES = [texture(seed) for seed in range(2)]


def camera(x: float, y: float = 0.0, *, yaw_deg: float = 0.0, z: float = 0.0) -> Camera:
    """At (x, y, z), turned about the vertical axis, with a lopsided principal point for 250 x 180 pixels."""
    K = torch.tensor([[260.0, 0, 125], [0, 260, 90], [0, 0, 1]], dtype=torch.float64)
    angle = np.radians(yaw_deg)
    rotation = torch.tensor(
        [[np.cos(angle), 0, -np.sin(angle)], [0, 1, 0], [np.sin(angle), 0, np.cos(angle)]], dtype=torch.float64
    )
    pose = torch.eye(4, dtype=torch.float64)
    pose[:3, :3] = rotation
    pose[:3, 3] = -rotation @ torch.tensor([x, y, z], dtype=torch.float64)
    return Camera(K=K, cam_from_world=pose, hw=HW)


def photograph(camera: Camera) -> tuple[np.ndarray, torch.Tensor]:
    """Picture (h, w, 3) uint8 and z-depth (h, w) of a slanted wall 4 to 5 away with a square card before it."""
    K, world_from_cam = camera.K, camera.world_from_cam
    xy = pixel_centres(camera.hw, dtype=torch.float64)
    rays = torch.cat([(xy - K[:2, 2]) / K[0, 0], torch.ones(*camera.hw, 1, dtype=torch.float64)], dim=-1)
    directions, centre = rays @ world_from_cam[:3, :3].mT, world_from_cam[:3, 3]
    # Planes n·p = d: the wall z = 4.5 + 0.3 x, and the card z = 3 for |x - 0.1|, |y| <= 0.45.
    depth = torch.full(camera.hw, torch.inf, dtype=torch.float64)
    picture = np.zeros((*camera.hw, 3))
    for index, (normal, distance) in enumerate((((-0.3, 0.0, 1.0), 4.5), ((0.0, 0.0, 1.0), 3.0))):
        normal = torch.tensor(normal, dtype=torch.float64)
        along = (distance - centre @ normal) / (directions @ normal)
        points = centre + along[..., None] * directions
        hit = (along > 0) & (along < depth)
        if index == 1:
            hit &= ((points[..., 0] - 0.1).abs() <= 0.45) & (points[..., 1].abs() <= 0.45)
        depth = torch.where(hit, along, depth)
        sampled = sample(TEXTURES[index], points[..., :2].numpy() * 110)
        picture = np.where(hit.numpy()[..., None], sampled, picture)
    return picture.round().astype(np.uint8), depth


def sample(image: np.ndarray, xy: np.ndarray) -> np.ndarray:
    """Bilinear, repeating."""
    size = len(image)
    low = np.floor(xy).astype(int)
    fx, fy = np.moveaxis((xy - low)[..., None], -2, 0)
    rows = [low[..., 1] % size, (low[..., 1] + 1) % size]
    columns = [low[..., 0] % size, (low[..., 0] + 1) % size]
    top = image[rows[0], columns[0]] * (1 - fx) + image[rows[0], columns[1]] * fx
    bottom = image[rows[1], columns[0]] * (1 - fx) + image[rows[1], columns[1]] * fx
    return top * (1 - fy) + bottom * fy


def scene_of(folder: Path, pictures: list[np.ndarray], cameras: list[Camera] | None = None) -> Scene:
    """A scene of pictures written to a folder, with their cameras if they are to be known."""
    views = []
    for index, picture in enumerate(pictures):
        path = folder / f"v{index}.png"
        Image.fromarray(picture).save(path)
        views.append(
            View(name=f"v{index}", picture=PictureFile(path), camera=None if cameras is None else cameras[index])
        )
    return Scene(id="s", root=folder, views=tuple(views), left_out={})


def path_of_cameras(count: int) -> list[Camera]:
    """Cameras on an arc, all of which see the card."""
    return [
        camera(x, 0.1 * (index % 3), yaw_deg=-8 * x, z=0.05 * (index % 2))
        for index, x in enumerate(np.linspace(-0.9, 0.9, count).tolist())
    ]
