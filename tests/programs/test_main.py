"""The command `warpdata`: every program in a line, one way of saying what went wrong."""

import subprocess
import sys
from dataclasses import dataclass

import pytest

from warpdata import __version__
from warpdata.errors import SourceError
from warpdata.programs.main import DONE, INTERRUPTED, PROGRAMS, UNUSABLE, main, run_program


@dataclass(frozen=True)
class Options:
    """Options of a program of these tests."""

    number: int = 1
    """A number."""


@pytest.mark.parametrize("arguments", [[], ["--help"], ["-h"]])
def test_help_lists_every_program_in_a_line(arguments, capsys):
    assert main(arguments) == DONE
    lines = capsys.readouterr().out.splitlines()
    for name, program in PROGRAMS.items():
        assert sum(line.split()[:1] == [name] and line.endswith(program.about) for line in lines) == 1


def test_the_version_is_told(capsys):
    assert main(["--version"]) == DONE
    assert capsys.readouterr().out == f"warpdata {__version__}\n"


def test_an_unknown_program_is_refused_with_those_there_are(capsys):
    assert main(["paint"]) == UNUSABLE
    said = capsys.readouterr().err
    assert "'paint'" in said
    assert all(name in said for name in PROGRAMS)


@pytest.mark.parametrize("module", ["warpdata", "warpdata.materialize"])
def test_help_loads_no_torch(module):
    code = (
        f"import runpy, sys; sys.argv = [{module!r}, '--help']\n"
        f"try: runpy.run_module({module!r}, run_name='__main__', alter_sys=True)\n"
        "except SystemExit: pass\n"
        "print(sorted({'torch', 'cv2', 'numba', 'lightning', 'warp'} & sys.modules.keys()), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.splitlines()[-1] == "[]"


def test_a_program_of_programs_lists_them(capsys):
    assert main(["cache", "--help"]) == DONE
    listed = capsys.readouterr().out
    assert all(name in listed for name in ("show", "verify", "prune", "warm"))


@pytest.mark.parametrize("program", sorted(PROGRAMS.keys() - {"cache", "prepare"}))
def test_every_program_has_help(program, capsys):
    with pytest.raises(SystemExit) as ended:
        main([program, "--help"])
    assert ended.value.code in (None, 0)
    assert capsys.readouterr().out


@pytest.mark.parametrize("error", [SourceError("no such folder; give another"), ValueError("a number is 0; use 1")])
def test_errors_are_said_in_a_line_and_end_with_2(error, capsys):
    def fail(options):
        raise error

    assert run_program("test", Options, fail, []) == UNUSABLE
    assert capsys.readouterr().err == f"warpdata: {error}\n"


def test_an_interruption_says_what_it_leaves(capsys):
    def interrupt(options):
        raise KeyboardInterrupt

    assert run_program("test", Options, interrupt, [], when_interrupted="run it again") == INTERRUPTED
    assert capsys.readouterr().err == "warpdata: interrupted; run it again\n"


def test_the_exit_code_is_the_programs(capsys):
    assert run_program("test", Options, lambda options: options.number, ["--number", "7"]) == 7
