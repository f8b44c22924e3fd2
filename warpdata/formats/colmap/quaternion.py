"""Rotations as quaternions (w, x, y, z), as COLMAP writes them."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64


def quaternion(rotation: Float64[np.ndarray, "3 3"]) -> Float64[np.ndarray, "4"]:
    """(w, x, y, z) of a rotation matrix, of unit length, w >= 0.

    Of the four ways to solve for it the one with the greatest divisor is taken (Shepperd 1978), so that no rotation
    loses digits.
    """
    m = rotation
    trace = np.trace(m)
    squares = np.array([trace, m[0, 0], m[1, 1], m[2, 2]])
    largest = int(squares.argmax())
    if largest == 0:
        q = np.array([1 + trace, m[2, 1] - m[1, 2], m[0, 2] - m[2, 0], m[1, 0] - m[0, 1]])
    else:
        i = largest - 1
        j, k = (i + 1) % 3, (i + 2) % 3
        q = np.empty(4)
        q[0] = m[k, j] - m[j, k]
        q[1 + i] = 1 + m[i, i] - m[j, j] - m[k, k]
        q[1 + j] = m[j, i] + m[i, j]
        q[1 + k] = m[k, i] + m[i, k]
    q /= np.linalg.norm(q)
    return -q if q[0] < 0 else q


def rotation_matrix(quaternion: Float64[np.ndarray, "4"]) -> Float64[np.ndarray, "3 3"]:
    """The rotation of a quaternion (w, x, y, z), which need not be of unit length.

    Raises:
        ValueError: it is 0 or not finite.
    """
    length = np.linalg.norm(quaternion)
    if not (np.isfinite(length) and length > 0):
        raise ValueError(f"quaternion {quaternion.tolist()} is not a rotation")
    w, x, y, z = quaternion / length
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
        ]
    )
