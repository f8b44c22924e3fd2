"""Messages of the library as the command line says them: with flags in place of the names of options."""

from __future__ import annotations

import re
from dataclasses import fields, is_dataclass
from typing import Annotated, get_args, get_origin, get_type_hints

import tyro

_OPTION = re.compile(r"""`(\w+)(?:=["']?([^"'`]*)["']?)?`""")
"""An option in a message, between backquotes, as Python spells it: `pair_window`, `poses="given"`, `auto_s0=False`."""


def with_flags(message: str, options_type: type) -> str:
    """A message in which options of a program are its flags: --pair-window, --poses given, --no-auto-s0.

    Args:
        message: names options as `warpdata.errors` says.
        options_type: dataclass, nested or not, whose fields are the flags; what it does not have stays as it is.
    """
    flags = _flags_of(options_type)

    def as_flag(match: re.Match[str]) -> str:
        option, value = match.groups()
        if option not in flags:
            return match.group()
        if value in ("True", "False"):
            return f"--{flags[option]}" if value == "True" else f"--no-{flags[option]}"
        return f"--{flags[option]}" + (f" {value}" if value else "")

    return _OPTION.sub(as_flag, message)


def _flags_of(options_type: type) -> dict[str, str]:
    """Option -> its flag, without the dashes before it."""
    flags: dict[str, str] = {}
    hints = get_type_hints(options_type, include_extras=True)
    for field in fields(options_type):
        hint = hints[field.name]
        plain, *extras = get_args(hint) if get_origin(hint) is Annotated else (hint,)
        if is_dataclass(plain):
            flags |= _flags_of(plain)
            continue
        named = [extra.name for extra in extras if isinstance(extra, type(tyro.conf.arg())) and extra.name]
        flags[field.name] = (named or [field.name])[0].replace("_", "-")
    return flags
