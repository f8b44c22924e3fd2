"""Camera tracks of Google Earth Studio (3D Camera Tracking, JSON, coordinate space Global) as metric cameras.

A camera's rotation takes its OpenCV axes to earth-centred ones; its place is geodetic, on WGS84. Cameras are given in
the east-north-up frame of an origin, in metres.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from warpdata.camera import Camera, invert_rigid
from warpdata.files.bounded_json import read_json

MAX_FRAMES = 100_000
MAX_SIDE = 16_384

MAX_ASTRAY_M = 1_000.0
"""How far `position` may lie from the place of `coordinate`: farther means an export in local coordinates."""

SEMI_MAJOR_AXIS_M, FLATTENING = 6_378_137.0, 1 / 298.257223563
"""Of the ellipsoid WGS84."""


@dataclass(frozen=True)
class Place:
    """A geodetic place on WGS84.

    Attributes:
        latitude: degrees north.
        longitude: degrees east.
        altitude: metres above the ellipsoid.
    """

    latitude: float
    longitude: float
    altitude: float

    def __post_init__(self) -> None:
        if not (abs(self.latitude) <= 90 and abs(self.longitude) <= 180 and math.isfinite(self.altitude)):
            raise ValueError(
                f"latitude {self.latitude}, longitude {self.longitude}, altitude {self.altitude} is not a place"
            )

    @property
    def earth_centred(self) -> Float[Tensor, "3"]:
        """X, Y, Z in metres: X towards 0 N 0 E, Z towards the north pole."""
        phi, lam = math.radians(self.latitude), math.radians(self.longitude)
        squared = FLATTENING * (2 - FLATTENING)
        normal = SEMI_MAJOR_AXIS_M / math.sqrt(1 - squared * math.sin(phi) ** 2)
        ring = (normal + self.altitude) * math.cos(phi)
        x, y = ring * math.cos(lam), ring * math.sin(lam)
        return torch.tensor([x, y, (normal * (1 - squared) + self.altitude) * math.sin(phi)], dtype=torch.float64)

    @property
    def enu_from_earth(self) -> Float[Tensor, "3 3"]:
        """The rotation that takes earth-centred axes to east, north and up here."""
        phi, lam = math.radians(self.latitude), math.radians(self.longitude)
        sin_phi, cos_phi, sin_lam, cos_lam = math.sin(phi), math.cos(phi), math.sin(lam), math.cos(lam)
        return torch.tensor(
            [
                [-sin_lam, cos_lam, 0],
                [-sin_phi * cos_lam, -sin_phi * sin_lam, cos_phi],
                [cos_phi * cos_lam, cos_phi * sin_lam, sin_phi],
            ],
            dtype=torch.float64,
        )


@dataclass(frozen=True, kw_only=True)
class TrackedFrame:
    """One frame of a track.

    Attributes:
        place: of the camera.
        rotation_deg: about X, then the new Y, then the new Z.
        fov_vertical_deg: its field of view from top to bottom.
    """

    place: Place
    rotation_deg: tuple[float, float, float]
    fov_vertical_deg: float

    def camera(self, hw: tuple[int, int], origin: Place) -> Camera:
        """The camera of a picture of this size, in the east-north-up frame of `origin`, metres."""
        height, width = hw
        focal = height / (2 * math.tan(math.radians(self.fov_vertical_deg) / 2))
        K = torch.tensor([[focal, 0, width / 2], [0, focal, height / 2], [0, 0, 1]], dtype=torch.float64)
        world_from_cam = torch.eye(4, dtype=torch.float64)
        world_from_cam[:3, :3] = origin.enu_from_earth @ earth_from_cam(self.rotation_deg)
        world_from_cam[:3, 3] = origin.enu_from_earth @ (self.place.earth_centred - origin.earth_centred)
        return Camera(K=K, cam_from_world=invert_rigid(world_from_cam), hw=hw)


@dataclass(frozen=True, kw_only=True)
class Track:
    """What an export says.

    Attributes:
        name: the project's own, which need not be the file's.
        hw: height and width of the pictures.
        frames: one a picture, in order.
    """

    name: str
    hw: tuple[int, int]
    frames: tuple[TrackedFrame, ...]

    def origin(self, said: str = "first") -> Place:
        """The origin of the frame that cameras are given in.

        Args:
            said: `first` (the place of the first frame), `centroid` (the mean of all), or `LAT,LON,ALT`.

        Raises:
            ValueError: it is none of these.
        """
        if said == "first":
            return self.frames[0].place
        if said == "centroid":
            places = [frame.place for frame in self.frames]
            return Place(
                *(
                    math.fsum(getattr(place, name) for place in places) / len(places)
                    for name in ("latitude", "longitude", "altitude")
                )
            )
        parts = said.split(",")
        try:
            return Place(*map(float, parts))
        except (ValueError, TypeError) as error:
            raise ValueError(
                f"`origin` is {said!r}; give first, centroid, or LAT,LON,ALT in degrees and metres"
            ) from error


def earth_from_cam(rotation_deg: Sequence[float]) -> Float[Tensor, "3 3"]:
    """Rx Ry Rz of three angles in degrees."""
    (cx, sx), (cy, sy), (cz, sz) = ((math.cos(math.radians(a)), math.sin(math.radians(a))) for a in rotation_deg)
    about_x = torch.tensor([[1, 0, 0], [0, cx, -sx], [0, sx, cx]], dtype=torch.float64)
    about_y = torch.tensor([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]], dtype=torch.float64)
    about_z = torch.tensor([[cz, -sz, 0], [sz, cz, 0], [0, 0, 1]], dtype=torch.float64)
    return about_x @ about_y @ about_z


def read_track(path: Path) -> Track:
    """The track of an export.

    Raises:
        ValueError: what is wrong with it, and where.
        OSError: it cannot be read.
    """
    content = read_json(path)
    frames = content.get("cameraFrames") if isinstance(content, dict) else None
    if not isinstance(frames, list):
        raise ValueError(f"{path} is not camera tracking of Earth Studio: it has no list `cameraFrames`")
    if not 1 <= len(frames) <= MAX_FRAMES:
        raise ValueError(f"{path} has {len(frames):,} frames; 1 to {MAX_FRAMES:,} are read")
    hw = tuple(_side(content, name, path) for name in ("height", "width"))
    read = tuple(_frame(frame, f"{path}: frame {number}") for number, frame in enumerate(frames))
    return Track(name=str(content.get("name", "")), hw=hw, frames=read)


def _side(content: dict[str, Any], name: str, path: Path) -> int:
    value = content.get(name)
    if type(value) is not int or not 1 <= value <= MAX_SIDE:
        raise ValueError(f"{path}: its `{name}` is {value!r}; 1 to {MAX_SIDE:,} pixels are read")
    return value


def _frame(frame: Any, where: str) -> TrackedFrame:
    coordinate = _numbers(frame, "coordinate", ("latitude", "longitude", "altitude"), where)
    rotation = _numbers(frame, "rotation", ("x", "y", "z"), where)
    (fov,) = _numbers({"fov": frame if isinstance(frame, dict) else {}}, "fov", ("fovVertical",), where)
    if not 0 < fov < 180:
        raise ValueError(f"{where}: its `fovVertical` is {fov:g}; it must lie between 0 and 180 degrees")
    try:
        place = Place(*coordinate)
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from error
    if isinstance(frame, dict) and "position" in frame:
        position = torch.tensor(_numbers(frame, "position", ("x", "y", "z"), where), dtype=torch.float64)
        astray = (position - place.earth_centred).norm().item()
        if astray > MAX_ASTRAY_M:
            raise ValueError(
                f"{where}: its `position` lies {astray / 1000:,.0f} km from its `coordinate`: this is an export in "
                "local coordinates, whose rotations mean something else; export the tracking with the coordinate space "
                "Global"
            )
    return TrackedFrame(place=place, rotation_deg=rotation, fov_vertical_deg=fov)


def _numbers(frame: Any, name: str, keys: tuple[str, ...], where: str) -> tuple[float, ...]:
    part = frame.get(name) if isinstance(frame, dict) else None
    values = [part.get(key) if isinstance(part, dict) else None for key in keys]
    for key, value in zip(keys, values, strict=True):
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise ValueError(f"{where}: its `{name}.{key}` is {value!r}, not a finite number")
    return tuple(map(float, values))
