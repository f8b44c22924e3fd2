"""Which pairs each strategy gives, worked by hand, and what samples are called."""

import pytest

from warpdata.config import PairOptions
from warpdata.data.pairs import choose_pairs, sample_name


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
    [{"pairs": "window", "pair_window": 0}, {"pair_overlap": (0.9, 0.3)}, {"pair_overlap": (-0.1, 0.3)}],
)
def test_contradictory_options_are_refused(options):
    with pytest.raises(ValueError, match="--pair"):
        PairOptions(**options)
