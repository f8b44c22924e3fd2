"""Virtual cameras over a tile: rings, grids, flight lines, and draws.

Each rig says where cameras look and from which side; the distance follows from the tile: the farthest from which the
tile still fills its share of the picture. z is up in pictures, and north where a camera looks straight down.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch

from warpdata.camera import Camera, invert_rigid
from warpdata.sources.dem.march import MAX_STRETCH
from warpdata.sources.dem.options import RigOptions
from warpdata.sources.dem.terrain import Terrain
from warpdata.sources.dem.view import see

MIN_HIT_SHARE = 0.6
"""Views in which less of the picture shows the tile are moved nearer, and given up where that does not help."""

CLEARANCE_M = 100.0
"""Cameras stay so far above the highest ground within their own distance in plan."""

PIXELS_OF_IMAGE = 1.5
"""Footprint of a pixel in the middle of a view, in pixels of the image: less shows blur, more wastes the image."""

PROBE_HW = (24, 32)
"""Size at which it is tried what a view hits."""

_NEARER = 0.88
_TRIES = 18


@dataclass(frozen=True)
class Sight:
    """Where a camera looks.

    Attributes:
        at_xy: the place on the ground in the middle of the picture, metres.
        azimuth: the direction it looks in, radians from north to east.
        depression: how steeply it looks down, radians; a right angle is straight down.
        span: how much of the tile's smaller side it spans at most.
    """

    at_xy: tuple[float, float]
    azimuth: float
    depression: float
    span: float


def rig_cameras(terrain: Terrain, options: RigOptions, name: str) -> tuple[dict[int, Camera], dict[int, str]]:
    """The cameras of a rig over a tile by their numbers, and why views were given up.

    Args:
        name: of the tile, for what is drawn.

    Raises:
        ValueError: the size asked for is too small for the tile's image.
    """
    rng = np.random.default_rng([options.rig_seed, *name.encode()])
    probe = _probe(options)
    fitted: dict[int, tuple[Camera, float]] = {}
    refused = {}
    for number, sight in enumerate(_RIGS[options.rig](_half_sides(terrain), options.views, rng)):
        found = _fitted(terrain, probe, sight)
        if found is None:
            refused[number] = "it sees too little of the tile, or comes too near to the ground"
        else:
            fitted[number] = found
    if not fitted:
        return {}, refused
    fine = _size_for(terrain, options, float(np.median([distance for _, distance in fitted.values()])))
    size = options.view_size or fine
    if (footprint := PIXELS_OF_IMAGE * fine[0] / size[0]) > MAX_STRETCH:
        raise ValueError(
            f"`view_size` is {size[0]} {size[1]}: a pixel shows {footprint:.1f} pixels of the image, more than "
            f"{MAX_STRETCH:g}, so that none could be a point; leave it out for {fine[0]} {fine[1]}"
        )
    like = _intrinsics(options, size)
    return {number: replace(like, cam_from_world=one.cam_from_world) for number, (one, _) in fitted.items()}, refused


def camera_of_epoch(
    terrain: Terrain, options: RigOptions, name: str, camera: Camera, *, number: int, seed: int, epoch: int
) -> Camera:
    """A camera of the rig as it is placed for an epoch: all turn about the tile's middle by the same drawn angle, so
    that neighbours stay neighbours, and what the rig draws is drawn afresh.

    Args:
        camera: the rig's own of that number, which is kept where the drawn one would see too little.
        seed: of the run.
    """
    rng = np.random.default_rng([options.rig_seed, seed % 2**64, epoch, *name.encode()])
    angle = rng.uniform(0, 2 * math.pi)
    sights = _RIGS[options.rig](_half_sides(terrain), options.views, rng)
    sight = next(itertools.islice(sights, number, None))
    found = _fitted(terrain, _probe(options), _turned(sight, angle))
    return camera if found is None else replace(camera, cam_from_world=found[0].cam_from_world)


def _turned(sight: Sight, angle: float) -> Sight:
    """The same sight, turned about the tile's middle from north to east."""
    (x, y), cosine, sine = sight.at_xy, math.cos(angle), math.sin(angle)
    return replace(
        sight, at_xy=(cosine * x + sine * y, cosine * y - sine * x), azimuth=(sight.azimuth + angle) % (2 * math.pi)
    )


def _probe(options: RigOptions) -> Camera:
    return _intrinsics(options, (PROBE_HW[1], PROBE_HW[0]))


def _half_sides(terrain: Terrain) -> tuple[float, float]:
    height, width = terrain.heights.shape
    return (width - 1) / 2 * terrain.grid.pitch_xy[0], (height - 1) / 2 * terrain.grid.pitch_xy[1]


def _oblique(half: tuple[float, float], views: int, rng: np.random.Generator) -> Iterator[Sight]:
    for number in range(views):
        depression = math.radians(50 + 15 * math.sin(2 * math.pi * number * 3 / views + 0.5))
        at = (0.12 * half[0] * rng.uniform(-1, 1), 0.12 * half[1] * rng.uniform(-1, 1))
        yield Sight(at, 2 * math.pi * number / views, depression, 0.9)


def _nadir(half: tuple[float, float], views: int, rng: np.random.Generator) -> Iterator[Sight]:
    columns = math.ceil(math.sqrt(views))
    rows = math.ceil(views / columns)
    for number in range(views):
        row, column = divmod(number, columns)
        column = column if row % 2 == 0 else columns - 1 - column  # there and back: neighbours follow each other
        place = ((column + 0.5) / columns * 2 - 1, 1 - (row + 0.5) / rows * 2)
        tilt = math.radians(rng.uniform(0, 5))
        yield Sight(
            (0.4 * half[0] * place[0], 0.4 * half[1] * place[1]), rng.uniform(0, 2 * math.pi), math.pi / 2 - tilt, 0.55
        )


