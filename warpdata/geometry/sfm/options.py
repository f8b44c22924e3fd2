"""Options of structure from motion and of the stereo after it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import tyro


@dataclass(frozen=True, kw_only=True)
class SfmOptions:
    """How structure from motion (--geometry sfm) and the stereo after it are run."""

    match_megapixels: float = 1.6
    """Structure from motion finds features in pictures reduced to this many millions of pixels."""
    depth_megapixels: float = 0.25
    """Size of the depth maps of structure from motion, in millions of pixels; never larger than the picture."""
    sources: Annotated[int, tyro.conf.arg(name="stereo-sources")] = 6
    """Views that each view's depth is computed from, with structure from motion."""
    threads: Annotated[int, tyro.conf.arg(name="sfm-threads")] = 0
    """Threads of feature extraction and matching (0: one a core). The result does not depend on it."""
    time_limit_s: Annotated[float, tyro.conf.arg(name="sfm-time-limit-s")] = 3600.0
    """Seconds that a run of pycolmap may take before it is given up; a scene has a few of them."""

    def __post_init__(self) -> None:
        positive = {
            "`match_megapixels`": self.match_megapixels,
            "`depth_megapixels`": self.depth_megapixels,
            "`time_limit_s`": self.time_limit_s,
        }
        for flag, value in positive.items():
            if not value > 0:
                raise ValueError(f"{flag} is {value}; it must be a positive number")
        if self.sources < 1:
            raise ValueError(f"`sources` is {self.sources}; each view's depth needs at least 1 other view")
        if self.threads < 0:
            raise ValueError(f"`threads` is {self.threads}; use 0 for one a core, or a positive number")
