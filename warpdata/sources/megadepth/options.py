"""Options that the four sources share. Light to import: command lines read them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class MegaDepthOptions:
    """Which depth of MegaDepth, Aerial-MegaDepth and folders made of them is used."""

    max_depth: float = 2000.0
    """Drop depth above so many metres (0: no limit). Depth in an arbitrary unit, as MegaDepth's own, is not limited."""
    depth_percentile: float = 100.0
    """Drop depth above this percentile of its map; 98 is what others train with, 100 keeps all."""
    sky_masks: Path | None = None
    """Folder of segmentations, SCENE/NAME.png with classes of ADE20K: depth where the class is 2, sky, is dropped."""
    layout_name: str = ""
    """Which reconstruction of an aerial-megadepth scene is used, such as sfm_sift; by default the newest complete."""

    def __post_init__(self) -> None:
        if not 0 <= self.max_depth < math.inf:
            raise ValueError(f"`max_depth` is {self.max_depth}; it must be a number of metres, or 0 for no limit")
        if not 0 < self.depth_percentile <= 100:
            raise ValueError(f"`depth_percentile` is {self.depth_percentile}; it must lie above 0 and up to 100")
        if "/" in self.layout_name or "\\" in self.layout_name or self.layout_name in (".", ".."):
            raise ValueError(f"`layout_name` is {self.layout_name!r}; it is the name of one folder")
