"""Cameras of MegaDepth's undistorted photographs, from those of its models."""

from __future__ import annotations

import cv2
import numpy as np
from jaxtyping import Float64

from warpdata.formats.colmap import ColmapCamera

_FOCAL_CENTRE_DISTORTION = {
    "SIMPLE_PINHOLE": ((0, 0, 1, 2), ()),
    "PINHOLE": ((0, 1, 2, 3), ()),
    "SIMPLE_RADIAL": ((0, 0, 1, 2), (3,)),
    "RADIAL": ((0, 0, 1, 2), (3, 4)),
    "OPENCV": ((0, 1, 2, 3), (4, 5, 6, 7)),
}
"""Camera model -> which of its parameters are fx, fy, cx, cy, and which are k1, k2, p1, p2."""


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
