"""From a dataclass of options, and the own options of every row of some tables, to one command line and back."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import Field, field, fields, is_dataclass, make_dataclass
from typing import Annotated, Any, TypeVar, get_args, get_origin, get_type_hints

import tyro

from warpdata.plugins import OwnOptions, Table
from warpdata.programs.help_text import annotate_fields

Options = TypeVar("Options")

logger = logging.getLogger(__name__)


def parse(
    options_type: type[Options],
    arguments: Sequence[str] | None,
    *,
    prog: str,
    tables: Sequence[Table] = (),
    choices: Mapping[str, Sequence[str]] | None = None,
) -> Options:
    """Options from a command line. Help, and arguments that cannot be parsed, end the process, as `argparse` does.

    Args:
        options_type: dataclass, nested or not, whose fields are the flags; with `tables`, its field `own` takes the
            `OwnOptions` of their rows.
        arguments: of the command line; None takes the process's own.
        prog: how the program is called, for its help.
        tables: whose rows may add flags.
        choices: field -> names that it takes, shown in the help.
    """
    kinds = own_option_types(tables, flags_of(options_type))
    annotate_fields(options_type, choices or {})
    for kind in kinds.values():
        annotate_fields(kind, {})
    line = _command_line_type(options_type, kinds)
    parsed = tyro.cli(
        line, args=arguments, prog=prog, config=(tyro.conf.OmitArgPrefixes, tyro.conf.OmitSubcommandPrefixes)
    )
    if line is options_type:
        return parsed
    values = {name: getattr(parsed, name) for name in _parsed_fields(options_type)}
    return options_type(**values, own=OwnOptions(*(getattr(parsed, name) for name in kinds)))


def _command_line_type(options_type: type, kinds: Mapping[str, type]) -> type:
    """What is parsed: the options with a group for each row's own, in place of the one field that takes them all."""
    if not is_dataclass(options_type) or "own" not in _fields(options_type):
        return options_type
    hints = get_type_hints(options_type, include_extras=True)
    parts = [
        (name, hints[name], field(default=part.default, default_factory=part.default_factory))
        for name, part in _parsed_fields(options_type).items()
    ]
    groups = [(name, kind, field(default_factory=kind)) for name, kind in kinds.items()]
    line = make_dataclass(options_type.__name__, [*parts, *groups], frozen=True, kw_only=True)
    line.__doc__ = options_type.__doc__
    return line


def _fields(kind: type) -> dict[str, Field]:
    return {part.name: part for part in fields(kind)}


def _parsed_fields(kind: type) -> dict[str, Field]:
    return {name: part for name, part in _fields(kind).items() if name != "own"}


def own_option_types(tables: Sequence[Table], taken: Mapping[str, str]) -> dict[str, type]:
    """Group of flags -> the dataclass of a row's own options, for every row that has some.

    A row whose flags are taken keeps its defaults; a warning says so.

    Args:
        taken: flag -> who has it already.
    """
    taken = dict(taken)
    kinds: dict[str, type] = {}
    for table in tables:
        for row in table:
            if row.options is None or row.options in kinds.values():
                continue
            flags = flags_of(row.options)
            if clashes := sorted(flags.keys() & taken.keys()):
                who = f"the {table.what} {row.name}"
                logger.warning("options of %s are left out: %s is %s's", who, clashes[0], taken[clashes[0]])
                continue
            group = row.name.replace("-", "_")
            kinds[group if group not in kinds else f"{group}_{table.what.replace(' ', '_')}"] = row.options
            taken |= dict.fromkeys(flags, f"the {table.what} {row.name}")
    return kinds


def flags_of(kind: type) -> dict[str, str]:
    """Flag -> the dataclass that has it, of a dataclass and all those in it."""
    found: dict[str, str] = {}
    hints = get_type_hints(kind, include_extras=True)
    for name in _parsed_fields(kind):
        hint = hints[name]
        plain, *extras = get_args(hint) if get_origin(hint) is Annotated else (hint,)
        if isinstance(plain, type) and is_dataclass(plain):
            found |= flags_of(plain)
        else:
            found[f"--{_named(extras) or name.replace('_', '-')}"] = kind.__name__
    return found


def _named(extras: Sequence[Any]) -> str | None:
    return next((name for extra in extras if (name := getattr(extra, "name", None))), None)
