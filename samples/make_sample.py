"""Make the sample scene `room`: ten views of a ray-cast room, with exact cameras and depth.

    python samples/make_sample.py [OUTPUT_DIR]

Everything is computed here: there are no assets. The world is in metres, z up. Colours are averaged over 3x3 rays a
pixel; depth is that of the ray through the pixel's centre, as 16-bit PNG in millimetres.
"""

from __future__ import annotations

import argparse
import json
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

HW = (480, 640)
FX, FY, CX, CY = 566.0, 553.0, 331.5, 233.25
VIEWS = 10
RAYS_PER_SIDE = 3
ROWS_AT_ONCE = 24
JPEG_QUALITY = 90
LIGHT = torch.tensor([-0.9, -1.1, 2.6], dtype=torch.float64)
AMBIENT = 0.36


@dataclass(frozen=True)
class Box:
    """A box turned about the vertical; `inside` shows its inner faces, as of a room."""

    centre: tuple[float, float, float]
    size: tuple[float, float, float]
    yaw: float
    material: str
    inside: bool = False


@dataclass(frozen=True)
class Sphere:
    centre: tuple[float, float, float]
    radius: float
    material: str


@dataclass(frozen=True)
class Pole:
    """An upright cylinder without lids."""

    foot: tuple[float, float, float]
    height: float
    radius: float
    material: str


def table(x: float, y: float, yaw: float) -> list[Box]:
    """A table of 1.2 x 0.7 m, 0.72 m high, on four thin legs."""
    parts = [Box((x, y, 0.70), (1.2, 0.7, 0.04), yaw, "oak")]
    for along, across in ((-0.55, -0.3), (-0.55, 0.3), (0.55, -0.3), (0.55, 0.3)):
        leg = (x + along * math.cos(yaw) - across * math.sin(yaw), y + along * math.sin(yaw) + across * math.cos(yaw))
        parts.append(Box((*leg, 0.34), (0.035, 0.035, 0.68), yaw, "oak"))
    return parts


def trellis(x: float, y: float, yaw: float) -> list[Box]:
    """A lattice of slats 18 mm wide that the room is seen through."""
    parts = []
    for k in range(4):
        along = 0.34 * (k - 1.5)
        foot = (x + along * math.cos(yaw), y + along * math.sin(yaw))
        parts.append(Box((*foot, 0.75), (0.018, 0.012, 1.5), yaw, "slat"))
    parts += [Box((x, y, 0.2 + 0.4 * k), (1.1, 0.012, 0.018), yaw, "slat") for k in range(4)]
    return parts


SCENE: list[Box | Sphere | Pole] = [
    Box((0.0, 0.3, 1.4), (6.4, 6.2, 2.8), 0.0, "room", inside=True),
    Box((0.0, 0.3, 0.0), (6.4, 6.2, 0.002), 0.0, "floor"),
    *table(0.25, 0.7, 0.25),
    Box((0.0, 0.72, 0.835), (0.34, 0.22, 0.23), 0.9, "mosaic"),
    Sphere((0.52, 0.62, 0.84), 0.12, "marble"),
    Sphere((-0.55, 0.15, 0.22), 0.22, "stone"),
    Box((1.55, 1.6, 0.5), (0.7, 0.6, 1.0), -0.45, "crate"),
    Box((1.5, 1.62, 1.14), (0.32, 0.3, 0.28), 0.3, "mosaic"),
    Box((-2.35, 1.9, 0.9), (0.9, 0.45, 1.8), 0.5, "bookcase"),
    Box((0.55, 3.37, 1.65), (1.7, 0.05, 1.05), 0.0, "poster"),
    Box((-1.15, 3.36, 1.75), (0.75, 0.06, 0.95), 0.0, "mosaic"),
    Box((-3.17, 0.6, 1.6), (0.05, 1.4, 0.9), 0.0, "poster"),
    Box((3.17, 1.3, 1.5), (0.05, 1.2, 1.0), 0.0, "mosaic"),
    *trellis(-1.25, 0.95, -0.3),
    Pole((0.98, 0.05, 0.0), 1.75, 0.014, "steel"),
    Pole((-0.25, 2.3, 0.0), 2.8, 0.03, "steel"),
    Sphere((0.98, 0.05, 1.83), 0.13, "lamp"),
    Box((1.0, -0.02, 0.02), (0.3, 0.3, 0.04), 0.6, "steel"),
]

