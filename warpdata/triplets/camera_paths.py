"""Paths of a camera around a view: an orbit, a dolly, a pan, a spiral, or a smooth way through given cameras.

Lengths are shares of a depth of the scene, angles are in degrees, and both grow with `amount`, so that a path looks
alike in a scene of any unit. docs/reproject.md shows them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Float64
from torch import Tensor

from warpdata.camera import Camera, invert_rigid
from warpdata.formats.colmap.quaternion import quaternion, rotation_matrix

ORBIT_DEG = 15.0
"""How far `orbit` goes to each side."""

DOLLY_SHARE = 0.25
"""How far `dolly` goes forward, as a share of the depth."""

PAN_DEG = 12.0
"""How far `pan` turns to each side."""

SPIRAL_SHARE = 0.1
"""Greatest radius of `spiral`, as a share of the depth."""

SPIRAL_TURNS = 2


def orbit(t: float, depth: float, amount: float) -> Float64[Tensor, "4 4"]:
    """To the right, back, to the left and back, on an arc around the point at `depth` on the axis, looking at it."""
    angle = math.radians(ORBIT_DEG * amount) * math.sin(2 * math.pi * t)
    return around(turned(yaw=-angle), depth)


def dolly(t: float, depth: float, amount: float) -> Float64[Tensor, "4 4"]:
    """Straight ahead, slowly at both ends."""
    return moved(0.0, 0.0, DOLLY_SHARE * amount * depth * (1 - math.cos(math.pi * t)) / 2)


def pan(t: float, depth: float, amount: float) -> Float64[Tensor, "4 4"]:
    """Turned to the right, back, to the left and back, without a step."""
    return turned(yaw=math.radians(PAN_DEG * amount) * math.sin(2 * math.pi * t))


def spiral(t: float, depth: float, amount: float) -> Float64[Tensor, "4 4"]:
    """Two turns that widen, narrow again, and go half a radius ahead and back, looking at the point at `depth`."""
    turn, radius = 2 * math.pi * SPIRAL_TURNS * t, SPIRAL_SHARE * amount * depth * math.sin(math.pi * t)
    x, y, z = radius * math.cos(turn), radius * math.sin(turn), 0.5 * radius * math.sin(2 * math.pi * t)
    ahead = depth - z
    return moved(x, y, z) @ turned(yaw=-math.atan2(x, ahead), pitch=math.atan2(y, math.hypot(x, ahead)))


PATHS: dict[str, Callable[[float, float, float], Float64[Tensor, "4 4"]]] = {
    "orbit": orbit,
    "dolly": dolly,
    "pan": pan,
    "spiral": spiral,
}
"""Name -> where the camera is at a time of 0 to 1, as `start_from_cam`; at 0 it is at the start, exactly."""

_ENDS_ELSEWHERE = ("dolly",)
"""Paths whose last camera is not the first one again, so that it is among the frames."""


def camera_path(name: str, start: Camera, depth: float, frames: int, amount: float = 1.0) -> list[Camera]:
    """Cameras along a named path, the first of which is the start itself.

    Args:
        name: in `PATHS`.
        start: the camera at the beginning; float64.
        depth: by which lengths are scaled, in scene units.
        frames: how many cameras.
        amount: 1 is the path as the constants of this file say; negative goes the other way.
    """
    steps = max(1, frames - 1) if name in _ENDS_ELSEWHERE else frames
    poses = [PATHS[name](frame / steps, depth, amount) for frame in range(frames)]
    return [start, *(placed(start, start_from_cam) for start_from_cam in poses[1:])]


def placed(start: Camera, start_from_cam: Float64[Tensor, "4 4"]) -> Camera:
    """A camera with the intrinsics of another, placed relative to it."""
    return replace(start, cam_from_world=invert_rigid(start.world_from_cam @ start_from_cam))


def smooth_path(keys: Sequence[Camera], frames: int) -> list[Camera]:
    """Cameras on a smooth way through others, evenly in time, from the first to the last.

    Positions follow Catmull-Rom splines, rotations the shortest arc from key to key, intrinsics straight lines.

    Args:
        keys: at least one; of one picture size.
        frames: how many cameras; all keys are among them where (frames - 1) is a multiple of (keys - 1).

    Raises:
        ValueError: the keys have pictures of different sizes.
    """
    if len({key.hw for key in keys}) != 1:
        sizes = " and ".join(sorted({f"{width}x{height}" for height, width in (key.hw for key in keys)}))
        raise ValueError(f"the cameras of a path share one picture size, found {sizes}")
    return [_between(keys, frame * (len(keys) - 1) / max(1, frames - 1)) for frame in range(frames)]


def _between(keys: Sequence[Camera], place: float) -> Camera:
    before = min(int(place), max(0, len(keys) - 2))
    share = place - before
    if share == 0:
        return keys[before]
    if share == 1:
        return keys[before + 1]
    a, b = keys[before], keys[before + 1]
    world_from_a, world_from_b = a.world_from_cam, b.world_from_cam
    world_from_cam = torch.eye(4, dtype=torch.float64)
    world_from_cam[:3, :3] = _slerp(world_from_a[:3, :3], world_from_b[:3, :3], share)
    p1, p2 = world_from_a[:3, 3], world_from_b[:3, 3]
    p0 = keys[before - 1].world_from_cam[:3, 3] if before > 0 else 2 * p1 - p2
    p3 = keys[before + 2].world_from_cam[:3, 3] if before + 2 < len(keys) else 2 * p2 - p1
    world_from_cam[:3, 3] = _catmull_rom(p0, p1, p2, p3, share)
    return replace(a, K=torch.lerp(a.K, b.K, share), cam_from_world=invert_rigid(world_from_cam))


def _catmull_rom(p0: Tensor, p1: Tensor, p2: Tensor, p3: Tensor, t: float) -> Float64[Tensor, "3"]:
    """The uniform spline from p1 (t = 0) to p2 (t = 1), whose tangents are half the way between the neighbours."""
    return p1 + t / 2 * ((p2 - p0) + t * ((2 * p0 - 5 * p1 + 4 * p2 - p3) + t * (3 * (p1 - p2) + p3 - p0)))


def _slerp(a: Float64[Tensor, "3 3"], b: Float64[Tensor, "3 3"], t: float) -> Float64[Tensor, "3 3"]:
    """The rotation a share t of the way from one to another (Shoemake 1985)."""
    p, q = quaternion(a.numpy()), quaternion(b.numpy())
    cosine = float(p @ q)
    q, cosine = (q, cosine) if cosine >= 0 else (-q, -cosine)
    angle = math.acos(min(1.0, cosine))
    weights = (1 - t, t) if angle < 1e-6 else np.sin([(1 - t) * angle, t * angle]) / math.sin(angle)
    return torch.from_numpy(rotation_matrix(weights[0] * p + weights[1] * q))


def around(turn: Float64[Tensor, "4 4"], depth: float) -> Float64[Tensor, "4 4"]:
    """A turn about the point at `depth` on the axis, in place of the camera's own centre."""
    return moved(0.0, 0.0, depth) @ turn @ moved(0.0, 0.0, -depth)


def moved(x: float, y: float, z: float) -> Float64[Tensor, "4 4"]:
    """A step to the right, down and ahead."""
    start_from_cam = torch.eye(4, dtype=torch.float64)
    start_from_cam[:3, 3] = torch.tensor([x, y, z], dtype=torch.float64)
    return start_from_cam


def turned(*, yaw: float, pitch: float = 0.0, roll: float = 0.0) -> Float64[Tensor, "4 4"]:
    """A turn to the right by yaw, then up by pitch, then clockwise by roll, in radians."""
    start_from_cam = torch.eye(4, dtype=torch.float64)
    (sy, cy), (sp, cp), (sr, cr) = ((math.sin(angle), math.cos(angle)) for angle in (yaw, pitch, roll))
    to_the_right = torch.tensor([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]], dtype=torch.float64)
    upwards = torch.tensor([[1, 0, 0], [0, cp, -sp], [0, sp, cp]], dtype=torch.float64)
    clockwise = torch.tensor([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]], dtype=torch.float64)
    start_from_cam[:3, :3] = to_the_right @ upwards @ clockwise
    return start_from_cam
