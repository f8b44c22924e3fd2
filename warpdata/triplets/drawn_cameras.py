"""Cameras drawn for `--pairs reproject`, such that a wanted share of the picture is seen from them.

What is drawn is a way to go: a direction, how far the camera turns to keep looking at the same place, and how it turns
besides. Then the camera goes that way until it sees as much as is wanted, measured by the warp on a reduced picture.
All of it is a function of (seed, epoch, index) and of the picture's own geometry: of no batch, worker or rank.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Float64
from torch import Tensor

from warpdata.camera import Camera
from warpdata.config import PairOptions, RenderOptions
from warpdata.triplets.camera_paths import placed
from warpdata.triplets.reduced_picture import ReducedPicture

ROUGH_PIXELS, FINE_PIXELS = 8192, 65536
"""A step is sought on a picture of about so many pixels, and measured on one of so many."""

WAYS = 6
"""So many ways are drawn before the best of them is taken, where none gives the wanted share."""

NEAREST_STEP, FARTHEST_STEP, STEPS = 0.004, 1.2, 14
"""How far a camera goes: steps in a geometric row, in median depths of the picture."""

TOLERANCE, CORRECTIONS = 0.004, 4
"""A step is sought again as long as the share that is seen is off by more than this, at most so often."""

DECIMALS = 12
"""Of the numbers of a drawn camera, lengths in median depths."""

LEAST_SHARE = 0.02
"""No camera is wanted that sees less."""

_BY_INDEX, _BY_EPOCH = 0.7548776662466927, 0.5698402909980532
"""1/p and 1/p^2 of the plastic number p: multiples of each, modulo 1, fill [0, 1) evenly (Roberts 2018)."""


@dataclass(frozen=True, kw_only=True)
class CameraDraw:
    """What drawn cameras depend on, besides the picture.

    Attributes:
        seed: of the run.
        pairs: which shares are wanted, and how often.
        render: the warp, by which it is measured what is seen.
    """

    seed: int
    pairs: PairOptions
    render: RenderOptions


def wanted_share(draw: CameraDraw, scene_id: str, index: int, epoch: int) -> float:
    """The share of a picture that its drawn camera is to see.

    Evenly spread, for any run of indices and any run of epochs, over the histogram of `overlap_histogram`.

    Args:
        index: of the sample in its scene.
    """
    place = (_uniform(draw.seed, scene_id, "share") + index * _BY_INDEX + epoch * _BY_EPOCH) % 1.0
    low, high = draw.pairs.pair_overlap
    histogram = draw.pairs.overlap_histogram or (1.0,)
    place *= sum(histogram)
    step = 0
    while step < len(histogram) - 1 and place >= histogram[step]:
        place -= histogram[step]
        step += 1
    within = min(place / histogram[step], 1.0) if histogram[step] > 0 else 0.5
    width = (high - low) / len(histogram)
    inset = min(0.25, 2 * TOLERANCE / width)  # so that what is off a little is still of its step
    return max(LEAST_SHARE, low + width * (step + inset + (1 - 2 * inset) * within))


def draw_camera(
    depth: Float[Tensor, "h w"],
    confidence: Float[Tensor, "h w"],
    camera: Camera,
    draw: CameraDraw,
    *,
    scene_id: str,
    index: int,
    epoch: int,
) -> Camera:
    """The camera from which a picture is seen; with its intrinsics and size.

    Args:
        depth: z-depth over the picture, without borders, at any size.
        confidence: like `depth`.
        camera: of the picture, float64.
        scene_id, index, epoch: which sample is drawn.
    """
    rough = ReducedPicture.of(depth, confidence, camera, draw.render, pixels=ROUGH_PIXELS)
    if not rough.is_point.any():
        return camera  # nothing is seen from anywhere
    fine = ReducedPicture.of(depth, confidence, camera, draw.render, pixels=FINE_PIXELS)
    median = rough.depth[rough.is_point].median().item()
    share = wanted_share(draw, scene_id, index, epoch)
    best: tuple[float, Camera] = (math.inf, camera)
    for number in range(WAYS):
        way = _Way.drawn(draw.seed, scene_id, index, epoch, number)
        error, step = _go(way, median, share, rough, fine)
        if error < best[0]:
            best = (error, way.camera_at(step, median, camera))
        if error <= TOLERANCE:
            break
    return best[1]


def _go(way: _Way, median: float, share: float, rough: ReducedPicture, fine: ReducedPicture) -> tuple[float, float]:
    """By how much the wanted share is missed, and the step of the way at which it is.

    The step is sought by what is seen roughly; then it is measured how far that is off, and sought again.
    """
    best = (math.inf, NEAREST_STEP)
    wanted = share
    for _ in range(CORRECTIONS):
        step = _search(way, median, wanted, rough)
        if step is None:
            break
        error = fine.share_seen(way.camera_at(step, median, fine.camera)) - share
        best = min(best, (abs(error), step))
        if abs(error) <= TOLERANCE:
            break
        wanted -= error
    return best


def _search(way: _Way, median: float, wanted: float, rough: ReducedPicture) -> float | None:
    """The first step from which roughly the wanted share is seen, else the last one; None where no step is free."""
    low, seen_low, steps = 0.0, None, np.geomspace(NEAREST_STEP, FARTHEST_STEP, STEPS)
    for _ in range(2):  # the second row of steps lies within one of the first
        picture_from_cam = way.at(steps, median)
        blocked = (rough.shows_before(pose[:3, 3]) for pose in picture_from_cam)
        free = next((number for number, is_blocked in enumerate(blocked) if is_blocked), len(steps))
        if free == 0:
            return low or None
        seen = rough.roughly_seen(picture_from_cam[:free])
        crossing = next((number for number in range(free) if seen[number] <= wanted), None)
        if crossing is None:
            return float(steps[free - 1])
        if crossing > 0:
            low, seen_low = float(steps[crossing - 1]), seen[crossing - 1]
        high, seen_high = float(steps[crossing]), seen[crossing]
        if seen_low is None:
            return high
        steps = np.linspace(low, high, STEPS + 1)[1:]
    return low + (high - low) * (seen_low - wanted) / max(seen_low - seen_high, 1e-9)


@dataclass(frozen=True)
class _Way:
    """A way to go.

    Attributes:
        direction: (x, y, z), of unit length, in the picture's camera axes.
        aim: 1 keeps looking at the point at the median depth, 0 only moves.
        yaw, pitch, roll: by which the camera turns besides on the way of one median depth, in radians.
    """

    direction: tuple[float, float, float]
    aim: float
    yaw: float
    pitch: float
    roll: float

    @classmethod
    def drawn(cls, seed: int, scene_id: str, index: int, epoch: int, number: int) -> _Way:
        def uniform(what: str, low: float, high: float) -> float:
            return low + (high - low) * _uniform(seed, scene_id, index, epoch, number, what)

        around, ahead = uniform("around", 0.0, 2 * math.pi), uniform("ahead", -0.6, 0.9)
        aside = math.sqrt(1 - ahead**2)
        x, y = aside * math.cos(around), 0.6 * aside * math.sin(around)  # people walk more than they climb
        length = math.sqrt(x * x + y * y + ahead * ahead)
        return cls(
            direction=(x / length, y / length, ahead / length),
            aim=uniform("aim", 0.0, 1.0),
            yaw=uniform("yaw", -0.7, 0.7),
            pitch=uniform("pitch", -0.3, 0.3),
            roll=uniform("roll", -0.2, 0.2),
        )

    def at(self, steps: Float64[np.ndarray, " n"], median: float) -> Float64[np.ndarray, "n 4 4"]:
        """Where the camera is after steps, given in median depths, as `picture_from_cam`."""
        moved = steps[:, None] * np.array(self.direction)
        x, y, ahead = moved[:, 0], moved[:, 1], np.maximum(1 - moved[:, 2], 0.1)
        aimed = turns(-self.aim * np.arctan2(x, ahead), self.aim * np.arctan2(y, np.hypot(x, ahead)), 0 * steps)
        picture_from_cam = np.tile(np.eye(4), (len(steps), 1, 1))
        picture_from_cam[:, :3, :3] = aimed @ turns(self.yaw * steps, self.pitch * steps, self.roll * steps)
        picture_from_cam[:, :3, 3] = moved * median
        return picture_from_cam

    def camera_at(self, step: float, median: float, camera: Camera) -> Camera:
        """The camera after a step, like that of the picture; the same where sines have other last digits."""
        picture_from_cam = self.at(np.array([step]), 1.0)[0].round(DECIMALS)
        picture_from_cam[:3, 3] *= median
        return placed(camera, torch.from_numpy(picture_from_cam))


def turns(
    yaw: Float64[np.ndarray, " n"], pitch: Float64[np.ndarray, " n"], roll: Float64[np.ndarray, " n"]
) -> Float64[np.ndarray, "n 3 3"]:
    """Turns to the right by yaw, then up by pitch, then clockwise by roll, in radians."""
    (sy, cy), (sp, cp), (sr, cr) = ((np.sin(angle), np.cos(angle)) for angle in (yaw, pitch, roll))
    zero, one = np.zeros_like(yaw), np.ones_like(yaw)
    to_the_right = np.array([[cy, zero, sy], [zero, one, zero], [-sy, zero, cy]])
    upwards = np.array([[one, zero, zero], [zero, cp, -sp], [zero, sp, cp]])
    clockwise = np.array([[cr, -sr, zero], [sr, cr, zero], [zero, zero, one]])
    right, up, round_ = (np.moveaxis(turn, -1, 0) for turn in (to_the_right, upwards, clockwise))
    return right @ up @ round_


def _uniform(*parts: object) -> float:
    """A number in [0, 1) that looks random, the same on every machine and in every version."""
    digest = hashlib.sha256("/".join(map(str, parts)).encode()).digest()
    return int.from_bytes(digest[:7], "big") / 2**56
