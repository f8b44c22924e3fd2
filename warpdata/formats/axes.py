"""Where worlds differ: the axes of a camera, and where the centre of the first pixel lies.

warpdata's own are OpenCV's axes (x right, y down, z forward) and (0.5, 0.5).
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64

OPENCV_FROM_OPENGL = np.diag([1.0, -1.0, -1.0, 1.0])
"""Takes coordinates in OpenGL camera axes (y up, z backward) to OpenCV's, and back."""

FIRST_PIXEL = 0.5
"""Where the first pixel's centre lies in our coordinates; programs that take rays at whole numbers have it at 0."""


def flip_camera_axes(world_from_cam: Float64[np.ndarray, "4 4"]) -> Float64[np.ndarray, "4 4"]:
    """A camera-to-world matrix in OpenGL camera axes from one in OpenCV's, or the other way round; the world stays."""
    return world_from_cam @ OPENCV_FROM_OPENGL


def with_first_pixel_at_zero(K: Float64[np.ndarray, "3 3"]) -> Float64[np.ndarray, "3 3"]:
    """Our intrinsics for a program that has the centre of the first pixel at (0, 0)."""
    K = K.copy()
    K[:2, 2] -= FIRST_PIXEL
    return K


def with_first_pixel_at_half(K: Float64[np.ndarray, "3 3"]) -> Float64[np.ndarray, "3 3"]:
    """Our intrinsics from those of a program that has the centre of the first pixel at (0, 0)."""
    K = K.copy()
    K[:2, 2] += FIRST_PIXEL
    return K
