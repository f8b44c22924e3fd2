"""Which views are paired."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class PairOptions:
    """Which views are paired."""

    pairs: Literal["next", "window", "all", "overlap"] = "next"
    """next: each view with the one after it; window: with the next K; all: every two views; overlap: chosen by the
    measured share of the target that the reference covers."""
    pair_window: int = 3
    """K of --pairs window, and how far apart --pairs overlap looks (0: any distance)."""
    pair_overlap: tuple[float, float] = (0.3, 0.9)
    """Least and greatest covered share of the target with --pairs overlap."""
    overlap_histogram: tuple[float, ...] = ()
    """Wanted shares of pairs with --pairs overlap, as relative numbers for equal steps of the covered share from least
    to greatest: 1 1 2 takes as many pairs from the lowest and middle third, and twice as many from the highest. Each
    scene gives as many pairs as these shares allow; a step without any pair in a scene is passed over. Without it, all
    pairs are used."""
    both_directions: bool = False
    """Use every pair in both directions."""

    def __post_init__(self) -> None:
        if self.pair_window < 0 or (self.pairs == "window" and self.pair_window == 0):
            raise ValueError(f"`pair_window` is {self.pair_window}; it must be at least 1")
        low, high = self.pair_overlap
        if not 0 <= low < high <= 1:
            raise ValueError(f"`pair_overlap` is {low} {high}; it must be two numbers with 0 <= low < high <= 1")
        if self.overlap_histogram:
            if self.pairs != "overlap":
                raise ValueError(f'`overlap_histogram` goes with `pairs="overlap"`, not {self.pairs}')
            if not (min(self.overlap_histogram) >= 0 and 0 < sum(self.overlap_histogram) < float("inf")):
                shares = " ".join(map(str, self.overlap_histogram))
                raise ValueError(f"`overlap_histogram` is {shares}; none may be negative, and one must be positive")
