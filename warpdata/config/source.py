"""Which views are taken from the input."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class SourceOptions:
    """Which views are taken from the input."""

    input_dir: Path = Path("input")
    """Folder with one sub-folder, tar or zip a scene, or the folder or archive of a single scene."""
    source: str = "auto"
    """How scenes are read: auto takes, folder by folder, the format whose file is there (transforms.json,
    scene_meta.json, ...), else images; a name insists on one for all."""
    skip_every: int = 1
    """Use every Nth view, counted from the first (1: all). Not together with --auto-skip."""
    auto_skip: bool = False
    """Choose views by the overlap of the cameras in transforms.json."""
    target_overlap: float = 0.5
    """Overlap wanted between consecutive views with --auto-skip, 0 to 1."""
    limit: int = 0
    """Use only the first N views of each scene, after the selection above (0: all; 1 leaves no pair and is refused)."""

    keep_odd_views: bool = False
    """Also use views much smaller or of another shape than the scene's others, which would make all triplets so small
    or narrow, and copies of other views."""

    def __post_init__(self) -> None:
        if self.skip_every < 1:
            raise ValueError(f"`skip_every` is {self.skip_every}; it must be at least 1")
        if not 0 <= self.target_overlap <= 1:
            raise ValueError(f"`target_overlap` is {self.target_overlap}; it must lie between 0 and 1")
        if self.limit < 0 or self.limit == 1:
            raise ValueError(f"`limit` is {self.limit}; a pair needs two views: use 0 for all, or 2 and more")
        if self.auto_skip and self.skip_every > 1:
            raise ValueError("`auto_skip` and `skip_every` both choose views; give one of them")
