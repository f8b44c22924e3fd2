"""A long hall with pillars whose depth is known exactly, seen by a camera that walks through it, looking around."""

import math
from dataclasses import replace

import torch

from warpdata.camera import Camera, pixel_centres
from warpdata.geometry.maths.sim3 import Sim3
from warpdata.geometry.network.windows import moved
from warpdata.geometry.types import ContentBox, FrameGeometry

HALF_WIDTH, FLOOR, CEILING = 3.0, 1.5, -2.5
PILLAR_SPACING, PILLAR_RADIUS = 2.5, 0.4
STEP = 0.1


def walking_camera(index: int, hw: tuple[int, int]) -> Camera:
    """Lopsided intrinsics; a winding path that looks left, right, up and down."""
    height, width = hw
    yaw, pitch = 0.6 * math.sin(index / 23), 0.1 * math.sin(index / 11)
    cy, sy, cp, sp = math.cos(yaw), math.sin(yaw), math.cos(pitch), math.sin(pitch)
    around_y = torch.tensor([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]], dtype=torch.float64)
    around_x = torch.tensor([[1, 0, 0], [0, cp, -sp], [0, sp, cp]], dtype=torch.float64)
    centre = torch.tensor([1.2 * math.sin(index / 31), 0.1 * math.sin(index / 7), STEP * index], dtype=torch.float64)
    pose = torch.eye(4, dtype=torch.float64)
    pose[:3, :3] = (around_y @ around_x).mT
    pose[:3, 3] = -pose[:3, :3] @ centre
    K = torch.tensor([[0.8 * width, 0, 0.47 * width], [0, 0.9 * width, 0.52 * height], [0, 0, 1]], dtype=torch.float64)
    return Camera(K=K, cam_from_world=pose, hw=hw)


def hall_depth(camera: Camera, length: float) -> torch.Tensor:
    """Planar depth of a hall from z = -2 to `length` with pillars along both walls; float64."""
    inverse = camera.K.inverse()
    xy = pixel_centres(camera.hw, dtype=torch.float64)
    in_camera = torch.cat([xy, torch.ones_like(xy[..., :1])], dim=-1) @ inverse.mT
    world_from_cam = camera.world_from_cam
    rays, centre = in_camera @ world_from_cam[:3, :3].mT, world_from_cam[:3, 3]
    low = torch.tensor([-HALF_WIDTH, CEILING, -2.0], dtype=torch.float64)
    high = torch.tensor([HALF_WIDTH, FLOOR, length], dtype=torch.float64)
    depth = (torch.where(rays > 0, high - centre, low - centre) / rays).amin(dim=-1)
    nearest = round(centre[2].item() / PILLAR_SPACING)
    for number in range(nearest - 1, nearest + 6):
        for side in (-1, 1):
            ox, oz = centre[0] - side * (HALF_WIDTH - 0.8), centre[2] - number * PILLAR_SPACING
            dx, dz = rays[..., 0], rays[..., 2]
            a, b, c = dx * dx + dz * dz, ox * dx + oz * dz, ox * ox + oz * oz - PILLAR_RADIUS**2
            root = (b * b - a * c).clamp_min(0).sqrt()
            hit = (-b - root) / a
            depth = torch.where((b * b > a * c) & (hit > 0) & (hit < depth), hit, depth)
    return depth


def hall(count: int, hw: tuple[int, int] = (18, 26)) -> list[FrameGeometry]:
    """Exact frames of a walk, in one world."""
    frames = []
    for index in range(count):
        camera = walking_camera(index, hw)
        depth = hall_depth(camera, STEP * count + 5).float()
        box = ContentBox(left=0.0, top=0.0, right=float(hw[1]), bottom=float(hw[0]))
        confidence = torch.full(hw, 3.0)
        frames.append(
            FrameGeometry(
                name=f"{index:04d}", depth=depth, confidence=confidence, camera=camera, image_hw=hw, content_box=box
            )
        )
    return frames


def random_rotation(generator: torch.Generator, degrees: float | None = None) -> torch.Tensor:
    """A rotation about a random axis, by a given angle or any."""
    axis = torch.randn(3, generator=generator, dtype=torch.float64)
    axis = axis / axis.norm()
    angle = math.radians(degrees) if degrees is not None else torch.rand((), generator=generator).item() * math.pi
    x, y, z = (axis * angle).tolist()
    skew = torch.tensor([[0, -z, y], [z, 0, -x], [-y, x, 0]], dtype=torch.float64)
    return torch.linalg.matrix_exp(skew)


def random_sim3(generator: torch.Generator) -> Sim3:
    return Sim3(
        scale=math.exp(torch.randn((), generator=generator).item()),
        rotation=random_rotation(generator),
        translation=3 * torch.randn(3, generator=generator, dtype=torch.float64),
    )


def disturbed(
    frame: FrameGeometry,
    generator: torch.Generator,
    *,
    noise: float,
    outliers: float,
    turn_degrees: float = 0.0,
    shift: float = 0.0,
) -> FrameGeometry:
    """As a network might give it: depth with relative noise and a share of wild values, a turned and shifted pose.

    `shift` is in units of the frame's median depth.
    """
    factor = torch.exp(noise * torch.randn(frame.depth.shape, generator=generator))
    wild = torch.rand(frame.depth.shape, generator=generator) < outliers
    factor[wild] = torch.exp(1.5 * torch.randn(int(wild.sum()), generator=generator))
    pose = frame.camera.cam_from_world.clone()
    if turn_degrees:
        turn = random_rotation(generator, turn_degrees)
        pose[:3] = turn @ pose[:3]
    if shift:
        pose[:3, 3] += shift * frame.depth.median() * torch.randn(3, generator=generator, dtype=torch.float64)
    return replace(frame, depth=frame.depth * factor, camera=replace(frame.camera, cam_from_world=pose))


def in_own_world(frames: list[FrameGeometry], window: range, generator: torch.Generator, **disturbance):
    """A window as the network gives it: in a world of its own, disturbed; and that world's transform."""
    own_from_world = random_sim3(generator)
    seen = {i: moved(disturbed(frames[i], generator, **disturbance), own_from_world) for i in window}
    return seen, own_from_world
