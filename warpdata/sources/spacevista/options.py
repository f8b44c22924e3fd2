"""Options of the source. Light to import: command lines read them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class SpaceVistaOptions:
    """Frames of SpaceVista's items as scenes."""

    meta: Path = Path("meta.json")
    """The JSON of the items, in the input folder or anywhere."""
    subset: tuple[str, ...] = ()
    """Only scenes of these data sets, such as DL3DV; by default all."""
    min_frames: int = 3
    """Leave a scene out that has fewer frames."""
    object_mask: Literal["none", "keep", "drop"] = "none"
    """Points of a frame that has a mask: of its objects alone (keep), of all else (drop), or of everything (none)."""
    point_order: Literal["yx", "xy"] = "yx"
    """How points in the items are written: row first, as the format says, or column first. Scenes have no points; it is
    for their preview and for training."""

    def __post_init__(self) -> None:
        if self.min_frames < 2:
            raise ValueError(f"`min_frames` is {self.min_frames}; a pair needs two frames")
