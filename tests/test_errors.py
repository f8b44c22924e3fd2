"""Reasons are said once, with everything that has them, and messages stay short."""

import pickle

from warpdata.errors import LISTED_REASONS, GeometryError, group_reasons, grouped_reasons

EIGHTY = {f"{number:03d}": f"/in/a/images/{number:03d}.png ships no depth" for number in range(80)}


def test_reasons_that_differ_in_the_name_alone_are_one():
    (group,) = group_reasons(EIGHTY)
    assert group.names == tuple(EIGHTY)
    assert group.reason == "/in/a/images/<name>.png ships no depth"
    assert grouped_reasons(EIGHTY) == "80 (000, 001, 002, ...): /in/a/images/<name>.png ships no depth"


def test_a_reason_of_one_name_stays_as_it_is():
    (group,) = group_reasons({"000": "/in/000.png is broken"})
    assert (group.names, group.reason) == (("000",), "/in/000.png is broken")
    assert grouped_reasons({"000": "/in/000.png is broken"}) == "000: /in/000.png is broken"


def test_a_name_is_no_part_of_a_word_or_number():
    """View 1 and view 2 are refused for different sizes, though the digits of their names are in both."""
    groups = group_reasons({"1": "is 11x21 pixels", "2": "is 12x22 pixels", "3": "is 12x22 pixels"})
    assert [(group.names, group.reason) for group in groups] == [
        (("1",), "is 11x21 pixels"),
        (("2", "3"), "is 12x22 pixels"),
    ]


def test_every_name_is_in_exactly_one_group():
    reasons = {f"v{number}": f"reason {number % 7}" for number in range(100)}
    groups = group_reasons(reasons)
    assert sorted(name for group in groups for name in group.names) == sorted(reasons)
    assert [group.reason for group in groups] == [f"reason {number}" for number in range(7)]


def test_a_message_is_bounded_and_counts_what_it_leaves_out():
    many = {f"view{number}": "x" * number for number in range(1, 1001)}
    text = grouped_reasons(many)
    assert text.count(": ") == LISTED_REASONS
    assert text.endswith(f"and {1000 - LISTED_REASONS} more reasons for {1000 - LISTED_REASONS} others")


def test_no_name_and_no_reason():
    assert grouped_reasons({}) == ""
    assert grouped_reasons({"": "nothing"}) == ": nothing"


def test_an_error_keeps_every_reason_and_says_them_grouped():
    error = GeometryError("no view of scene a has geometry", EIGHTY)
    assert str(error) == f"no view of scene a has geometry: {grouped_reasons(EIGHTY)}"
    assert error.left_out == EIGHTY
    back = pickle.loads(pickle.dumps(error))  # noqa: S301
    assert (str(back), back.left_out) == (str(error), EIGHTY)
    assert str(GeometryError("none", {})) == "none"
