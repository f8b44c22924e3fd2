"""Which frames of a video become views. Light to import: command lines read it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

AUTO_FPS = 2.0
"""Frames of a second that `auto` takes at most,"""

AUTO_FRAMES = 20
"""and of a short clip so many."""


@dataclass(frozen=True, kw_only=True)
class VideoOptions:
    """Which frames of a video become views: the sharpest of each moment, once the picture has moved."""

    fps: float | Literal["auto"] = "auto"
    """Take at most so many frames of each second of a video; fewer where the camera stands still. auto takes 2, and
    more of a clip shorter than 10 s, so that there are 20."""
    max_frames: int = 300
    """Take at most so many frames of a video, spread over all of it (0: no limit)."""
    min_sharpness: float = 0.5
    """Leave out frames less sharp than this part of those around them, 0 (none) to 1: motion blur, focus hunting."""

    def __post_init__(self) -> None:
        if self.fps != "auto" and not 0 < self.fps < math.inf:
            raise ValueError(f"`fps` is {self.fps}; it must be a positive number, or auto")
        if self.max_frames < 0 or self.max_frames == 1:
            raise ValueError(f"`max_frames` is {self.max_frames}; a pair needs two: use 0 for no limit, or 2 and more")
        if not 0 <= self.min_sharpness <= 1:
            raise ValueError(f"`min_sharpness` is {self.min_sharpness}; it must lie between 0 and 1")

    def stretch_s(self, duration_s: float | None) -> float:
        """Seconds of a video for which one frame is taken at most.

        Args:
            duration_s: of the video; None where it is not known.
        """
        fps = AUTO_FPS if self.fps == "auto" else self.fps
        if self.fps == "auto" and duration_s:
            fps = max(fps, AUTO_FRAMES / duration_s)
        return max(1 / fps, duration_s / self.max_frames) if self.max_frames and duration_s else 1 / fps
