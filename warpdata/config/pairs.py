"""Which views are paired."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class PairOptions:
    """Which views are paired."""

    pairs: Literal["next", "window", "all", "overlap", "reproject"] = "next"
    """next: each view with the one after it; window: with the next K; all: every two views; overlap: chosen by the
    measured share of the target that the reference covers; reproject: each view with itself, seen from a drawn camera
    and back."""
    pair_window: int = 3
    """K of --pairs window, and how far apart --pairs overlap looks (0: any distance)."""
    pair_overlap: tuple[float, float] = (0.3, 0.9)
    """Least and greatest covered share of the target with --pairs overlap; with --pairs reproject the share that is
    seen, that is one minus the share of holes."""
    overlap_histogram: tuple[float, ...] = ()
    """Wanted shares of pairs with --pairs overlap and reproject, as relative numbers for equal steps of the covered
    share from least to greatest: 1 1 2 takes as many pairs from the lowest and middle third, and twice as many from
    the highest. With overlap, each scene gives as many pairs as these shares allow; a step without any pair in a scene
    is passed over. Without it, all pairs are used. With reproject, cameras are drawn so that the seen shares are so;
    without it all shares are equally likely."""
    both_directions: bool = False
    """Use every pair in both directions."""
    pairs_domain: Literal["any", "same", "across"] = "any"
    """Of scenes of renders and photographs, only pairs of one kind (same), or of a render and a photograph (across).
    Renders come first in a scene, so across wants --pairs all, or overlap with --pair-window 0."""
    reference: Literal["nearest", "none"] = "nearest"
    """Which reference goes with --pairs reproject: the scene's nearest other view, or none, as for single pictures."""
    drawn_cameras: int = 1
    """Cameras drawn for each picture with --pairs reproject."""

    @property
    def least_views(self) -> int:
        """Views that a scene needs to have any pair."""
        return 2 if self.has_references else 1

    @property
    def has_references(self) -> bool:
        """Whether triplets have a reference."""
        return not (self.pairs == "reproject" and self.reference == "none")

    def __post_init__(self) -> None:
        if self.pair_window < 0 or (self.pairs == "window" and self.pair_window == 0):
            raise ValueError(f"`pair_window` is {self.pair_window}; it must be at least 1")
        low, high = self.pair_overlap
        if not 0 <= low < high <= 1:
            raise ValueError(f"`pair_overlap` is {low} {high}; it must be two numbers with 0 <= low < high <= 1")
        if self.overlap_histogram:
            if self.pairs not in ("overlap", "reproject"):
                raise ValueError(f'`overlap_histogram` goes with `pairs="overlap"` or reproject, not {self.pairs}')
            if not (min(self.overlap_histogram) >= 0 and 0 < sum(self.overlap_histogram) < float("inf")):
                shares = " ".join(map(str, self.overlap_histogram))
                raise ValueError(f"`overlap_histogram` is {shares}; none may be negative, and one must be positive")
        if self.pairs == "reproject" and self.pairs_domain != "any":
            raise ValueError(f'`pairs_domain="{self.pairs_domain}"` is for pairs of two views, not `pairs="reproject"`')
        if self.drawn_cameras < 1:
            raise ValueError(f"`drawn_cameras` is {self.drawn_cameras}; at least one must be drawn")
        if self.pairs == "reproject":
            if self.both_directions:
                raise ValueError(
                    '`both_directions` is for pairs of two views; `pairs="reproject"` takes each by itself'
                )
        elif self.reference != "nearest" or self.drawn_cameras != 1:
            option = "reference" if self.reference != "nearest" else "drawn_cameras"
            raise ValueError(f'`{option}` goes with `pairs="reproject"`, not {self.pairs}')