PALETTES = {
    "room": [(0.62, 0.56, 0.46), (0.42, 0.50, 0.52), (0.75, 0.70, 0.60)],
    "floor": [(0.34, 0.22, 0.14), (0.55, 0.40, 0.26), (0.66, 0.55, 0.42)],
    "oak": [(0.50, 0.30, 0.14), (0.68, 0.46, 0.25), (0.36, 0.20, 0.10)],
    "mosaic": [(0.70, 0.20, 0.15), (0.15, 0.35, 0.60), (0.85, 0.75, 0.30)],
    "marble": [(0.80, 0.80, 0.78), (0.35, 0.40, 0.45), (0.65, 0.25, 0.30)],
    "stone": [(0.30, 0.42, 0.30), (0.55, 0.60, 0.42), (0.20, 0.25, 0.22)],
    "crate": [(0.55, 0.42, 0.25), (0.35, 0.45, 0.40), (0.72, 0.60, 0.38)],
    "bookcase": [(0.25, 0.35, 0.55), (0.60, 0.30, 0.25), (0.75, 0.68, 0.50)],
    "poster": [(0.85, 0.80, 0.68), (0.20, 0.45, 0.45), (0.80, 0.40, 0.20)],
    "slat": [(0.82, 0.80, 0.74), (0.62, 0.60, 0.55), (0.90, 0.88, 0.82)],
    "steel": [(0.30, 0.32, 0.36), (0.45, 0.47, 0.50), (0.22, 0.24, 0.28)],
    "lamp": [(0.95, 0.85, 0.60), (0.90, 0.70, 0.40), (0.98, 0.92, 0.75)],
}

CELLS_PER_METRE = {"room": 4.5, "floor": 3.0, "mosaic": 14.0, "poster": 9.0, "bookcase": 8.0, "crate": 7.0}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("output", nargs="?", type=Path, default=Path(__file__).parent / "room")
    output = parser.parse_args().output
    (output / "images").mkdir(parents=True, exist_ok=True)
    (output / "depth").mkdir(exist_ok=True)
    for index in range(VIEWS):
        Image.fromarray(render(pose(index))).save(
            output / "images" / f"{index:03d}.jpg", quality=JPEG_QUALITY, subsampling=0, optimize=True
        )
        millimetres = (cast_depth(pose(index)) * 1000).round().numpy().astype(np.uint16)
        Image.fromarray(millimetres).save(output / "depth" / f"{index:03d}.png", optimize=True)
        print(f"view {index + 1} of {VIEWS}")
    (output / "transforms.json").write_text(transforms(), encoding="utf-8", newline="\n")


def transforms() -> str:
    """The cameras as nerfstudio's transforms.json: camera to world, OpenGL axes."""
    opencv_from_opengl = torch.diag(torch.tensor([1, -1, -1, 1], dtype=torch.float64))
    frames = [
        {
            "file_path": f"images/{index:03d}.jpg",
            "depth_file_path": f"depth/{index:03d}.png",
            "transform_matrix": [
                [round(value, 12) + 0.0 for value in row] for row in (pose(index) @ opencv_from_opengl).tolist()
            ],
        }
        for index in range(VIEWS)
    ]
    content = {
        "camera_model": "PINHOLE",
        "fl_x": FX,
        "fl_y": FY,
        "cx": CX,
        "cy": CY,
        "w": HW[1],
        "h": HW[0],
        "depth_unit_scale_factor": 0.001,
        "scale_type": "metric",
        "license": "CC0-1.0",
        "frames": frames,
    }
    return json.dumps(content, indent=1) + "\n"


