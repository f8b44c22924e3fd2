"""Which views are paired, and what a pair's sample is called."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence

from warpdata.config import PairOptions
from warpdata.triplets.triplet import Pair

Overlap = Callable[[int, int], float]
"""(reference index, target index) -> share of the target that the reference covers, 0 to 1."""


Nearest = Callable[[int], int]
"""target index -> index of its nearest other view."""


def choose_pairs(
    scene_id: str,
    num_frames: int,
    options: PairOptions,
    overlap: Overlap | None = None,
    nearest: Nearest | None = None,
    domains: Sequence[str | None] = (),
) -> list[Pair]:
    """Pairs of a scene's frames in the order of (target, reference).

    Args:
        num_frames: how many frames with geometry the scene has.
        options: the strategy.
        overlap: measured shares, needed by the strategy `overlap` alone; called once for each candidate.
        domains: of every frame whether it is a render or a photograph, None where nothing says it; needed where pairs
            are restricted by it.
        nearest: finds references for the strategy `reproject`, where there are other views; without it the view before.

    Raises:
        ValueError: the strategy is `overlap` and no measure is given.
    """
    if options.pairs == "reproject":
        return list(_reprojected(scene_id, num_frames, options, nearest or (lambda target: abs(target - 1))))
    reach = {"next": 1, "window": options.pair_window, "all": 0, "overlap": options.pair_window}[options.pairs]
    candidates = [
        (reference, target)
        for target in range(num_frames)
        for reference in range(num_frames)
        if reference != target
        and (reach == 0 or abs(target - reference) <= reach)
        and (reference < target or options.both_directions)
        and (options.pairs_domain == "any" or _suits(options, domains[reference], domains[target]))
    ]
    if options.pairs == "overlap":
        if overlap is None:
            raise ValueError("the strategy `overlap` needs measured overlaps")
        low, high = options.pair_overlap
        measured = {pair: overlap(*pair) for pair in candidates}
        candidates = [pair for pair in candidates if low <= measured[pair] <= high]
        if options.overlap_histogram:
            step_of = {pair: histogram_step(measured[pair], options) for pair in candidates}
            candidates = sample_to_histogram(scene_id, candidates, step_of, options.overlap_histogram)
    return [Pair(scene_id, reference, target) for reference, target in candidates]


def _suits(options: PairOptions, reference: str | None, target: str | None) -> bool:
    """Whether a pair is within one kind of pictures, or across two, as is asked for."""
    if options.pairs_domain == "same":
        return reference == target
    return None not in (reference, target) and reference != target


def _reprojected(scene_id: str, num_frames: int, options: PairOptions, nearest: Nearest) -> Iterator[Pair]:
    """Every view with as many drawn cameras as are asked for; none where it needs a reference and there is no other."""
    if options.reference == "nearest" and num_frames < 2:
        return
    for target in range(num_frames):
        reference = nearest(target) if options.reference == "nearest" else None
        for draw in range(options.drawn_cameras):
            yield Pair(scene_id, reference, target, draw)


def why_no_pair(num_frames: int, options: PairOptions) -> str:
    """What to say of a scene without pairs."""
    said = f'no pair of its {num_frames} views with geometry is asked for by `pairs="{options.pairs}"`'
    if options.pairs_domain != "any":
        said += f' and `pairs_domain="{options.pairs_domain}"`'
    if options.pairs_domain == "across":
        said += '; a scene needs renders and photographs, and renders come first: try `pairs="all"`'
    if options.pairs == "reproject":
        said += '; a single picture has no other view for a reference: use `reference="none"`'
    return said


def histogram_step(overlap: float, options: PairOptions) -> int:
    """Which of the equal steps between the bounds an overlap lies in; the greatest overlap belongs to the last."""
    low, high = options.pair_overlap
    steps = len(options.overlap_histogram)
    return min(int((overlap - low) / (high - low) * steps), steps - 1)


def sample_to_histogram(
    scene_id: str,
    candidates: Sequence[tuple[int, int]],
    step_of: Mapping[tuple[int, int], int],
    histogram: Sequence[float],
) -> list[tuple[int, int]]:
    """The most pairs whose numbers are as the histogram's, rounded, over the steps that have candidates at all.

    Which ones is decided by a hash of (scene, reference, target), so that it is the same in every run.

    Returns:
        A selection of `candidates`, in their order.
    """
    by_step: dict[int, list[tuple[int, int]]] = {}
    for pair in candidates:
        if histogram[step_of[pair]] > 0:
            by_step.setdefault(step_of[pair], []).append(pair)
    per_share = min((len(pairs) / histogram[step] for step, pairs in by_step.items()), default=0.0)
    kept: set[tuple[int, int]] = set()
    for step, pairs in by_step.items():
        wanted = max(1, round(per_share * histogram[step]))
        kept.update(sorted(pairs, key=lambda pair: pair_hash(scene_id, *pair))[:wanted])
    return [pair for pair in candidates if pair in kept]


def pair_hash(scene_id: str, reference: int, target: int) -> bytes:
    """A random-looking number for a pair, the same on every machine and in every version."""
    return hashlib.sha256(f"{scene_id}/{reference}/{target}".encode()).digest()


def one_reference_per_target(options: PairOptions) -> bool:
    """Whether the strategy can give a target no more than one reference, whatever the scene."""
    return options.pairs == "next" and not options.both_directions


def sample_name(reference_name: str, target_name: str, options: PairOptions, draw: int = 0) -> str:
    """A sample's name in its scene: the target's, followed by the reference's where a target may have several of them,
    or by the number of the drawn camera."""
    if options.pairs == "reproject":
        return target_name if options.drawn_cameras == 1 else f"{target_name}__{draw}"
    return target_name if one_reference_per_target(options) else f"{target_name}__{reference_name}"
