"""Lenses and intrinsics in nerfstudio's keys: `fl_x`, `cx`, `k1`, `camera_model` and their like."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from jaxtyping import Float64
from torch import Tensor

from warpdata.errors import ViewError
from warpdata.lens import Lens

_FISHEYE_MODELS = frozenset({"OPENCV_FISHEYE", "FISHEYE", "SIMPLE_RADIAL_FISHEYE", "RADIAL_FISHEYE"})
_PERSPECTIVE_MODELS = frozenset(
    {"PINHOLE", "SIMPLE_PINHOLE", "SIMPLE_RADIAL", "RADIAL", "OPENCV", "FULL_OPENCV", "PERSPECTIVE"}
)
_RADIAL_KEYS, _TANGENTIAL_KEYS = ("k1", "k2", "k3", "k4", "k5", "k6"), ("p1", "p2")
_LISTED_COEFFICIENTS = ("k1", "k2", "k3", "k4", "p1", "p2")
"""What nerfstudio's `distortion_params` lists."""
_UNREAD_DISTORTION_KEYS = (
    *("K1", "K2", "K3", "K4", "K5", "K6", "P1", "P2", "s1", "s2", "s3", "s4"),
    *("distortion", "distortion_coeffs", "distortion_coefficients", "radial_distortion"),
    *("tangential_distortion", "dist_coeffs", "D"),
)
"""Keys of other programs, each with an order or a formula of its own."""


def check_lens(entry: Mapping[str, Any]) -> None:
    """Refuse lenses that are not known: splats would be bent against their target."""
    advice = "undistort the images first (for example with COLMAP's image_undistorter)"
    model = entry.get("camera_model")
    if model is not None and str(model).upper() not in _PERSPECTIVE_MODELS | _FISHEYE_MODELS:
        raise ViewError(f"camera model {model} is not supported; {advice}")
    for key in _UNREAD_DISTORTION_KEYS:
        value = entry.get(key)
        if value and (not isinstance(value, list) or any(value)):
            raise ViewError(
                f"the lens is distorted ({key} = {value!r:.80}), in words other than nerfstudio's (k1, k2, k3, k4, p1, "
                f"p2); write those, or {advice}"
            )


def lens_of(entry: Mapping[str, Any], hw: tuple[int, int]) -> Lens:
    """The lens of a picture of this size, as nerfstudio and instant-ngp understand the keys; `camera_model` tells how
    k4 and more are meant.

    Raises:
        ViewError: it states none that can be used.
        LensError: its numbers make no lens.
    """
    K = intrinsics_of(entry, hw)
    pinhole = (K[0, 0].item(), K[1, 1].item(), K[0, 2].item(), K[1, 2].item())
    model = str(entry.get("camera_model")).upper()
    value = _coefficients(entry)
    k1, k2, k3, k4, k5, k6 = (value[key] for key in _RADIAL_KEYS)
    p1, p2 = (value[key] for key in _TANGENTIAL_KEYS)
    if model in _FISHEYE_MODELS or entry.get("is_fisheye"):
        if k5 or k6 or p1 or p2:
            raise ViewError("the lens is a fisheye with k5, k6, p1 or p2, and OpenCV's has k1 to k4 alone")
        return Lens(model="OPENCV_FISHEYE", parameters=(*pinhole, k1, k2, k3, k4), hw=hw)
    if model == "FULL_OPENCV":
        return Lens(model="FULL_OPENCV", parameters=(*pinhole, k1, k2, p1, p2, k3, k4, k5, k6), hw=hw)
    if k5 or k6:
        raise ViewError("the lens has k5 or k6, whose meaning only the camera model FULL_OPENCV tells")
    if not any(value.values()):
        return Lens(model="PINHOLE", parameters=pinhole, hw=hw)
    return Lens(model="BROWN", parameters=(*pinhole, k1, k2, k3, k4, p1, p2), hw=hw)


def _coefficients(entry: Mapping[str, Any]) -> dict[str, float]:
    listed = entry.get("distortion_params")
    if listed is not None:
        if not isinstance(listed, list) or (len(listed) != len(_LISTED_COEFFICIENTS) and any(listed)):
            raise ViewError(
                f"distortion_params is {listed!r:.80}, expected 6 numbers ({', '.join(_LISTED_COEFFICIENTS)})"
            )
        entry = {**entry, **dict(zip(_LISTED_COEFFICIENTS, listed, strict=False))}
    return {key: 0.0 if entry.get(key) is None else number_of(entry, key) for key in (*_RADIAL_KEYS, *_TANGENTIAL_KEYS)}


def intrinsics_of(entry: Mapping[str, Any], hw: tuple[int, int]) -> Float64[Tensor, "3 3"]:
    """K of a picture of this size, in pixels.

    Raises:
        ViewError: the file states no focal length, or no number.
    """
    height, width = hw
    if "fl_x" in entry:
        focal_x = number_of(entry, "fl_x")
    elif "camera_angle_x" in entry:
        focal_x = width / (2 * math.tan(_angle(entry, "camera_angle_x") / 2))
    else:
        raise ViewError("it has neither fl_x nor camera_angle_x, so its focal length is not known")
    if "fl_y" in entry:
        focal_y = number_of(entry, "fl_y")
    elif "camera_angle_y" in entry:
        focal_y = height / (2 * math.tan(_angle(entry, "camera_angle_y") / 2))
    else:
        focal_y = focal_x
    centre_x = number_of(entry, "cx") if "cx" in entry else width / 2
    centre_y = number_of(entry, "cy") if "cy" in entry else height / 2
    return torch.tensor([[focal_x, 0, centre_x], [0, focal_y, centre_y], [0, 0, 1]], dtype=torch.float64)


def _angle(entry: Mapping[str, Any], key: str) -> float:
    angle = number_of(entry, key)
    if not 0 < angle < math.pi:
        raise ViewError(f"{key} is {angle}, expected an angle between 0 and pi")
    return angle


def number_of(entry: Mapping[str, Any], key: str) -> float:
    """A finite number of an entry.

    Raises:
        ViewError: it is none.
    """
    value = entry[key]
    try:
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
            raise ViewError(f"{key} is {value!r:.80}, expected a finite number")
        return float(value)
    except OverflowError as error:
        raise ViewError(f"{key} is too large a number") from error
