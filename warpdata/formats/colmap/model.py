"""What a sparse model of COLMAP holds.

Poses take world to camera in OpenCV axes, as ours do; the first pixel's centre is at (0.5, 0.5). Files of 4.x have rigs
and frames besides (`rigs.bin`, `frames.bin`); the pose of every image stands in `images.bin` all the same, so that they
are not needed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from jaxtyping import Float64, Int64, UInt8

from warpdata.formats.colmap.quaternion import rotation_matrix
from warpdata.lens_models import LENS_MODELS

Kind = Literal["binary", "text"]

NO_ERROR = -1.0
"""What a point without a reprojection error has in its place."""

PANORAMA = "EQUIRECTANGULAR"
"""A model of COLMAP that is no lens: all directions, as a map has them."""

MODELS = {
    **{name: (lens.number, len(lens.parameters)) for name, lens in LENS_MODELS.items() if lens.number is not None},
    PANORAMA: (17, 2),
}
"""Camera model -> its number, and how many parameters it has."""

UNIT_TOLERANCE = 1e-2
"""How far the length of a quaternion may be from 1; files of few digits stay well below it."""

POINT = np.dtype(
    [("id", "<u8"), ("xyz", "<f8", 3), ("rgb", "u1", 3), ("error", "<f8"), ("track_length", "<u8")]
)  # packed, as `points3D.bin` has it


@dataclass(frozen=True)
class ColmapCamera:
    """A camera of a model.

    Attributes:
        model: a key of `MODELS`.
        wh: width and height in pixels.
        parameters: as the model orders them; fx, fy, cx, cy of a PINHOLE.
    """

    model: str
    wh: tuple[int, int]
    parameters: tuple[float, ...]


@dataclass(frozen=True)
class ColmapImage:
    """A picture of a model.

    Attributes:
        name: its path below the folder of pictures.
        cam_from_world: its pose.
        camera: number of its camera.
    """

    name: str
    cam_from_world: Float64[np.ndarray, "4 4"]
    camera: int


@dataclass(frozen=True)
class BrokenImage:
    """A picture of a model that cannot be used, and why.

    Attributes:
        name: its path below the folder of pictures.
    """

    name: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class ModelFiles:
    """Cameras and pictures as the files list them.

    Attributes:
        cameras: by number.
        images: by number.
        broken: in the order of the file.
    """

    cameras: dict[int, ColmapCamera]
    images: dict[int, ColmapImage]
    broken: list[BrokenImage] = field(default_factory=list)

    def add(self, number: int, name: str, rotation: list[float], translation: list[float], camera: int) -> None:
        """Take a picture, if what is said of it can be."""
        try:
            if number in self.images:
                raise ValueError(f"the number {number} is that of {self.images[number].name} already")
            if camera not in self.cameras:
                raise ValueError(f"it has the camera {camera}, which the model lacks")
            self.images[number] = ColmapImage(name, pose(rotation, translation), camera)
        except ValueError as error:
            self.broken.append(BrokenImage(name, str(error)))


@dataclass(frozen=True, kw_only=True)
class ColmapPoints:
    """The points of a model, and which images saw them.

    Attributes:
        xyz: world coordinates.
        rgb: their colours.
        track_point: index of a point in `xyz`, for every time that an image saw one.
        track_image: number of that image.
    """

    xyz: Float64[np.ndarray, "n 3"]
    rgb: UInt8[np.ndarray, "n 3"]
    track_point: Int64[np.ndarray, " m"]
    track_image: Int64[np.ndarray, " m"]


@dataclass(frozen=True, kw_only=True)
class ColmapModel:
    """A sparse model.

    Attributes:
        cameras: by number.
        images: by number.
        xyz: points in world coordinates.
        rgb: their colours.
    """

    cameras: dict[int, ColmapCamera]
    images: dict[int, ColmapImage]
    xyz: Float64[np.ndarray, "n 3"]
    rgb: UInt8[np.ndarray, "n 3"]


def pose(rotation: list[float], translation: list[float]) -> Float64[np.ndarray, "4 4"]:
    """`cam_from_world` of a quaternion (w, x, y, z) and a translation.

    Raises:
        ValueError: they are no pose.
    """
    length = float(np.linalg.norm(rotation))
    if not abs(length - 1) <= UNIT_TOLERANCE:  # also where it is not a number
        raise ValueError(f"its quaternion {rotation} has the length {length:.6g}, expected 1")
    if not np.isfinite(translation).all():
        raise ValueError(f"its translation {translation} is not finite")
    cam_from_world = np.eye(4)
    cam_from_world[:3, :3] = rotation_matrix(np.array(rotation, np.float64))
    cam_from_world[:3, 3] = translation
    return cam_from_world
