"""Which pairs each strategy gives, worked by hand, and what samples are called."""

import pytest

from warpdata.config import PairOptions
from warpdata.triplets.pairs import choose_pairs, sample_name


def indices(num_frames, overlap=None, **options):
    pairs = choose_pairs("s", num_frames, PairOptions(**options), overlap)
    return [(pair.reference, pair.target) for pair in pairs]


def test_next():
    assert indices(4) == [(0, 1), (1, 2), (2, 3)]
    assert indices(3, both_directions=True) == [(1, 0), (0, 1), (2, 1), (1, 2)]


def test_window():
    assert indices(4, pairs="window", pair_window=2) == [(0, 1), (0, 2), (1, 2), (1, 3), (2, 3)]


def test_all():
    assert indices(3, pairs="all") == [(0, 1), (0, 2), (1, 2)]
    assert len(indices(5, pairs="all", both_directions=True)) == 20


def test_overlap_keeps_what_lies_between_its_bounds():
    measured = {(0, 1): 0.95, (0, 2): 0.5, (1, 2): 0.9, (0, 3): 0.1, (1, 3): 0.3, (2, 3): 0.8}
    kept = indices(4, lambda *pair: measured[pair], pairs="overlap", pair_window=0, pair_overlap=(0.3, 0.9))
    assert kept == [(0, 2), (1, 2), (1, 3), (2, 3)]


def ramp(reference, target):
    """Overlap of frames on a line: 1 next to each other, a twentieth less for each step apart."""
    return 1 - abs(target - reference) / 20


@pytest.mark.parametrize("histogram", [(1.0, 1.0, 1.0, 1.0), (1.0, 2.0, 0.0, 4.0), (0.0, 0.0, 0.0, 5.0)])
def test_overlap_is_sampled_to_a_histogram(histogram):
    """Of 4 bins a fifth wide, from 0.2 to 1, the lowest holds the fewest pairs and sets the number of the others."""
    options = {"pairs": "overlap", "pair_window": 0, "pair_overlap": (0.2, 1.0)}
    every = indices(20, ramp, **options)
    kept = indices(20, ramp, **options, overlap_histogram=histogram)
    assert kept == indices(20, ramp, **options, overlap_histogram=histogram)
    assert set(kept) <= set(every)
    assert kept == [pair for pair in every if pair in set(kept)]

    def counts(pairs):
        steps = [min(int((ramp(*pair) - 0.2) / 0.8 * 4), 3) for pair in pairs]
        return [steps.count(step) for step in range(4)]

    have, got = counts(every), counts(kept)
    scale = min(have[step] / share for step, share in enumerate(histogram) if share)
    assert got == [round(scale * share) for share in histogram]


def test_a_step_of_the_histogram_without_pairs_is_passed_over():
    overlap = {(0, 1): 0.9, (1, 2): 0.85, (0, 2): 0.1}
    kept = indices(
        3, lambda *pair: overlap[pair], pairs="overlap", pair_overlap=(0.0, 1.0), overlap_histogram=(1.0, 1.0, 1.0)
    )
    assert len(kept) == 2
    assert (0, 2) in kept


def test_which_pairs_are_sampled_differs_from_scene_to_scene():
    options = PairOptions(pairs="overlap", pair_window=0, pair_overlap=(0.2, 1.0), overlap_histogram=(1.0, 1.0))
    chosen = [{(p.reference, p.target) for p in choose_pairs(scene, 12, options, ramp)} for scene in ("a", "b")]
    assert len(chosen[0]) == len(chosen[1])
    assert chosen[0] != chosen[1]


def test_overlap_needs_a_measure():
    with pytest.raises(ValueError, match="measured"):
        indices(4, pairs="overlap")


def test_no_pair_without_two_frames():
    assert indices(1, pairs="all", both_directions=True) == []


def test_a_sample_is_named_after_its_target_and_where_needed_its_reference():
    assert sample_name("a", "b", PairOptions()) == "b"
    assert sample_name("a", "b", PairOptions(both_directions=True)) == "b__a"
    assert sample_name("a", "b", PairOptions(pairs="window")) == "b__a"


@pytest.mark.parametrize(
    "options",
    [
        {"pairs": "window", "pair_window": 0},
        {"pair_overlap": (0.9, 0.3)},
        {"pair_overlap": (-0.1, 0.3)},
        {"overlap_histogram": (1.0, 2.0)},
        {"pairs": "overlap", "overlap_histogram": (1.0, -2.0)},
        {"pairs": "overlap", "overlap_histogram": (0.0, 0.0)},
    ],
)
def test_contradictory_options_are_refused(options):
    with pytest.raises(ValueError, match=r"`pair|`overlap"):
        PairOptions(**options)
