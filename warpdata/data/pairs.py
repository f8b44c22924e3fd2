"""Which views are paired, and what a pair's sample is called."""

from __future__ import annotations

from collections.abc import Callable

from warpdata.config import PairOptions
from warpdata.data.triplet import Pair

Overlap = Callable[[int, int], float]
"""(reference index, target index) -> share of the target that the reference covers, 0 to 1."""


def choose_pairs(scene_id: str, num_frames: int, options: PairOptions, overlap: Overlap | None = None) -> list[Pair]:
    """Pairs of a scene's frames in the order of (target, reference).

    Args:
        num_frames: how many frames with geometry the scene has.
        options: the strategy.
        overlap: measured shares, needed by the strategy `overlap` alone; called once for each candidate.

    Raises:
        ValueError: the strategy is `overlap` and no measure is given.
    """
    reach = {"next": 1, "window": options.pair_window, "all": 0, "overlap": options.pair_window}[options.pairs]
    candidates = [
        (reference, target)
        for target in range(num_frames)
        for reference in range(num_frames)
        if reference != target
        and (reach == 0 or abs(target - reference) <= reach)
        and (reference < target or options.both_directions)
    ]
    if options.pairs == "overlap":
        if overlap is None:
            raise ValueError("the strategy `overlap` needs measured overlaps")
        low, high = options.pair_overlap
        candidates = [pair for pair in candidates if low <= overlap(*pair) <= high]
    return [Pair(scene_id, reference, target) for reference, target in candidates]


def one_reference_per_target(options: PairOptions) -> bool:
    """Whether the strategy can give a target no more than one reference, whatever the scene."""
    return options.pairs == "next" and not options.both_directions


def sample_name(reference_name: str, target_name: str, options: PairOptions) -> str:
    """A sample's name in its scene: the target's, followed by the reference's where a target may have several."""
    return target_name if one_reference_per_target(options) else f"{target_name}__{reference_name}"
