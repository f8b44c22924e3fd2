"""Lenses with distortion, and the pinhole picture inside what they show.

    lens = Lens(model="OPENCV", parameters=(610, 605, 322, 238, -0.21, 0.04, 1e-3, 0), hw=(480, 640))
    undistortion = lens.undistortion
    undistortion.K, undistortion.hw                  # a pinhole camera that sees no further than the lens
    undistortion.distorted_xy(pixel_centres)         # where its pixels lie in the distorted picture

The formulas are in `lens_models`. Positions are pixels as in `camera`: the first pixel's centre is (0.5, 0.5).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
import torch
from jaxtyping import Bool, Float64
from torch import Tensor

from warpdata.lens_models import LENS_MODELS, LensModel

PINHOLE_PX = 0.02
"""A lens that moves no position by more pixels is taken for a pinhole."""

MAX_HALF_ANGLE = math.radians(60)
"""The pinhole picture of a fisheye ends here, left, right, above and below: beyond, most of it would be stretched
border."""

MAX_GROWTH = 2.0
"""The pinhole picture has at most so many times the pixels of the distorted one along each side; it loses resolution in
the middle where it would need more."""

MIN_KEPT = 0.25
"""A pinhole picture with less than this share of the distorted one's pixels along a side is refused: no lens is so."""

_BORDER_POSITIONS = 33
"""Positions along each side of the picture that are followed back to their rays."""

_STEPS = 24
"""From the middle of the picture to its border."""

_NEWTON_STEPS = 3
_DIRECT_STEPS = 6
"""Newton's method from the middle straight to a position; where that fails for one, all are followed in steps."""
_CHECKS = 12
"""On the way there, for where the lens folds back."""

_MIN_STRETCH = 0.02
"""A lens folds back where it stretches the pinhole's plane by less than this."""


class LensError(ValueError):
    """A lens that cannot be used: what is wrong with it."""


@dataclass(frozen=True, kw_only=True)
class Lens:
    """A lens in front of a picture.

    Args:
        model: a name in `LENS_MODELS`.
        parameters: as `LENS_MODELS[model].parameters` names them, in pixels and without unit.
        hw: height and width of the distorted picture.

    Raises:
        LensError: the model is not known, or its parameters are none.
    """

    model: str
    parameters: tuple[float, ...]
    hw: tuple[int, int]

    def __post_init__(self) -> None:
        if self.model not in LENS_MODELS:
            raise LensError(f"camera model {self.model} is not known; known are {', '.join(LENS_MODELS)}")
        names = self._model.parameters
        if len(self.parameters) != len(names):
            raise LensError(
                f"the camera model {self.model} has {len(names)} parameters ({', '.join(names)}), "
                f"found {len(self.parameters)}"
            )
        if not all(math.isfinite(value) for value in self.parameters):
            raise LensError(f"the camera holds NaN or infinite numbers: {self.parameters}")
        if min(self.focal_xy) <= 0:
            raise LensError(
                f"focal lengths are {self.focal_xy[0]} and {self.focal_xy[1]} px, expected positive numbers"
            )

    @property
    def _model(self) -> LensModel:
        return LENS_MODELS[self.model]

    @property
    def focal_xy(self) -> tuple[float, float]:
        """In pixels, as the model means them."""
        return self.parameters[0], self.parameters[len(self._model.focals) - 1]

    @property
    def centre_xy(self) -> tuple[float, float]:
        """Where the optical axis meets the picture."""
        first = len(self._model.focals)
        return self.parameters[first], self.parameters[first + 1]

    @property
    def coefficients(self) -> tuple[float, ...]:
        """What follows the principal point."""
        return self.parameters[len(self._model.focals) + 2 :]

    @property
    def K(self) -> Float64[Tensor, "3 3"]:
        """Its focal lengths and principal point; those of the picture only where `is_pinhole`."""
        return _intrinsics(self.focal_xy, self.centre_xy)

    def distort(self, uv: Float64[np.ndarray, "*positions 2"]) -> Float64[np.ndarray, "*positions 2"]:
        """Rays (x / z, y / z) to positions in the distorted picture, in pixels; NaN where the lens shows none."""
        u, v = self._model.distort(uv[..., 0], uv[..., 1], self.coefficients)
        return np.stack([u, v], axis=-1) * self.focal_xy + self.centre_xy

    def rays(self, xy: Float64[np.ndarray, "*positions 2"]) -> Float64[np.ndarray, "*positions 2"]:
        """Positions in the distorted picture to their rays (x / z, y / z): the inverse of `distort`.

        Where the lens folds back, or the ray turns away from what is in front, on the way from the middle to the
        position, the last ray before that.
        """
        return _rays_of(self, xy)

    @property
    def is_pinhole(self) -> bool:
        """Whether it moves nothing in the picture by more than `PINHOLE_PX`."""
        return _is_pinhole(self)

    @property
    def undistortion(self) -> Undistortion:
        """The pinhole picture inside.

        Raises:
            LensError: the lens folds back so early that no picture is left.
        """
        return _undistortion(self)


