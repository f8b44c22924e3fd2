"""Lens models: how a ray of the camera becomes a position on an image plane of focal length 1.

The names, parameters and formulas are COLMAP's (`src/colmap/sensor/models.h`), and `BROWN` is OpenCV's radial and
tangential polynomial with one more radial term, nerfstudio's model `OPENCV`. Rays are (u, v) = (x / z, y / z) in OpenCV
axes, so that only directions in front of the camera have one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

Plane = Float64[np.ndarray, "*positions"]
"""One coordinate of positions on the image plane."""

Distort = Callable[[np.ndarray, np.ndarray, Sequence[float]], "tuple[np.ndarray, np.ndarray]"]
"""(u, v, coefficients) of rays -> where they meet the distorted image plane."""

_SMALL_RADIUS = 1e-8


@dataclass(frozen=True)
class LensModel:
    """A formula and the names of its parameters, which come in the order: focal lengths, principal point, coefficients.

    Attributes:
        distort: from rays to the distorted image plane.
        focals: the names of its focal lengths, one for both axes or two.
        coefficients: the names of what follows the principal point.
        number: what COLMAP's binary files call it; None where they do not know it.
    """

    distort: Distort
    focals: tuple[str, ...]
    coefficients: tuple[str, ...]
    number: int | None

    @property
    def parameters(self) -> tuple[str, ...]:
        """The names of all parameters, in order."""
        return (*self.focals, "cx", "cy", *self.coefficients)


def _pinhole(u: Plane, v: Plane, coefficients: Sequence[float]) -> tuple[Plane, Plane]:
    return u, v


def _even_polynomial(square: Plane, coefficients: Sequence[float]) -> Plane:
    """1 + k1 s + k2 s² + ... of s = `square`."""
    value = np.zeros_like(square)
    for coefficient in reversed(coefficients):
        value = (value + coefficient) * square
    return 1 + value


def _tangential(u: Plane, v: Plane, p1: float, p2: float) -> tuple[Plane, Plane]:
    square = u * u + v * v
    return 2 * p1 * u * v + p2 * (square + 2 * u * u), 2 * p2 * u * v + p1 * (square + 2 * v * v)


def _polynomial(
    u: Plane, v: Plane, radial: Sequence[float], tangential: Sequence[float] = (0.0, 0.0), below: Sequence[float] = ()
) -> tuple[Plane, Plane]:
    square = u * u + v * v
    scale = _even_polynomial(square, radial) / _even_polynomial(square, below)
    along_u, along_v = _tangential(u, v, *tangential)
    return u * scale + along_u, v * scale + along_v


def _radial(u: Plane, v: Plane, k: Sequence[float]) -> tuple[Plane, Plane]:
    return _polynomial(u, v, k)


def _opencv(u: Plane, v: Plane, k: Sequence[float]) -> tuple[Plane, Plane]:
    return _polynomial(u, v, k[:2], k[2:])


def _full_opencv(u: Plane, v: Plane, k: Sequence[float]) -> tuple[Plane, Plane]:
    k1, k2, p1, p2, k3, k4, k5, k6 = k
    return _polynomial(u, v, (k1, k2, k3), (p1, p2), (k4, k5, k6))


def _brown(u: Plane, v: Plane, k: Sequence[float]) -> tuple[Plane, Plane]:
    return _polynomial(u, v, k[:4], k[4:])


def _by_angle(u: Plane, v: Plane) -> tuple[Plane, Plane]:
    """Rays as equidistant fisheyes show them: as far from the middle as their angle to the axis."""
    radius = np.hypot(u, v)
    scale = np.where(radius > _SMALL_RADIUS, np.arctan(radius) / np.maximum(radius, _SMALL_RADIUS), 1.0)
    return u * scale, v * scale


def _fisheye(u: Plane, v: Plane, k: Sequence[float]) -> tuple[Plane, Plane]:
    return _polynomial(*_by_angle(u, v), k)


def _thin_prism_fisheye(u: Plane, v: Plane, k: Sequence[float]) -> tuple[Plane, Plane]:
    k1, k2, p1, p2, k3, k4, sx1, sy1 = k
    u, v = _by_angle(u, v)
    square = u * u + v * v
    u_distorted, v_distorted = _polynomial(u, v, (k1, k2, k3, k4), (p1, p2))
    return u_distorted + sx1 * square, v_distorted + sy1 * square


def _rad_tan_thin_prism_fisheye(u: Plane, v: Plane, k: Sequence[float]) -> tuple[Plane, Plane]:
    u, v = _polynomial(*_by_angle(u, v), k[:6])
    p0, p1, s0, s1, s2, s3 = k[6:]
    square = u * u + v * v
    along_u, along_v = _tangential(u, v, p1, p0)
    return u + along_u + (s0 + s1 * square) * square, v + along_v + (s2 + s3 * square) * square


def _field_of_view(u: Plane, v: Plane, k: Sequence[float]) -> tuple[Plane, Plane]:
    """Devernay and Faugeras, Straight lines have to be straight, 2001."""
    (omega,) = k
    if abs(omega) < 1e-6:
        return u, v
    radius, slope = np.hypot(u, v), 2 * np.tan(omega / 2)
    scale = np.where(
        radius > _SMALL_RADIUS,
        np.arctan(radius * slope) / (np.maximum(radius, _SMALL_RADIUS) * omega),
        slope / omega,
    )
    return u * scale, v * scale


def _division(u: Plane, v: Plane, k: Sequence[float]) -> tuple[Plane, Plane]:
    """Fitzgibbon, Simultaneous linear estimation of multiple view geometry and lens distortion, 2001: a ray at radius
    r is seen at the radius d with r = d / (1 + k d²); NaN where there is none."""
    with np.errstate(invalid="ignore"):
        scale = 2 / (1 + np.sqrt(1 - 4 * k[0] * (u * u + v * v)))
    return u * scale, v * scale


def _enhanced_unified(u: Plane, v: Plane, k: Sequence[float]) -> tuple[Plane, Plane]:
    """Khomutenko, Garcia and Martinet, An enhanced unified camera model, 2016."""
    alpha, beta = k
    scale = 1 / (alpha * np.sqrt(beta * (u * u + v * v) + 1) + 1 - alpha)
    return u * scale, v * scale


_ONE, _TWO = ("f",), ("fx", "fy")

LENS_MODELS: dict[str, LensModel] = {
    "SIMPLE_PINHOLE": LensModel(_pinhole, _ONE, (), 0),
    "PINHOLE": LensModel(_pinhole, _TWO, (), 1),
    "SIMPLE_RADIAL": LensModel(_radial, _ONE, ("k",), 2),
    "RADIAL": LensModel(_radial, _ONE, ("k1", "k2"), 3),
    "OPENCV": LensModel(_opencv, _TWO, ("k1", "k2", "p1", "p2"), 4),
    "OPENCV_FISHEYE": LensModel(_fisheye, _TWO, ("k1", "k2", "k3", "k4"), 5),
    "FULL_OPENCV": LensModel(_full_opencv, _TWO, ("k1", "k2", "p1", "p2", "k3", "k4", "k5", "k6"), 6),
    "FOV": LensModel(_field_of_view, _TWO, ("omega",), 7),
    "SIMPLE_RADIAL_FISHEYE": LensModel(_fisheye, _ONE, ("k",), 8),
    "RADIAL_FISHEYE": LensModel(_fisheye, _ONE, ("k1", "k2"), 9),
    "THIN_PRISM_FISHEYE": LensModel(_thin_prism_fisheye, _TWO, ("k1", "k2", "p1", "p2", "k3", "k4", "sx1", "sy1"), 10),
    "RAD_TAN_THIN_PRISM_FISHEYE": LensModel(
        _rad_tan_thin_prism_fisheye,
        _TWO,
        ("k0", "k1", "k2", "k3", "k4", "k5", "p0", "p1", "s0", "s1", "s2", "s3"),
        11,
    ),
    "SIMPLE_DIVISION": LensModel(_division, _ONE, ("k",), 12),
    "DIVISION": LensModel(_division, _TWO, ("k",), 13),
    "SIMPLE_FISHEYE": LensModel(_fisheye, _ONE, (), 14),
    "FISHEYE": LensModel(_fisheye, _TWO, (), 15),
    "EUCM": LensModel(_enhanced_unified, _TWO, ("alpha", "beta"), 16),
    "BROWN": LensModel(_brown, _TWO, ("k1", "k2", "k3", "k4", "p1", "p2"), None),
}
"""Every model that gives each position of the picture one ray in front of the camera."""
