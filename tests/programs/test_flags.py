"""Flags from dataclasses: those of the program, and those that rows of tables add."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

import pytest
import tyro

from warpdata.plugins import OwnOptions, Table
from warpdata.programs.flags import CommandLine, Flag, flags_of, own_option_types
from warpdata.programs.help_text import field_docstrings


@dataclass(frozen=True, kw_only=True)
class Paper:
    """What is printed on."""

    width: int = 21
    """Of a sheet, in
    centimetres."""
    weight_g: Annotated[float, tyro.conf.arg(name="grammage")] = 80.0
    """Of a square metre."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """A job for the printer."""

    paper: Paper = field(default_factory=Paper)
    inks: tuple[str, ...] = ("black",)
    """Which inks."""
    own: OwnOptions = field(default_factory=OwnOptions)


@dataclass(frozen=True, kw_only=True)
class Gloss:
    """Options of glossy ink."""

    shine: float = 0.5
    """How much."""


@dataclass(frozen=True, kw_only=True)
class Clashing:
    width: int = 3
    """Is the paper's already."""


@dataclass(frozen=True)
class Row:
    name: str
    options: type | None = None


BLACK, GLOSS, SATIN, MINE = Row("black"), Row("gloss", Gloss), Row("satin", Gloss), Row("mine", Clashing)


def inks(*names: str) -> Table[Row]:
    return Table("ink", "tests.inks", Row, {name: f"{__name__}:{name.upper()}" for name in names})


TABLES = (inks("black", "gloss"),)


def read(*arguments: str, tables=TABLES) -> Job:
    return CommandLine(Job, tables).parse(arguments, prog="print")


def test_defaults_are_those_of_the_dataclasses():
    assert read() == Job()


def test_flags_reach_the_field_they_are_made_from():
    assert read("--width", "30", "--grammage", "120", "--inks", "red", "blue") == Job(
        paper=Paper(width=30, weight_g=120.0), inks=("red", "blue")
    )


def test_a_rows_options_are_flags_and_arrive_in_own():
    assert read("--shine", "0.9").own.of(Gloss) == Gloss(shine=0.9)


def test_a_row_whose_flag_is_taken_keeps_its_defaults(caplog):
    tables = (inks("mine", "gloss"),)
    job = read("--width", "30", "--shine", "0.1", tables=tables)
    assert job.paper.width == 30
    assert job.own.of(Clashing) == Clashing()
    assert job.own.of(Gloss) == Gloss(shine=0.1)
    assert "options of the ink mine are left out: --width is Paper's" in caplog.text


def test_two_rows_may_share_a_dataclass():
    kinds = own_option_types((inks("gloss", "satin"),), [])
    assert kinds == {"gloss": Gloss}


def test_flags_are_named_as_the_parser_names_them():
    assert flags_of(Job) == [
        Flag("--width", "width", "Paper"),
        Flag("--grammage", "weight_g", "Paper"),
        Flag("--inks", "inks", "Job"),
    ]


def test_help_has_no_line_breaks_of_the_source_and_shows_the_choices(capsys):
    with pytest.raises(SystemExit):
        CommandLine(Job, TABLES).parse(["--help"], prog="print", choices={"inks": ("black", "gloss")})
    said = " ".join(capsys.readouterr().out.replace("│", " ").split())
    assert "Of a sheet, in centimetres." in said
    assert "{black,gloss} [...]" in said
    assert "Options of glossy ink." in said


def test_docstrings_of_fields_are_one_line():
    assert field_docstrings(Paper) == {"width": "Of a sheet, in centimetres.", "weight_g": "Of a square metre."}