@dataclass(frozen=True, kw_only=True)
class Undistortion:
    """The pinhole picture inside a distorted one.

    All of it lies inside the distorted picture, whose scale it keeps in the middle.

    Attributes:
        lens: of the distorted picture.
        focal_xy: of the pinhole, in pixels.
        centre_xy: of the pinhole, in pixels.
        hw: size of the pinhole's picture.
    """

    lens: Lens
    focal_xy: tuple[float, float]
    centre_xy: tuple[float, float]
    hw: tuple[int, int]

    @cached_property
    def K(self) -> Float64[Tensor, "3 3"]:
        """Intrinsics of the pinhole."""
        return _intrinsics(self.focal_xy, self.centre_xy)

    def distorted_xy(self, xy: Float64[np.ndarray, "*positions 2"]) -> Float64[np.ndarray, "*positions 2"]:
        """Positions in the pinhole's picture to those that show the same in the distorted one, both in pixels."""
        return self.lens.distort((xy - self.centre_xy) / self.focal_xy)


def _intrinsics(focal_xy: tuple[float, float], centre_xy: tuple[float, float]) -> Float64[Tensor, "3 3"]:
    (fx, fy), (cx, cy) = focal_xy, centre_xy
    return torch.tensor([[fx, 0, cx], [0, fy, cy], [0, 0, 1]], dtype=torch.float64)


def _border(hw: tuple[int, int]) -> Float64[np.ndarray, "4 n 2"]:
    """Positions along the left, right, upper and lower side of a picture, corners included."""
    height, width = hw
    along_x, along_y = np.linspace(0, width, _BORDER_POSITIONS), np.linspace(0, height, _BORDER_POSITIONS)
    left, upper = np.zeros_like(along_y), np.zeros_like(along_x)
    sides = [(left, along_y), (left + width, along_y), (along_x, upper), (along_x, upper + height)]
    return np.stack([np.stack(side, axis=-1) for side in sides])


@lru_cache(maxsize=10_000)
def _is_pinhole(lens: Lens) -> bool:
    if not any(lens.coefficients) and LENS_MODELS[lens.model].distort is LENS_MODELS["PINHOLE"].distort:
        return True
    height, width = lens.hw
    xy = np.stack(np.meshgrid(np.linspace(0, width, 33), np.linspace(0, height, 33)), axis=-1)
    moved = lens.distort((xy - lens.centre_xy) / lens.focal_xy) - xy
    return bool(np.isfinite(moved).all() and np.abs(moved).max() <= PINHOLE_PX)


def _jacobian(lens: Lens, uv: Float64[np.ndarray, "*n 2"]) -> Float64[np.ndarray, "*n 2 2"]:
    """How the distorted image plane follows the rays: d(distorted u, v) / d(u, v)."""
    step = 1e-6
    columns = []
    for axis in (0, 1):
        offset = np.zeros(2)
        offset[axis] = step
        columns.append((lens.distort(uv + offset) - lens.distort(uv - offset)) / (2 * step) / lens.focal_xy)
    return np.stack(columns, axis=-1)


def _unfolded(jacobian: Float64[np.ndarray, "*n 2 2"]) -> Bool[np.ndarray, "*n"]:
    """Whether the lens keeps the order of neighbouring rays, in both directions."""
    trace = jacobian[..., 0, 0] + jacobian[..., 1, 1]
    determinant = jacobian[..., 0, 0] * jacobian[..., 1, 1] - jacobian[..., 0, 1] * jacobian[..., 1, 0]
    smaller = trace / 2 - np.sqrt(np.maximum(trace * trace / 4 - determinant, 0))
    return (smaller > _MIN_STRETCH) & (determinant > 0)


