"""Conditions over named scores: what they mean, what is not known, and that nothing else gets through."""

from __future__ import annotations

import math
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warpdata.config.expressions import MAX_CHARACTERS, MAX_NESTING, Expression

NAMES = ("psnr", "hole_fraction", "baseline")
SCORES = {"psnr": 20.5, "hole_fraction": 0.25, "baseline": -2.0}


def holds(text, scores=SCORES):
    return Expression.parse(text, names=NAMES).evaluate(scores)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("psnr > 18 and hole_fraction < 0.6", True),
        ("psnr>18 and hole_fraction<.2", False),
        ("psnr >= 20.5 and psnr <= 20.5 and psnr == 2.05e1 and not psnr != 20.5", True),
        ("psnr < 18 or hole_fraction == 0.25", True),
        ("psnr < 18 and psnr < 18 or hole_fraction == 0.25", True),  # `and` before `or`
        ("psnr < 18 and (psnr < 18 or hole_fraction == 0.25)", False),
        ("not psnr < 18 and psnr < 18", False),  # `not` takes the comparison alone
        ("not (psnr < 18 and psnr < 18)", True),
        ("0.1 < hole_fraction < 0.3", True),
        ("0.3 < hole_fraction < 0.5", False),
        ("1 + 2 * 3 == 7 and (1 + 2) * 3 == 9", True),
        ("8 / 4 / 2 == 1 and 8 - 4 - 2 == 2", True),  # from the left
        ("-baseline == 2 and - - baseline == -2 and +baseline < 0", True),
        ("psnr - 20 > hole_fraction * 1.9", True),
        ("((psnr)) > (18)", True),
        ("\n psnr\t>\n18 ", True),
    ],
)
def test_what_a_condition_means(text, expected):
    assert holds(text) is expected


UNKNOWN = ({}, {"psnr": None}, {"psnr": math.nan})


@pytest.mark.parametrize("scores", UNKNOWN)
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("psnr > 18", False),
        ("not psnr > 18", False),
        ("psnr != psnr", False),
        ("psnr > 18 or 1 < 2", True),
        ("psnr > 18 and 1 < 2", False),
        ("not (psnr > 18 and 2 < 1)", True),
        ("not (psnr > 18 or 2 < 1)", False),
        ("1 < 2 < psnr", False),
        ("not 2 < 1 < psnr", True),
        ("0 * psnr == 0", False),
    ],
)
def test_what_is_not_known_neither_holds_nor_fails(text, expected, scores):
    assert holds(text, scores) is expected


def test_a_division_by_zero_is_not_known_and_infinity_is_a_number():
    assert not holds("psnr / 0 > 1")
    assert not holds("not psnr / (baseline + 2) > 1")
    assert holds("psnr > 1000000", {"psnr": math.inf})
    assert not holds("psnr - psnr == 0", {"psnr": math.inf})


def test_the_parts_that_fail_are_named():
    condition = Expression.parse("psnr  > 30 and (baseline>0 or psnr>40) and 0.1 < hole_fraction", names=NAMES)
    assert condition.failing(SCORES) == ("psnr > 30", "(baseline>0 or psnr>40)")
    assert condition.text == "psnr > 30 and (baseline>0 or psnr>40) and 0.1 < hole_fraction"
    whole = Expression.parse("psnr > 30 or baseline > 0", names=NAMES)
    assert whole.failing(SCORES) == ("psnr > 30 or baseline > 0",)
    bracketed = Expression.parse("(psnr > 30 and psnr > 18)", names=NAMES)
    assert bracketed.failing(SCORES) == ("psnr > 30",)


@pytest.mark.parametrize(
    ("text", "character", "what"),
    [
        ("psnrr > 18", 1, "there is no psnrr, did you mean psnr"),
        ("psnr > 18 and PSNR < 2", 15, "did you mean psnr"),
        ("psnr > > 18", 8, "expected a number, a name or (, found >"),
        ("psnr > 18 hole_fraction", 11, "expected and, or"),
        ("(psnr > 18", 11, "expected the ) of the ( at character 1, found its end"),
        ("psnr > 18)", 10, "expected and, or"),
        ("psnr", 1, "a number alone says neither yes nor no"),
        ("psnr > 1 and 3", 14, "a number alone"),
        ("1 and psnr > 1", 1, "a number alone"),
        ("psnr > 1 or 3", 13, "a number alone"),
        ("not psnr", 5, "a number alone"),
        ("(psnr > 1) > 0", 1, "a condition is not a number"),
        ("1 + (psnr > 1)", 5, "a condition is not a number"),
        ("-(psnr > 1)", 2, "a condition is not a number"),
        ("psnr = 18", 6, "write =="),
        ("psnr > 1 && psnr > 2", 10, "write and"),
        ("NOT psnr > 1", 1, "write not for NOT"),
        ("", 1, "found its end"),
        ("psnr >", 7, "found its end"),
        ("psnr > 1e999", 8, "too large"),
        ("psnr > '1'", 8, "has no meaning"),
        ("psnr.__class__ > 1", 5, "has no meaning"),
        ("__import__ > 1", 1, "there is no __import__"),
        ("psnr > 1,2", 9, "has no meaning"),
        ("psnr > ١", 8, "has no meaning"),
    ],
)
def test_errors_name_the_place_and_what_is_known(text, character, what):
    with pytest.raises(ValueError) as caught:
        Expression.parse(text, names=NAMES)
    message = str(caught.value)
    assert f"at character {character}:" in message
    assert what in message
    assert message.endswith("known names are baseline, hole_fraction, psnr")


@pytest.mark.parametrize("opening", ["(", "not ", "-", "-(", "not ("])
def test_nesting_and_length_are_bounded(opening):
    with pytest.raises(ValueError, match="inside one another"):
        Expression.parse(opening * (MAX_NESTING + 1) + "psnr", names=NAMES)
    with pytest.raises(ValueError, match="at most"):
        Expression.parse(opening * (MAX_CHARACTERS + 1), names=NAMES)


def test_as_much_as_is_allowed_is_understood():
    assert holds("(" * MAX_NESTING + "psnr > 1" + ")" * MAX_NESTING)
    assert holds(" and ".join(["1<2"] * 240))
    assert holds("+".join(["1"] * 900) + " == 900")


numbers = st.sampled_from(["1", "2.5", ".5", "3e0", "psnr", "hole_fraction", "baseline"])
sums = st.recursive(
    numbers, lambda inner: st.tuples(inner, st.sampled_from("+-*"), inner).map(lambda p: f"({' '.join(p)})")
)
comparisons = st.tuples(sums, st.sampled_from(["<", "<=", ">", ">=", "==", "!="]), sums).map(" ".join)
conditions = st.recursive(
    comparisons,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(" ".join),
        inner.map("({})".format),
        inner.map("not {}".format),
    ),
    max_leaves=6,
)


@given(conditions)
def test_known_scores_mean_what_python_means(text):
    assert holds(text) == eval(text, {"__builtins__": {}}, dict(SCORES))  # noqa: S307


@given(st.text(alphabet="psnr<>=!()+-*/ 12.e_andort\n", max_size=60))
def test_any_text_is_a_condition_or_refused_with_a_place(text):
    try:
        understood = isinstance(holds(text), bool)
    except ValueError as error:
        understood = "at character" in str(error)
    assert understood


def test_a_condition_travels_to_other_processes():
    condition = Expression.parse("psnr > 18 and not baseline / 2 > 1", names=NAMES)
    assert pickle.loads(pickle.dumps(condition)).evaluate(SCORES)  # noqa: S301
