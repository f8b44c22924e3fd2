"""What every command line shares: the list of programs, parsing, exit codes, and how errors are said."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stderr
from dataclasses import dataclass
from typing import TypeVar

from warpdata.errors import WarpdataError
from warpdata.plugins import Table
from warpdata.programs.flags import CommandLine
from warpdata.programs.messages import WithFlags

DONE, INCOMPLETE, UNUSABLE, INTERRUPTED = 0, 1, 2, 130
"""Exit codes: all done; finished, but something was left out or found; nothing could be done with the arguments;
Ctrl-C."""

Options = TypeVar("Options")


@dataclass(frozen=True, kw_only=True)
class Program:
    """A program of the command `warpdata`.

    Attributes:
        about: what it does, in a line.
        main: runs it on the rest of the command line; its exit code.
    """

    about: str
    main: Callable[[Sequence[str]], int]


def program_of(module: str, about: str) -> Program:
    """The program whose `main` a module holds; the module is imported when it is run."""
    return Program(about=about, main=lambda arguments: importlib.import_module(module).main(arguments))


PROGRAMS: dict[str, Program] = {
    "materialize": program_of("warpdata.programs.materialize", "turn scenes into triplets on disk"),
    "export": program_of("warpdata.programs.export", "bring a triplet folder into the layout of a trainer"),
    "check": program_of("warpdata.programs.check", "find what trainers would swallow in silence"),
    "verify": program_of("warpdata.programs.verify", "check an output against its digests, and repair it"),
    "compare": program_of("warpdata.programs.compare", "see one scene by several estimators, side by side"),
    "report": program_of("warpdata.programs.report", "make the page of an output: what was made and left out"),
    "view": program_of("warpdata.programs.view", "look at triplets in a browser, and reject bad ones"),
    "splat": program_of("warpdata.programs.splat", "render the splats of a camera path around a view"),
    "prepare": program_of("warpdata.programs.prepare", "turn raw downloads into folders of scenes"),
    "cache": program_of("cache_tools.__main__", "show, verify, prune or warm a cache of geometry"),
}
"""Every program by name; its module is imported when it is run."""


def main(arguments: Sequence[str] | None = None) -> int:
    """`warpdata <program> [options]`: runs one program, or lists them; its exit code."""
    given = sys.argv[1:] if arguments is None else arguments
    if list(given) == ["--version"]:
        from warpdata import __version__

        print(f"warpdata {__version__}")
        return DONE
    return run_one_of(PROGRAMS, given, prog="warpdata")


def run_one_of(programs: Mapping[str, Program], arguments: Sequence[str], *, prog: str) -> int:
    """Run the program that the first argument names, or list them all; the exit code.

    Args:
        prog: what stands before the program's name on the command line.
    """
    name, *rest = arguments or ["--help"]
    if name in programs:
        return programs[name].main(rest)
    width = max(map(len, programs), default=0)
    listed = "\n".join(f"  {name:{width}}  {program.about}" for name, program in programs.items())
    if name in ("--help", "-h"):
        print(f"usage: {prog} PROGRAM [OPTIONS]\n\n{listed}\n\n{prog} PROGRAM --help lists a program's options.")
        return DONE
    print(f"warpdata: there is no program {name!r}; choose one of\n{listed}", file=sys.stderr)
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
        except (WarpdataError, ValueError, OSError) as error:
            print(f"warpdata: {error}", file=sys.stderr)
            return UNUSABLE
        except KeyboardInterrupt:
            print(f"warpdata: interrupted; {when_interrupted}", file=sys.stderr)
            return INTERRUPTED
