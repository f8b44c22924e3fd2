"""Pictures to network input, and the record of where in it each picture lies."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor

_TARGET, _PATCH = 518, 14
_OMEGA_PATCH = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentBox:
    """Where one picture lies in its network input.

    Positions count pixels from the top left corner, so the centre of the first pixel is (0.5, 0.5). A position
    (x, y) of the picture is at `(x * scale[0] + offset[0], y * scale[1] + offset[1])` in the input.

    Attributes:
        picture_hw: size of the picture as given.
        input_hw: size of the network input.
        box: left, top, right, bottom of the part of the input that shows the picture; around it is padding.
        scale: input pixels per picture pixel along x and y; they differ slightly.
        offset: position in the input of the picture's top left corner; outside `box` where the picture was cropped.
    """

    picture_hw: tuple[int, int]
    input_hw: tuple[int, int]
    box: tuple[int, int, int, int]
    scale: tuple[float, float]
    offset: tuple[float, float]

    @property
    def picture_box(self) -> tuple[float, float, float, float]:
        """Left, top, right, bottom of the part of the picture that the input shows, in picture pixels."""
        (sx, sy), (tx, ty), (x0, y0, x1, y1) = self.scale, self.offset, self.box
        return ((x0 - tx) / sx, (y0 - ty) / sy, (x1 - tx) / sx, (y1 - ty) / sy)


class Preprocessed(NamedTuple):
    """Network input of one scene, RGB in [0, 1], and one record per picture."""

    images: Float[Tensor, "n 3 H W"]
    boxes: list[ContentBox]


def preprocess(pictures: Sequence[Image.Image], mode: Literal["crop", "pad"] = "crop") -> Preprocessed:
    """VGGT's input: width 518, or the longer side in mode `pad`, and multiples of 14.

    `crop` keeps the middle 518 rows of what is taller. `pad` fills up to 518 x 518 with white. Pictures that come out
    at different sizes are padded with white to the largest. Orientation metadata is not looked at; only mode RGBA is
    blended (over white).

    Raises:
        ValueError: no pictures, an unknown mode, or a picture so flat that a side rounds to 0.
    """
    parts = []
    for picture in pictures:
        w, h = picture.size
        part = _resized(picture, (0, 0, w, h), _vggt_size(w, h, mode))
        parts.append(_rows_cropped(part, _TARGET) if mode == "crop" else _padded(part, (_TARGET, _TARGET)))
    return _stacked(parts)


def input_size(picture_hw: tuple[int, int], mode: Literal["crop", "pad"] = "crop") -> tuple[int, int]:
    """Height and width that `preprocess` gives to a picture of this size on its own."""
    if mode == "pad":
        return (_TARGET, _TARGET)
    width, height = _vggt_size(picture_hw[1], picture_hw[0], mode)
    return (min(height, _TARGET), width)


def preprocess_omega(
    pictures: Sequence[Image.Image], mode: Literal["balanced", "max_size"] = "balanced", *, resolution: int = 512
) -> Preprocessed:
    """VGGT-Omega's input: sides are multiples of 16.

    `balanced` gives every shape about as many patches as a square of side `resolution`; `max_size` makes the longer
    side `resolution`. Pictures beyond an aspect ratio of 2 lose their ends. For the rest, see `preprocess`.

    Raises:
        ValueError: no pictures, an unknown mode, or a resolution that is no positive multiple of 16.
    """
    _check_omega(mode, resolution)
    parts = []
    for picture in pictures:
        crop = _within_aspect_two(*picture.size)
        parts.append(_resized(picture, crop, _omega_size(crop, mode, resolution)))
    return _stacked(parts)


def input_size_omega(
    picture_hw: tuple[int, int], mode: Literal["balanced", "max_size"] = "balanced", *, resolution: int = 512
) -> tuple[int, int]:
    """Height and width that `preprocess_omega` gives to a picture of this size on its own."""
    _check_omega(mode, resolution)
    width, height = _omega_size(_within_aspect_two(picture_hw[1], picture_hw[0]), mode, resolution)
    return (height, width)


def _vggt_size(w: int, h: int, mode: str) -> tuple[int, int]:
    """Width and height that a picture is resized to, before rows are cropped or borders added."""
    if mode not in ("crop", "pad"):
        raise ValueError(f"the mode is 'crop' or 'pad', not {mode!r}")
    if mode == "pad" and h > w:
        return (_PATCH * round(w * (_TARGET / h) / _PATCH), _TARGET)
    return (_TARGET, _PATCH * round(h * (_TARGET / w) / _PATCH))


def _check_omega(mode: str, resolution: int) -> None:
    if mode not in ("balanced", "max_size"):
        raise ValueError(f"the mode is 'balanced' or 'max_size', not {mode!r}")
    if resolution < _OMEGA_PATCH or resolution % _OMEGA_PATCH:
        raise ValueError(f"the resolution must be a positive multiple of {_OMEGA_PATCH}; got {resolution}")


def _omega_size(crop: tuple[int, int, int, int], mode: str, resolution: int) -> tuple[int, int]:
    """Width and height that a cropped picture is resized to."""
    patch = _OMEGA_PATCH
    aspect = (crop[3] - crop[1]) / (crop[2] - crop[0])
    if mode == "balanced":
        across = math.sqrt((resolution // patch) ** 2 / aspect)
        down = (resolution // patch) ** 2 / across
        return (patch * max(1, round(across)), patch * max(1, round(down)))
    if aspect >= 1:
        return (patch * max(1, round(resolution / aspect / patch)), resolution)
    return (resolution, patch * max(1, round(resolution * aspect / patch)))


class _Part(NamedTuple):
    pixels: np.ndarray  # [H, W, 3] uint8
    box: ContentBox


def _rgb(picture: Image.Image) -> Image.Image:
    if picture.mode == "RGBA":
        picture = Image.alpha_composite(Image.new("RGBA", picture.size, (255, 255, 255, 255)), picture)
    return picture.convert("RGB")


def _within_aspect_two(w: int, h: int) -> tuple[int, int, int, int]:
    """The middle of a picture, cut to a height between half and twice the width: left, top, right, bottom."""
    if h / w < 0.5:
        width = min(w, max(1, round(h / 0.5)))
        left = (w - width) // 2
        return (left, 0, left + width, h)
    if h / w > 2:
        height = min(h, max(1, round(w * 2)))
        top = (h - height) // 2
        return (0, top, w, top + height)
    return (0, 0, w, h)


def _resized(picture: Image.Image, crop: tuple[int, int, int, int], size: tuple[int, int]) -> _Part:
    w, h = picture.size
    if min(size) < 1:
        raise ValueError(f"a picture of {w} x {h} pixels is too flat: at network size a side rounds to 0")
    image = _rgb(picture)
    if crop != (0, 0, w, h):
        image = image.crop(crop)
    scale = (size[0] / (crop[2] - crop[0]), size[1] / (crop[3] - crop[1]))
    box = ContentBox(
        picture_hw=(h, w),
        input_hw=(size[1], size[0]),
        box=(0, 0, *size),
        scale=scale,
        offset=(-crop[0] * scale[0], -crop[1] * scale[1]),
    )
    return _Part(np.asarray(image.resize(size, Image.Resampling.BICUBIC)), box)


def _rows_cropped(part: _Part, target: int) -> _Part:
    """The middle `target` rows."""
    height, width = part.pixels.shape[:2]
    if height <= target:
        return part
    top = (height - target) // 2
    tx, ty = part.box.offset
    box = replace(part.box, input_hw=(target, width), box=(0, 0, width, target), offset=(tx, ty - top))
    return _Part(part.pixels[top : top + target], box)


def _padded(part: _Part, input_hw: tuple[int, int]) -> _Part:
    """White on all sides; where it cannot be halved, one more at the bottom and on the right."""
    height, width = part.pixels.shape[:2]
    top, left = (input_hw[0] - height) // 2, (input_hw[1] - width) // 2
    if (height, width) == input_hw:
        return part
    pixels = np.full((*input_hw, 3), 255, dtype=np.uint8)
    pixels[top : top + height, left : left + width] = part.pixels
    (x0, y0, x1, y1), (tx, ty) = part.box.box, part.box.offset
    box = replace(
        part.box,
        input_hw=input_hw,
        box=(x0 + left, y0 + top, x1 + left, y1 + top),
        offset=(tx + left, ty + top),
    )
    return _Part(pixels, box)


def _stacked(parts: list[_Part]) -> Preprocessed:
    if not parts:
        raise ValueError("there are no pictures to preprocess")
    input_hw = tuple(max(part.pixels.shape[axis] for part in parts) for axis in (0, 1))
    parts = [_padded(part, input_hw) for part in parts]
    pixels = np.stack([part.pixels for part in parts]).transpose(0, 3, 1, 2)
    images = torch.from_numpy(np.ascontiguousarray(pixels)).float().div_(255)
    return Preprocessed(images, [part.box for part in parts])
