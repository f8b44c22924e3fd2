"""Options of structure from motion and of the stereo after it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class SfmOptions:
    """How structure from motion and the stereo after it are run."""

    match_megapixels: float = 1.6
    """Features are found in pictures reduced to this many millions of pixels."""
    depth_megapixels: float = 0.25
    """Size of the depth maps, in millions of pixels; never larger than the picture."""
    sources: int = 6
    """Views that each view's depth is computed from."""
    threads: int = 0
    """Threads of feature extraction and matching (0: one a core). The result does not depend on it."""
    time_limit_s: float = 3600.0
    """Seconds that a run of pycolmap may take before it is given up; a scene has a few of them."""

    def __post_init__(self) -> None:
        if not (self.match_megapixels > 0 and self.depth_megapixels > 0 and self.time_limit_s > 0):
            raise ValueError(
                f"match_megapixels {self.match_megapixels}, depth_megapixels {self.depth_megapixels} and time_limit_s "
                f"{self.time_limit_s} must be positive"
            )
        if self.sources < 1 or self.threads < 0:
            raise ValueError(f"sources is {self.sources} and threads {self.threads}; at least 1 and 0 are needed")
