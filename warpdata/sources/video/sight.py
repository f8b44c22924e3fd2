"""What is measured on frames to choose among them: how much detail one shows, and how far the picture has moved."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from jaxtyping import Float32, Int16, UInt8

DETAIL_SIDE = 960
"""Detail is measured on frames reduced to about this long side: less is noise and what the coding left."""

MOTION_SIDE = 480
"""Motion is measured at this long side at most."""

_CORNERS, _CORNER_QUALITY, _CORNER_DISTANCE = 200, 0.01, 7
_FEW_CORNERS = 12
_FLOW_WINDOW, _FLOW_LEVELS = (21, 21), 4
_SAME_LEVELS = 2.0
"""Mean difference of two frames without corners, of 255, up to which they show the same."""


@dataclass(frozen=True)
class Sight:
    """A frame's brightness, reduced.

    Attributes:
        detail: mean square of the smoothed frame's second derivative along its rows, and along its columns: motion
            blur takes that along which it moves. It means something only beside that of others that show much the
            same, as texture raises it too.
        small: what motion is measured on.
    """

    detail: tuple[float, float]
    small: UInt8[np.ndarray, "h w"]

    @classmethod
    def of(cls, luma: UInt8[np.ndarray, "h w"]) -> Sight:
        """Measure a frame."""
        reduced = _reduced(luma, DETAIL_SIDE)
        # Smoothed first: noise, and the different exactness of the coding's kinds of frames, count for less.
        smooth = cv2.GaussianBlur(reduced, (3, 3), 0)
        detail = (_mean_square(cv2.Sobel(smooth, cv2.CV_16S, *order, ksize=1)) for order in ((2, 0), (0, 2)))
        return cls(detail=tuple(detail), small=_reduced(reduced, MOTION_SIDE))

    @cached_property
    def _corners(self) -> Float32[np.ndarray, "n 1 2"] | None:
        return cv2.goodFeaturesToTrack(self.small, _CORNERS, _CORNER_QUALITY, _CORNER_DISTANCE)

    def motion_to(self, other: Sight) -> float:
        """How far the picture moves to another frame: the median over its corners, as a part of its diagonal.

        1 where too little of it is found again to tell: it shows something else.
        """
        if self._corners is None or len(self._corners) < _FEW_CORNERS:
            return float(cv2.absdiff(self.small, other.small).mean() > _SAME_LEVELS)
        moved, found, _ = cv2.calcOpticalFlowPyrLK(
            self.small, other.small, self._corners, None, winSize=_FLOW_WINDOW, maxLevel=_FLOW_LEVELS
        )
        found = found.ravel() == 1
        if found.sum() < max(_FEW_CORNERS, len(found) / 4):
            return 1.0
        steps = np.linalg.norm((moved - self._corners)[found, 0], axis=-1)
        return min(1.0, float(np.median(steps) / np.hypot(*self.small.shape)))


def _mean_square(values: Int16[np.ndarray, "h w"]) -> float:
    mean, deviation = cv2.meanStdDev(values)
    return float(mean[0, 0] ** 2 + deviation[0, 0] ** 2)


def _reduced(luma: UInt8[np.ndarray, "H W"], side: int) -> UInt8[np.ndarray, "h w"]:
    """By whole numbers of pixels, which is fast and moves nothing."""
    height, width = luma.shape
    factor = min(round(max(height, width) / side), height, width)
    if factor <= 1:
        return np.ascontiguousarray(luma)
    rows, columns = height // factor, width // factor
    cropped = np.ascontiguousarray(luma[: rows * factor, : columns * factor])
    return cv2.resize(cropped, (columns, rows), interpolation=cv2.INTER_AREA)
