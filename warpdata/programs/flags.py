"""From a dataclass of options, and the own options of every row of some tables, to one command line and back."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import Field, field, fields, is_dataclass, make_dataclass
from typing import Annotated, Any, Generic, NamedTuple, TypeVar, get_args, get_origin, get_type_hints

import tyro

from warpdata.plugins import OwnOptions, Table
from warpdata.programs.help_text import annotate_fields

Options = TypeVar("Options")

logger = logging.getLogger(__name__)


class CommandLine(Generic[Options]):
    """The flags of a program.

    Args:
        options_type: dataclass, nested or not, whose fields are the flags; with `tables`, its field `own` takes the
            `OwnOptions` of their rows.
        tables: whose rows may add flags.

    Attributes:
        flags: all of them.
    """

    def __init__(self, options_type: type[Options], tables: Sequence[Table] = ()):
        self._options_type = options_type
        self._kinds = own_option_types(tables, flags_of(options_type))
        self.flags = [flag for kind in (options_type, *self._kinds.values()) for flag in flags_of(kind)]

    def parse(
        self, arguments: Sequence[str] | None, *, prog: str, choices: Mapping[str, Sequence[str]] | None = None
    ) -> Options:
        """Options from a command line. Help, and arguments that cannot be parsed, end the process, as in `argparse`.

        Args:
            arguments: of the command line; None takes the process's own.
            prog: how the program is called, for its help.
            choices: field -> names that it takes, shown in the help.
        """
        for kind in (self._options_type, *self._kinds.values()):
            annotate_fields(kind, choices or {})
        line = _line_type(self._options_type, self._kinds)
        config = (tyro.conf.OmitArgPrefixes, tyro.conf.OmitSubcommandPrefixes)
        parsed = tyro.cli(line, args=arguments, prog=prog, config=config)
        if line is self._options_type:
            return parsed
        values = {name: getattr(parsed, name) for name in _parsed_fields(self._options_type)}
        return self._options_type(**values, own=OwnOptions(*(getattr(parsed, name) for name in self._kinds)))

    def arguments(self, options: Options) -> list[str]:
        """The command line that gives these options: flags for what is not the default, the shortest way to say it.

        Raises:
            ValueError: an option cannot be said on the command line.
        """
        groups = [options, *(options.own.of(kind) for kind in self._kinds.values())]
        positional: list[str] = []
        flags: list[str] = []
        for group in groups:
            _say(group, positional, flags)
        return [*positional, *flags]


def _say(group: Any, positional: list[str], flags: list[str]) -> None:
    """Append what a dataclass of options, and those in it, say beside their defaults."""
    hints = get_type_hints(type(group), include_extras=True)
    for name, part in _parsed_fields(type(group)).items():
        value, hint = getattr(group, name), hints[name]
        _, *extras = get_args(hint) if get_origin(hint) is Annotated else (hint,)
        if is_dataclass(value):
            _say(value, positional, flags)
        elif tyro.conf.Suppress in extras:
            continue
        elif tyro.conf.Positional in extras:
            positional += [] if value is None else _words(value)
        elif value != part.default:
            flag = _named(extras) or name.replace("_", "-")
            if isinstance(value, bool):
                flags.append(f"--{flag}" if value else f"--no-{flag}")
            elif value is None:
                raise ValueError(f"`{name}` is None, which cannot be said on the command line")
            else:
                flags += [f"--{flag}", *_words(value)]


def _words(value: Any) -> list[str]:
    return [str(part) for part in value] if isinstance(value, tuple | list) else [str(value)]


def _line_type(options_type: type, kinds: Mapping[str, type]) -> type:
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


def own_option_types(tables: Sequence[Table], taken: Sequence[Flag]) -> dict[str, type]:
    """Group of flags -> the dataclass of a row's own options, for every row that has some.

    A row whose flags are taken keeps its defaults; a warning says so.

    Args:
        taken: flags that others have already.
    """
    owner_of = {flag.flag: flag.owner for flag in taken}
    kinds: dict[str, type] = {}
    for table in tables:
        for row in table:
            if row.options is None or row.options in kinds.values():
                continue
            who = f"the {table.what} {row.name}"
            flags = {flag.flag for flag in flags_of(row.options)}
            if clashes := sorted(flags & owner_of.keys()):
                logger.warning("options of %s are left out: %s is %s's", who, clashes[0], owner_of[clashes[0]])
                continue
            group = row.name.replace("-", "_")
            kinds[group if group not in kinds else f"{group}_{table.what.replace(' ', '_')}"] = row.options
            owner_of |= dict.fromkeys(flags, who)
    return kinds


class Flag(NamedTuple):
    """A flag, with its dashes; the field it is made from, and the name of that field's dataclass."""

    flag: str
    option: str
    owner: str


def flags_of(kind: type) -> list[Flag]:
    """Every flag of a dataclass and of those in it."""
    found: list[Flag] = []
    hints = get_type_hints(kind, include_extras=True)
    for name in _parsed_fields(kind):
        hint = hints[name]
        plain, *extras = get_args(hint) if get_origin(hint) is Annotated else (hint,)
        if isinstance(plain, type) and is_dataclass(plain):
            found += flags_of(plain)
        else:
            found.append(Flag(f"--{_named(extras) or name.replace('_', '-')}", name, kind.__name__))
    return found


def _named(extras: Sequence[Any]) -> str | None:
    return next((name for extra in extras if (name := getattr(extra, "name", None))), None)
