"""Pairs within renders or photographs, or of one and the other."""

import pytest

from warpdata.config import PairOptions
from warpdata.triplets.pairs import choose_pairs, why_no_pair

DOMAINS = ("rendered", "rendered", "photo", "photo", None)


def pairs_of(**options) -> set[tuple[int, int]]:
    chosen = choose_pairs("scene", len(DOMAINS), PairOptions(**options), domains=DOMAINS)
    return {(pair.reference, pair.target) for pair in chosen}


def test_by_default_nothing_is_asked():
    assert len(pairs_of(pairs="all")) == 10


def test_within_one_kind():
    assert pairs_of(pairs="all", pairs_domain="same") == {(0, 1), (2, 3)}
    assert pairs_of(pairs="next", pairs_domain="same") == {(0, 1), (2, 3)}


def test_across_renders_come_first_unless_both_ways_are_asked_for():
    assert pairs_of(pairs="all", pairs_domain="across") == {(0, 2), (0, 3), (1, 2), (1, 3)}
    both = pairs_of(pairs="all", pairs_domain="across", both_directions=True)
    assert len(both) == 8
    assert (2, 0) in both


def test_the_strategy_still_holds():
    assert pairs_of(pairs="next", pairs_domain="across") == {(1, 2)}


def test_drawn_cameras_have_no_second_view():
    with pytest.raises(ValueError, match='`pairs_domain="across"`'):
        PairOptions(pairs="reproject", pairs_domain="across")


def test_a_scene_of_one_kind_is_told_what_it_lacks():
    assert "renders and photographs" in why_no_pair(4, PairOptions(pairs_domain="across"))