def _flight(half: tuple[float, float], views: int, rng: np.random.Generator) -> Iterator[Sight]:
    """Lines to the north and back; a picture is 3/4 as high as wide, and each shows 70 % of the one before."""
    span = 0.5
    step = 0.3 * 0.75 * span * 2 * min(half)
    a_line = max(2, min(views, 1 + int(1.1 * half[1] / step)))
    lines = math.ceil(views / a_line)
    for number in range(views):
        line, place = divmod(number, a_line)
        along = (place - (a_line - 1) / 2) * step * (1 if line % 2 == 0 else -1)
        across = 0.0 if lines == 1 else (line / (lines - 1) * 2 - 1) * 0.45 * half[0]
        yield Sight((across, along), 0.0, math.radians(89.9), span)


def _random(half: tuple[float, float], views: int, rng: np.random.Generator) -> Iterator[Sight]:
    for _ in range(views):
        at = (0.4 * half[0] * rng.uniform(-1, 1), 0.4 * half[1] * rng.uniform(-1, 1))
        yield Sight(at, rng.uniform(0, 2 * math.pi), math.radians(rng.uniform(35, 90)), rng.uniform(0.4, 0.9))


_RIGS: dict[str, Callable[[tuple[float, float], int, np.random.Generator], Iterator[Sight]]] = {
    "oblique": _oblique,
    "nadir": _nadir,
    "flight": _flight,
    "random": _random,
}


def _fitted(terrain: Terrain, probe: Camera, sight: Sight) -> tuple[Camera, float] | None:
    """The camera of a sight at the greatest distance at which the tile fills its share, and that distance."""
    at = np.array([*sight.at_xy, _ground_below(terrain, sight.at_xy)])
    flat = math.cos(sight.depression)
    forward = np.array([math.sin(sight.azimuth) * flat, math.cos(sight.azimuth) * flat, -math.sin(sight.depression)])
    distance = sight.span * 2 * min(_half_sides(terrain)) * probe.K[0, 0].item() / probe.hw[1]
    for _ in range(_TRIES):
        eye = at - distance * forward
        if eye[2] < _highest_around(terrain, eye, distance * flat) + CLEARANCE_M:
            return None
        camera = replace(probe, cam_from_world=_looking(eye, forward, sight.azimuth))
        if (see(terrain, camera).depth > 0).double().mean() >= MIN_HIT_SHARE:
            return camera, distance
        distance *= _NEARER
    return None


def _looking(eye: np.ndarray, forward: np.ndarray, azimuth: float) -> torch.Tensor:
    """`cam_from_world` of a camera whose picture is level; looking straight down its right is that of the azimuth."""
    right = np.array([math.cos(azimuth), -math.sin(azimuth), 0.0])
    world_from_cam = np.eye(4)
    world_from_cam[:3, :3] = np.stack([right, np.cross(forward, right), forward], axis=1)
    world_from_cam[:3, 3] = eye
    return invert_rigid(torch.from_numpy(world_from_cam))


def _ground_below(terrain: Terrain, xy: tuple[float, float]) -> float:
    """Height of the pixel at a place, or where it has none the mean of the tile."""
    height, width = terrain.heights.shape
    column = round((xy[0] - terrain.grid.first_xy[0]) / terrain.grid.pitch_xy[0])
    row = round((terrain.grid.first_xy[1] - xy[1]) / terrain.grid.pitch_xy[1])
    found = terrain.heights[min(max(row, 0), height - 1), min(max(column, 0), width - 1)]
    return float(found) if np.isfinite(found) else float(np.nanmean(terrain.heights))


def _highest_around(terrain: Terrain, eye: np.ndarray, reach: float) -> float:
    """The highest ground within a square about the eye; minus infinity beyond the tile."""
    first, pitch = terrain.grid.first_xy, terrain.grid.pitch_xy
    reach = max(reach, CLEARANCE_M) / 4
    columns = [(eye[0] + sign * reach - first[0]) / pitch[0] for sign in (-1, 1)]
    rows = [(first[1] - eye[1] - sign * reach) / pitch[1] for sign in (1, -1)]
    height, width = terrain.heights.shape
    part = terrain.heights[
        max(0, math.floor(rows[0])) : max(0, min(height, math.ceil(rows[1]) + 1)),
        max(0, math.floor(columns[0])) : max(0, min(width, math.ceil(columns[1]) + 1)),
    ]
    return float(np.nanmax(part)) if np.isfinite(part).any() else -math.inf


def _size_for(terrain: Terrain, options: RigOptions, distance: float) -> tuple[int, int]:
    """Width and height at which a pixel's footprint in the middle is `PIXELS_OF_IMAGE`; multiples of 16, 4 to 3."""
    focal = distance / (PIXELS_OF_IMAGE * max(terrain.texture_grid.pitch_xy))
    width = 2 * math.tan(math.radians(options.fov) / 2) * focal
    width = 16 * min(max(round(width / 16), 4), 128)
    return width, 16 * max(round(0.75 * width / 16), 3)


def _intrinsics(options: RigOptions, wh: tuple[int, int]) -> Camera:
    width, height = wh
    focal = width / (2 * math.tan(math.radians(options.fov) / 2))
    K = torch.tensor([[focal, 0, width / 2], [0, focal, height / 2], [0, 0, 1]], dtype=torch.float64)
    return Camera(K=K, cam_from_world=torch.eye(4, dtype=torch.float64), hw=(height, width))
