"""Messages name options as Python spells them, and the command line shows its flags in their place."""

import io

import pytest

from warpdata.config import PairOptions, RenderOptions
from warpdata.errors import SourceError
from warpdata.programs.flags import flags_of
from warpdata.programs.main import UNUSABLE, run_program
from warpdata.programs.materialize import main
from warpdata.programs.messages import WithFlags
from warpdata.run.options import MaterializeOptions


def with_flags(message):
    stream = io.StringIO()
    print(message, end="", file=WithFlags(stream, flags_of(MaterializeOptions)))
    return stream.getvalue()


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("`pair_window` is 0", "--pair-window is 0"),
        ('use `poses="estimated"` instead', "use --poses estimated instead"),
        ("give `window_frames=8`, `window_overlap=2`", "give --window-frames 8, --window-overlap 2"),
        ("`auto_s0=False` or `auto_s0=True`", "--no-auto-s0 or --auto-s0"),
        ("`confidence_threshold` is NaN", "--depth-conf-threshold is NaN"),
        ("`python -m cache_tools prune x`", "`python -m cache_tools prune x`"),
        ("`batch_size` is no option here", "`batch_size` is no option here"),
    ],
)
def test_options_become_flags(message, shown):
    assert with_flags(message) == shown


@pytest.mark.parametrize(
    ("kind", "wrong", "python", "flag"),
    [
        (PairOptions, {"pair_window": -1}, "`pair_window`", "--pair-window"),
        (PairOptions, {"overlap_histogram": (1.0,)}, '`pairs="overlap"`', "--pairs overlap"),
        (RenderOptions, {"sigma": -1.0}, "`sigma`", "--sigma"),
    ],
)
def test_who_calls_python_is_told_of_no_flag(kind, wrong, python, flag):
    with pytest.raises(ValueError) as raised:
        kind(**wrong)
    assert python in str(raised.value)
    assert "--" not in str(raised.value)
    assert flag in with_flags(str(raised.value))


def test_a_program_shows_flags(tmp_path, capsys):
    with pytest.raises(SystemExit):
        main(["--sigma", "-1"])
    assert "--sigma is -1" in capsys.readouterr().err


def test_what_a_run_says_has_flags_too(capsys):
    def run(options):
        raise SourceError("nothing there; give another `input_dir`")

    assert run_program("materialize", MaterializeOptions, run, []) == UNUSABLE
    assert capsys.readouterr().err == "warpdata: nothing there; give another --input-dir\n"
