"""What every command line shares: the list of programs, parsing, exit codes, and how errors are said."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stderr
from typing import TypeVar

from warpdata.errors import WarpdataError
from warpdata.plugins import Table
from warpdata.programs.flags import CommandLine
from warpdata.programs.messages import WithFlags

PROGRAMS = {
    "materialize": ("warpdata.programs.materialize", "turn scenes into triplets on disk"),
    "export": ("warpdata.programs.export", "bring a triplet folder into the layout of a trainer"),
    "check": ("warpdata.programs.check", "find what trainers would swallow in silence"),
    "verify": ("warpdata.programs.verify", "check an output against its digests, and repair it"),
    "cache": ("cache_tools.__main__", "show, verify, prune or warm a cache of geometry"),
}
"""Name -> the module whose `main` is the program, and what it does in a line."""

DONE, INCOMPLETE, UNUSABLE, INTERRUPTED = 0, 1, 2, 130
"""Exit codes: all done; finished, but something was left out or found; nothing could be done with the arguments;
Ctrl-C."""

Options = TypeVar("Options")


def main(arguments: Sequence[str] | None = None) -> int:
    """`warpdata <program> [options]`: runs one program, or lists them; its exit code."""
    program, *rest = [*(sys.argv[1:] if arguments is None else arguments), ""][:-1] or ["--help"]
    if program in PROGRAMS:
        return importlib.import_module(PROGRAMS[program][0]).main(rest)
    if program == "--version":
        from warpdata import __version__

        print(f"warpdata {__version__}")
        return DONE
    width = max(map(len, PROGRAMS))
    listed = "\n".join(f"  {name:{width}}  {about}" for name, (_, about) in PROGRAMS.items())
    if program in ("--help", "-h"):
        print(f"usage: warpdata PROGRAM [OPTIONS]\n\n{listed}\n\nwarpdata PROGRAM --help lists a program's options.")
        return DONE
    print(f"warpdata: there is no program {program!r}; choose one of\n{listed}", file=sys.stderr)
    return UNUSABLE


def run_program(
    name: str,
    options_type: type[Options],
    run: Callable[[Options], int],
    arguments: Sequence[str] | None,
    *,
    tables: Sequence[Table] = (),
    choices: Mapping[str, Sequence[str]] | None = None,
    when_interrupted: str = "what is finished stays",
) -> int:
    """Parse a program's options, run it, and say on stderr what went wrong, with flags for the names of options.

    Args:
        name: of the program.
        options_type: dataclass, nested or not, whose fields are the flags.
        run: does the work; returns the exit code.
        arguments: of the command line; None takes the process's own.
        tables: whose rows add their own options, see `CommandLine`.
        choices: field -> names that it takes.
        when_interrupted: what Ctrl-C leaves.
    """
    line = CommandLine(options_type, tables)
    with redirect_stderr(WithFlags(sys.stderr, line.flags)):
        try:
            return run(line.parse(arguments, prog=f"warpdata {name}", choices=choices))
        except (WarpdataError, ValueError) as error:
            print(f"warpdata: {error}", file=sys.stderr)
            return UNUSABLE
        except KeyboardInterrupt:
            print(f"warpdata: interrupted; {when_interrupted}", file=sys.stderr)
            return INTERRUPTED
