"""Messages of the library as the command line says them: with flags in place of the names of options."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from warpdata.programs.flags import Flag

_OPTION = re.compile(r"""`(\w+)(?:=["']?([^"'`]*)["']?)?`""")
"""An option in a message, between backquotes, as Python spells it: `pair_window`, `poses="given"`, `auto_s0=False`."""


class WithFlags:
    """A text stream that writes the flags of a program in place of its options: --pair-window, --poses given,
    --no-auto-s0. All else is the stream's own.

    Args:
        stream: where to.
        flags: of the program; options of others stay as they are.
    """

    def __init__(self, stream: Any, flags: Iterable[Flag]):
        self._stream = stream
        self._flags = {flag.option: flag.flag.removeprefix("--") for flag in flags}

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
