"""Messages of the library as the command line says them: with flags in place of the names of options."""

from __future__ import annotations

import re
from dataclasses import fields, is_dataclass
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import tyro

_OPTION = re.compile(r"""`(\w+)(?:=["']?([^"'`]*)["']?)?`""")
"""An option in a message, between backquotes, as Python spells it: `pair_window`, `poses="given"`, `auto_s0=False`."""


class WithFlags:
    """A text stream that writes the flags of a program in place of its options: --pair-window, --poses given,
    --no-auto-s0. All else is the stream's own.

    Args:
        stream: where to.
        options_type: dataclass, nested or not, whose fields are the flags; what it does not have stays as it is.
    """

    def __init__(self, stream: Any, options_type: type):
        self._stream = stream
        self._flags = _flags_of(options_type)

    def write(self, text: str) -> int:
        return self._stream.write(_OPTION.sub(self._as_flag, text))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def _as_flag(self, match: re.Match[str]) -> str:
        option, value = match.groups()
        if option not in self._flags:
            return match.group()
        if value in ("True", "False"):
            return f"--{self._flags[option]}" if value == "True" else f"--no-{self._flags[option]}"
        return f"--{self._flags[option]}" + (f" {value}" if value else "")


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