def pose(index: int) -> Tensor:
    """world_from_cam, OpenCV axes: the camera walks from left to right in a shallow arc and looks at the table."""
    s = index / (VIEWS - 1) * 2 - 1
    position = torch.tensor([1.45 * s, -2.35 + 0.35 * s * s, 1.42 + 0.16 * math.sin(2.4 * s)], dtype=torch.float64)
    look_at = torch.tensor([0.35 * s, 1.2, 0.88 + 0.05 * math.cos(3 * s)], dtype=torch.float64)
    roll = 0.03 * math.sin(3.1 * s)
    forward = torch.nn.functional.normalize(look_at - position, dim=0)
    right = torch.nn.functional.normalize(torch.linalg.cross(forward, torch.tensor([0.0, 0.0, 1.0]).double()), dim=0)
    down = torch.linalg.cross(forward, right)
    world_from_cam = torch.eye(4, dtype=torch.float64)
    world_from_cam[:3, 0] = math.cos(roll) * right + math.sin(roll) * down
    world_from_cam[:3, 1] = math.cos(roll) * down - math.sin(roll) * right
    world_from_cam[:3, 2] = forward
    world_from_cam[:3, 3] = position
    return world_from_cam


def rays(world_from_cam: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """World directions through image positions; one unit along each is one unit of planar depth."""
    in_camera = torch.stack([(x - CX) / FX, (y - CY) / FY, torch.ones_like(x)], dim=-1)
    return in_camera @ world_from_cam[:3, :3].T


def cast_depth(world_from_cam: Tensor, xy: Tensor | None = None) -> Tensor:
    """Planar depth in metres at image positions (..., 2), by default at every pixel's centre."""
    if xy is None:
        y, x = torch.meshgrid(*[torch.arange(n, dtype=torch.float64) + 0.5 for n in HW], indexing="ij")
        xy = torch.stack([x, y], dim=-1)
    directions = rays(world_from_cam, xy[..., 0], xy[..., 1]).reshape(-1, 3)
    origins = world_from_cam[:3, 3].expand_as(directions)
    return intersect(origins, directions).distance.reshape(xy.shape[:-1])


def render(world_from_cam: Tensor) -> np.ndarray:
    """The picture, sRGB bytes (H, W, 3): the mean light of RAYS_PER_SIDE squared rays a pixel."""
    n = RAYS_PER_SIDE
    x = (torch.arange(HW[1] * n, dtype=torch.float64) + 0.5) / n
    strips = []
    for row in range(0, HW[0], ROWS_AT_ONCE):
        y = row + (torch.arange(ROWS_AT_ONCE * n, dtype=torch.float64) + 0.5) / n
        grid_y, grid_x = torch.meshgrid(y, x, indexing="ij")
        directions = rays(world_from_cam, grid_x, grid_y).reshape(-1, 3)
        light = shade(world_from_cam[:3, 3].expand_as(directions), directions)
        strips.append(light.reshape(ROWS_AT_ONCE, n, HW[1], n, 3).mean(dim=(1, 3)))
    encoded = torch.cat(strips).clamp(0, 1) ** (1 / 2.2)
    return (255 * encoded).round().to(torch.uint8).numpy()


def shade(origins: Tensor, directions: Tensor) -> Tensor:
    """Light along each ray: a lamp with sharp shadows and an even ambient part; nothing depends on the viewer."""
    hits = intersect(origins, directions)
    normals, colours = torch.zeros_like(origins), torch.zeros_like(origins)
    for index, thing in enumerate(SCENE):
        hit = hits.thing == index
        if hit.any():
            normals[hit] = hits.normal[hit] @ local_from_world(thing)
            colours[hit] = albedo(hits.position[hit], hits.normal[hit], thing.material, index)
    points = origins + directions * hits.distance[:, None]
    to_light = LIGHT - points
    blocked = intersect(points + 1e-4 * normals, to_light).distance < 1 - 1e-3
    cosine = (normals * torch.nn.functional.normalize(to_light, dim=-1)).sum(dim=-1).clamp(min=0)
    lamp = torch.where(blocked, 0, cosine) * 2.6 / (1 + 0.35 * (to_light**2).sum(dim=-1))
    return colours * (AMBIENT + 0.12 * normals[:, 2] + lamp)[:, None]


@dataclass(frozen=True)
class Hits:
    """The nearest hit of each ray.

    Attributes:
        distance: in lengths of the ray's direction; infinite where nothing is hit.
        thing: index in SCENE, -1 where nothing is hit.
        position: of the hit, in the thing's own axes.
        normal: of the surface there, in the thing's own axes.
    """

    distance: Tensor
    thing: Tensor
    position: Tensor
    normal: Tensor


def intersect(origins: Tensor, directions: Tensor) -> Hits:
    """Cast rays at every thing whose bounding sphere they meet."""
    distance = torch.full(origins.shape[:1], torch.inf, dtype=torch.float64)
    hits = Hits(distance, torch.full(origins.shape[:1], -1), torch.zeros_like(origins), torch.zeros_like(origins))
    length_squared = (directions**2).sum(dim=-1)
    for index, thing in enumerate(SCENE):
        centre, radius = bounds(thing)
        to_centre = centre - origins
        along = (to_centre * directions).sum(dim=-1) / length_squared
        near = (to_centre - along[:, None] * directions).square().sum(dim=-1) <= radius**2
        rays = near.nonzero()[:, 0]
        turn = local_from_world(thing)
        origin, direction = (origins[rays] - centre) @ turn.T, directions[rays] @ turn.T
        distance, normal = HIT[type(thing)](thing, origin, direction)
        closer = (distance > 1e-6) & (distance < hits.distance[rays])
        rays, distance = rays[closer], distance[closer]
        hits.distance[rays], hits.thing[rays] = distance, index
        hits.position[rays] = origin[closer] + direction[closer] * distance[:, None]
        hits.normal[rays] = normal[closer]
    return hits


def bounds(thing: Box | Sphere | Pole) -> tuple[Tensor, float]:
    """Centre and radius of a sphere around a thing."""
    if isinstance(thing, Box):
        return torch.tensor(thing.centre, dtype=torch.float64), math.hypot(*thing.size) / 2
    if isinstance(thing, Sphere):
        return torch.tensor(thing.centre, dtype=torch.float64), thing.radius
    x, y, z = thing.foot
    centre = torch.tensor([x, y, z + thing.height / 2], dtype=torch.float64)
    return centre, math.hypot(thing.radius, thing.height / 2)


def local_from_world(thing: Box | Sphere | Pole) -> Tensor:
    """The rotation from world axes to those of a thing, whose origin is the centre of its bounds."""
    yaw = thing.yaw if isinstance(thing, Box) else 0.0
    cos, sin = math.cos(yaw), math.sin(yaw)
    return torch.tensor([[cos, sin, 0], [-sin, cos, 0], [0, 0, 1]], dtype=torch.float64)


def hit_box(box: Box, origin: Tensor, direction: Tensor) -> tuple[Tensor, Tensor]:
    half = torch.tensor(box.size, dtype=torch.float64) / 2
    inverse = 1 / torch.where(direction == 0, 1e-12, direction)
    to_planes = torch.stack([(-half - origin) * inverse, (half - origin) * inverse])
    enter, enter_axis = to_planes.amin(dim=0).max(dim=-1)
    leave, leave_axis = to_planes.amax(dim=0).min(dim=-1)
    distance, axis = (leave, leave_axis) if box.inside else (enter, enter_axis)
    axis = axis[:, None]
    normal = torch.zeros_like(direction).scatter(1, axis, -direction.gather(1, axis).sign())
    return torch.where(enter < leave, distance, torch.inf), normal


def hit_sphere(sphere: Sphere, origin: Tensor, direction: Tensor) -> tuple[Tensor, Tensor]:
    distance = nearest_root(origin, direction, sphere.radius)
    return distance, (origin + direction * distance[:, None]) / sphere.radius


def hit_pole(pole: Pole, origin: Tensor, direction: Tensor) -> tuple[Tensor, Tensor]:
    distance = nearest_root(origin[:, :2], direction[:, :2], pole.radius)
    position = origin + direction * distance[:, None]
    distance = torch.where(position[:, 2].abs() <= pole.height / 2, distance, torch.inf)
    return distance, position * torch.tensor([1.0, 1.0, 0.0], dtype=torch.float64) / pole.radius


HIT = {Box: hit_box, Sphere: hit_sphere, Pole: hit_pole}


def nearest_root(origins: Tensor, directions: Tensor, radius: float) -> Tensor:
    """Smaller solution of |origin + t direction| = radius, infinite where there is none."""
    a, b = (directions**2).sum(dim=-1), (origins * directions).sum(dim=-1)
    discriminant = b * b - a * ((origins**2).sum(dim=-1) - radius**2)
    return torch.where(discriminant > 0, (-b - discriminant.clamp(min=0).sqrt()) / a, torch.inf)


def albedo(local: Tensor, normals: Tensor, material: str, index: int) -> Tensor:
    """Linear colour of a surface point: clouds of noise, and chips of colour with dark joints. Nothing repeats."""
    face = normals.abs().argmax(dim=-1)
    side = face * 2 + (normals.gather(1, face[:, None])[:, 0] > 0)
    # Seen along its dominant axis a surface is a plane; spheres get a seam, which is one more thing to match.
    others = torch.tensor([[1, 2], [0, 2], [0, 1]])[face]
    uv = local.gather(1, others)
    seed = index * 16 + side
    first, second, third = (torch.tensor(colour, dtype=torch.float64) for colour in PALETTES[material])
    clouds = sum(0.5**k * noise(uv * (2.3 * 2**k), seed + 1000 * k) for k in range(6)) / 1.97
    colour = first + (second - first) * (1.8 * (clouds - 0.5) + 0.5).clamp(0, 1)[:, None]
    if material in CELLS_PER_METRE:
        chip, joint, tint = cells(uv * CELLS_PER_METRE[material], seed + 77)
        strength = 0.75 if material in ("mosaic", "poster") else 0.45
        painted = (chip > (0.25 if material in ("mosaic", "poster") else 0.6)).double()[:, None]
        chip_colour = third * 0.4 + 0.6 * tint
        colour = colour + strength * painted * (chip_colour - colour)
        colour = colour * (1 - 0.55 * painted * (joint < 0.07).double()[:, None])
    grain = noise(uv * 95, seed + 5) * 0.5 + noise(uv * 41, seed + 6) * 0.5
    return (colour * (0.72 + 0.56 * grain)[:, None]).clamp(0.01, 1)


def noise(uv: Tensor, seed: Tensor) -> Tensor:
    """Smooth noise between 0 and 1 with one random value at each whole position."""
    base = uv.floor()
    weight = uv - base
    weight = weight * weight * (3 - 2 * weight)
    column, row = base.long().unbind(dim=-1)
    corner = [[unit_hash(column + dx, row + dy, seed) for dx in (0, 1)] for dy in (0, 1)]
    top, bottom = (left + (right - left) * weight[:, 0] for left, right in corner)
    return top + (bottom - top) * weight[:, 1]


def cells(uv: Tensor, seed: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Voronoi cells: a random value a cell, how much nearer its centre is than the next, and a random colour a cell."""
    column, row = uv.floor().long().unbind(dim=-1)
    nearest = torch.full(uv.shape[:1], torch.inf, dtype=torch.float64)
    next_nearest, winner = nearest.clone(), torch.zeros(len(uv), 2, dtype=torch.long)
    for dx in (-1, 0, 1):
        for dy in (-1, 0, 1):
            cell = torch.stack([column + dx, row + dy], dim=-1)
            jitter = torch.stack([unit_hash(*cell.unbind(-1), seed + k) for k in (1, 2)], dim=-1)
            distance = (cell + jitter - uv).norm(dim=-1)
            closer = distance < nearest
            next_nearest = torch.where(closer, nearest, torch.minimum(next_nearest, distance))
            nearest = torch.where(closer, distance, nearest)
            winner = torch.where(closer[:, None], cell, winner)
    tint = torch.stack([unit_hash(*winner.unbind(-1), seed + k) for k in (4, 5, 6)], dim=-1)
    return unit_hash(*winner.unbind(-1), seed + 3), next_nearest - nearest, tint


def unit_hash(column: Tensor, row: Tensor, seed: Tensor) -> Tensor:
    """A number between 0 and 1 that whole numbers decide, the same on every machine."""
    mask = 0xFFFFFFFF
    mixed = (column * 374761393 + row * 668265263 + seed * 2246822519) & mask
    for shift, factor in ((15, 739982445), (13, 695872825), (16, 1)):
        mixed = ((mixed ^ (mixed >> shift)) * factor) & mask
    return mixed.double() / mask


if __name__ == "__main__":
    main()
