"""Tables: rows of our own and of other packages, each loaded when it is asked for, a broken one at its own cost."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import EntryPoint

import pytest

from warpdata import plugins
from warpdata.errors import PluginError
from warpdata.plugins import OwnOptions, Table


@dataclass(frozen=True)
class Colour:
    """What the rows of these tests are."""

    name: str
    options: type | None = None


RED, BLUE, MISNAMED = Colour("red"), Colour("blue"), Colour("green")
HERE = __name__


@pytest.fixture
def others(monkeypatch):
    """Entry points of other packages, by name."""
    points: dict[str, str] = {}
    monkeypatch.setattr(
        plugins, "entry_points", lambda group: [EntryPoint(name, value, group) for name, value in points.items()]
    )
    return points


def table() -> Table[Colour]:
    return Table("colour", "tests.colours", Colour, {"red": f"{HERE}:RED"})


def test_own_rows_come_first_and_others_after_them(others):
    others["blue"] = f"{HERE}:BLUE"
    colours = table()
    assert colours.names == ("red", "blue")
    assert list(colours) == [RED, BLUE]
    assert "blue" in colours
    assert "black" not in colours


def test_no_row_is_imported_for_its_name(others):
    others["blue"] = "a_module_that_is_not_there:ROW"
    assert table().names == ("red", "blue")


def test_an_unknown_name_is_refused_with_those_there_are(others):
    with pytest.raises(ValueError, match="there is no colour 'black'; choose from red"):
        table()["black"]


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("a_module_that_is_not_there:ROW", "ModuleNotFoundError"),
        (f"{HERE}:NOTHING", "AttributeError"),
        (f"{HERE}:HERE", "expected a Colour"),
        (f"{HERE}:MISNAMED", "expected a Colour named 'blue'"),
    ],
)
def test_a_broken_row_costs_itself(others, caplog, value, reason):
    others["blue"] = value
    colours = table()
    assert list(colours) == [RED]
    assert "cannot be loaded" in caplog.text or "expected a Colour" in caplog.text
    caplog.clear()
    assert list(colours) == [RED]
    assert not caplog.text, "said once"
    with pytest.raises(PluginError, match=reason):
        colours["blue"]


def test_a_name_of_ours_is_not_taken_over(others, caplog):
    others["red"] = f"{HERE}:BLUE"
    assert list(table()) == [RED]
    assert "red" in caplog.text


@dataclass(frozen=True)
class Shade:
    depth: int = 3


@dataclass(frozen=True)
class Gloss:
    grade: str = "matt"


def test_own_options_are_what_was_given_or_the_defaults():
    own = OwnOptions(Shade(depth=5))
    assert own.of(Shade) == Shade(depth=5)
    assert own.of(Gloss) == Gloss()


def test_options_at_their_defaults_leave_no_trace():
    assert OwnOptions(Shade(), Gloss(grade="high")).as_json() == {"Gloss": {"grade": "high"}}
    assert OwnOptions(Shade()) == OwnOptions()
    assert OwnOptions(Shade(depth=4)) != OwnOptions()
