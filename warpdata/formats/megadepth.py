"""Where MegaDepth has its files, and the cameras of its undistorted photographs.

MegaDepth_v1_SfM/<scene>/sparse/manhattan/<sub>/{cameras,images,points3D}.txt
phoenix/S6/zl548/MegaDepth_v1/<scene>/dense<sub>/imgs/<name>.jpg
phoenix/S6/zl548/MegaDepth_v1/<scene>/dense<sub>/depths/<stem>.h5
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import cv2
import numpy as np
from jaxtyping import Float64

from warpdata.formats.colmap import ColmapCamera

MODELS, PHOENIX = "MegaDepth_v1_SfM", "phoenix"
"""Two folders, side by side."""

LICENSE = "non-commercial; see Google Earth Studio terms / MegaDepth"

_FOCAL_CENTRE_DISTORTION = {
    "SIMPLE_PINHOLE": ((0, 0, 1, 2), ()),
    "PINHOLE": ((0, 1, 2, 3), ()),
    "SIMPLE_RADIAL": ((0, 0, 1, 2), (3,)),
    "RADIAL": ((0, 0, 1, 2), (3, 4)),
    "OPENCV": ((0, 1, 2, 3), (4, 5, 6, 7)),
}
"""Camera model -> which of its parameters are fx, fy, cx, cy, and which are k1, k2, p1, p2."""


def model_folder(root: Path, scene: str, subscene: str) -> Path:
    """The folder of a sub-scene's COLMAP model; `root` holds the two folders."""
    return root / MODELS / scene / "sparse" / "manhattan" / subscene


def dense_folder(root: Path, scene: str, subscene: str) -> Path:
    """The folder of a sub-scene's undistorted photographs and depth."""
    return root / PHOENIX / "S6" / "zl548" / "MegaDepth_v1" / scene / f"dense{subscene}"


def photo_path(root: Path, scene: str, subscene: str, name: str) -> Path:
    """An undistorted photograph."""
    return dense_folder(root, scene, subscene) / "imgs" / name


def depth_path(root: Path, scene: str, subscene: str, name: str) -> Path:
    """The depth of a photograph."""
    return dense_folder(root, scene, subscene) / "depths" / f"{PurePosixPath(name).stem}.h5"


def undistorted_intrinsics(camera: ColmapCamera, hw: tuple[int, int]) -> Float64[np.ndarray, "3 3"]:
    """K of the undistorted photograph of a camera; the first pixel's centre is at (0.5, 0.5).

    As COLMAP crops until no border is left and centres the principal point, `cv2.getOptimalNewCameraMatrix` with alpha
    0 comes within 0.06 to 0.22 % of its focal length.

    Args:
        hw: height and width of the undistorted photograph.

    Raises:
        ValueError: the camera is of a model that has another distortion.
    """
    if camera.model not in _FOCAL_CENTRE_DISTORTION:
        raise ValueError(
            f"its camera is {camera.model}; photographs of {', '.join(_FOCAL_CENTRE_DISTORTION)} are undistorted"
        )
    linear, distorting = _FOCAL_CENTRE_DISTORTION[camera.model]
    fx, fy, cx, cy = (camera.parameters[index] for index in linear)
    coefficients = np.zeros(4)
    coefficients[: len(distorting)] = [camera.parameters[index] for index in distorting]
    K = np.array([[fx, 0, cx - 0.5], [0, fy, cy - 0.5], [0, 0, 1]], np.float64)  # OpenCV's first pixel is at 0
    made, _ = cv2.getOptimalNewCameraMatrix(
        K, coefficients, camera.wh, 0.0, newImgSize=(hw[1], hw[0]), centerPrincipalPoint=True
    )
    made = made.astype(np.float64)
    made[:2, 2] += 0.5
    return made
