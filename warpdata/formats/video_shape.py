"""From a video's stored frames to upright pictures of square pixels."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import cv2
import numpy as np
from jaxtyping import UInt8

MAX_PIXEL_RATIO = 4
"""Pixels that are longer than wide, or wider than long, by more are a damaged header."""

_ASKEW = 0.02
"""How far a turn may be from a quarter, as a sine."""


@dataclass(frozen=True)
class Orientation:
    """How stored pixels become upright: transposed first where `swaps`, then mirrored."""

    swaps: bool = False
    mirror_x: bool = False
    mirror_y: bool = False


@dataclass(frozen=True, kw_only=True)
class Shape:
    """How a video's frames become pictures; the same for all of them.

    Attributes:
        coded_hw: height and width of the stored frame.
        pixel_ratio: width of a stored pixel by its height.
        orientation: of the stored frame.

    Raises:
        ValueError: the pixels' shape is beyond belief.
    """

    coded_hw: tuple[int, int]
    pixel_ratio: Fraction
    orientation: Orientation

    def __post_init__(self) -> None:
        if not 1 / MAX_PIXEL_RATIO <= self.pixel_ratio <= MAX_PIXEL_RATIO:
            raise ValueError(f"says that its pixels are {self.pixel_ratio} times as wide as high: it is damaged")

    @property
    def square_hw(self) -> tuple[int, int]:
        """Of the frame with square pixels, not yet turned. The lesser side is stretched: no pixel is lost."""
        height, width = self.coded_hw
        if self.pixel_ratio >= 1:
            return height, round(width * self.pixel_ratio)
        return round(height / self.pixel_ratio), width

    @property
    def hw(self) -> tuple[int, int]:
        """Of the upright picture."""
        return self.square_hw[::-1] if self.orientation.swaps else self.square_hw

    def upright(self, pixels: UInt8[np.ndarray, "h w 3"]) -> UInt8[np.ndarray, "H W 3"]:
        """A stored frame's pixels, upright and square."""
        if self.square_hw != self.coded_hw:
            pixels = cv2.resize(pixels, self.square_hw[::-1], interpolation=cv2.INTER_CUBIC)
        if self.orientation.swaps:
            pixels = pixels.transpose(1, 0, 2)
        rows = slice(None, None, -1 if self.orientation.mirror_y else 1)
        columns = slice(None, None, -1 if self.orientation.mirror_x else 1)
        return np.ascontiguousarray(pixels[rows, columns])


def orientation_of(frame: Any) -> Orientation:
    """What a decoded frame's display matrix says (ISO/IEC 14496-12, 8.2.2.1: row vectors times the matrix).

    Raises:
        ValueError: it turns by something else than quarters.
    """
    data = frame.side_data.get("DISPLAYMATRIX")
    if data is None:
        return Orientation()
    a, b, _, c, d = (int(value) for value in np.frombuffer(bytes(data), np.int32)[:5])
    straight, crossed = max(abs(a), abs(d)), max(abs(b), abs(c))
    if not straight and not crossed:
        return Orientation()
    if min(straight, crossed) > _ASKEW * max(straight, crossed):
        raise ValueError("is to be turned by something else than a quarter; turn its pixels, and remove the rotation")
    if straight > crossed:
        return Orientation(mirror_x=a < 0, mirror_y=d < 0)
    return Orientation(swaps=True, mirror_x=c < 0, mirror_y=b < 0)