def _rays_of(lens: Lens, xy: Float64[np.ndarray, "*n 2"]) -> Float64[np.ndarray, "*n 2"]:
    """By Newton's method, in steps from the middle of the picture to each position."""
    uv = np.zeros_like(xy)
    going = np.ones(xy.shape[:-1], bool)
    limit = math.tan(math.radians(85))
    with np.errstate(all="ignore"):
        straight, arrived = _newton(lens, uv, xy, _DIRECT_STEPS)
        in_front = np.hypot(straight[..., 0], straight[..., 1]) < limit
        if (arrived & in_front).all():
            on_the_way = (straight * share for share in np.linspace(0, 1, _CHECKS + 1)[1:])
            if all(_unfolded(_jacobian(lens, uv)).all() for uv in on_the_way):
                return straight
        for step in range(1, _STEPS + 1):
            wanted = lens.centre_xy + (xy - lens.centre_xy) * (step / _STEPS)
            trial, arrived = _newton(lens, uv, wanted, _NEWTON_STEPS)
            going = (
                going & arrived & _unfolded(_jacobian(lens, trial)) & (np.hypot(trial[..., 0], trial[..., 1]) < limit)
            )
            uv = np.where(going[..., None], trial, uv)
    return uv


def _newton(
    lens: Lens, uv: Float64[np.ndarray, "*n 2"], xy: Float64[np.ndarray, "*n 2"], steps: int
) -> tuple[Float64[np.ndarray, "*n 2"], Bool[np.ndarray, "*n"]]:
    """Rays that the lens takes to positions, from rays near them, and whether it does."""
    for _ in range(steps):
        missing = (xy - lens.distort(uv)) / lens.focal_xy
        jacobian = _jacobian(lens, uv)
        determinant = jacobian[..., 0, 0] * jacobian[..., 1, 1] - jacobian[..., 0, 1] * jacobian[..., 1, 0]
        along_u = jacobian[..., 1, 1] * missing[..., 0] - jacobian[..., 0, 1] * missing[..., 1]
        along_v = jacobian[..., 0, 0] * missing[..., 1] - jacobian[..., 1, 0] * missing[..., 0]
        uv = uv + np.stack([along_u, along_v], axis=-1) / determinant[..., None]
    return uv, np.abs(lens.distort(uv) - xy).max(axis=-1) < 1e-3


@lru_cache(maxsize=10_000)
def _undistortion(lens: Lens) -> Undistortion:
    left, right, upper, lower = _rays_of(lens, _border(lens.hw))
    reach = math.tan(MAX_HALF_ANGLE)
    begin = np.maximum([left[:, 0].max(), upper[:, 1].max()], -reach)
    end = np.minimum([right[:, 0].min(), lower[:, 1].min()], reach)
    focal = np.array(lens.focal_xy) * np.diagonal(_jacobian(lens, np.zeros((1, 2)))[0])
    wh = np.array(lens.hw[::-1])
    begin, end = _inside(lens, begin, end)
    if not ((end - begin) * focal >= MIN_KEPT * wh).all():
        raise LensError(
            f"its distortion ({_named(lens)}) leaves {max(0, (end - begin)[0] * focal[0]):.0f}x"
            f"{max(0, (end - begin)[1] * focal[1]):.0f} of {wh[0]}x{wh[1]} pixels; look at its coefficients and the "
            "size they are for, or undistort the pictures first"
        )
    focal *= min(1.0, *(MAX_GROWTH * wh / ((end - begin) * focal)))
    exact = (end - begin) * focal
    whole = np.floor(exact + 1e-6)
    centre = -begin * focal - (exact - whole) / 2
    return Undistortion(
        lens=lens, focal_xy=tuple(focal.tolist()), centre_xy=tuple(centre.tolist()), hw=(int(whole[1]), int(whole[0]))
    )


def _inside(lens: Lens, begin: np.ndarray, end: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The rectangle of rays, made smaller about its middle until the lens shows all of it."""
    slack = 0.51  # pixels: centres stay inside where the sides are followed in steps
    for shrunk in np.linspace(1, 0.5, 51):
        middle, half = (begin + end) / 2, (end - begin) / 2 * shrunk
        uv = np.stack(np.meshgrid(*(np.linspace(m - h, m + h, 33) for m, h in zip(middle, half, strict=True))), axis=-1)
        with np.errstate(all="ignore"):
            xy, unfolded = lens.distort(uv), _unfolded(_jacobian(lens, uv)).all()
        seen = unfolded and (xy >= -slack).all() and (xy <= np.array(lens.hw[::-1]) + slack).all()
        if seen:
            return middle - half, middle + half
    return begin, begin


def _named(lens: Lens) -> str:
    names = LENS_MODELS[lens.model].coefficients
    listed = ", ".join(f"{name} = {value:g}" for name, value in zip(names, lens.coefficients, strict=True))
    return f"{lens.model} {listed}".strip()
