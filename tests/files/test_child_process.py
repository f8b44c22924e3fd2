"""A child that fails, dies or hangs becomes an error with its last lines."""

import sys

import pytest

from warpdata.files.child_process import ChildError, ChildTimeout, run_child


def python(body: str) -> list[str]:
    return [sys.executable, "-c", f"import os, sys, time\nprint('first words', flush=True)\n{body}"]


def test_a_child_that_does_its_work_leaves_its_output_in_the_log(tmp_path):
    run_child(python("print('done')"), tmp_path / "log", time_limit_s=60.0)
    assert (tmp_path / "log").read_text().split() == ["first", "words", "done"]


def test_an_exception_is_reported_with_its_last_lines(tmp_path):
    with pytest.raises(ChildError, match=r"exit code 1.*ValueError: no such option"):
        run_child(python("raise ValueError('no such option')"), tmp_path / "log", time_limit_s=60.0)


def test_only_the_last_lines_are_shown(tmp_path):
    with pytest.raises(ChildError) as caught:
        run_child(python("[print(f'line {n}') for n in range(100)]; sys.exit(3)"), tmp_path / "log", time_limit_s=60.0)
    assert "line 99" in str(caught.value)
    assert "line 90" not in str(caught.value)


@pytest.mark.skipif(sys.platform == "win32", reason="there are no signals")
def test_an_abort_is_reported(tmp_path):
    with pytest.raises(ChildError, match=r"signal 6.*first words"):
        run_child(python("os.abort()"), tmp_path / "log", time_limit_s=60.0)


def test_a_child_that_hangs_is_ended(tmp_path):
    with pytest.raises(ChildTimeout, match=r"given up after 2 s.*first words"):
        run_child(python("time.sleep(600)"), tmp_path / "log", time_limit_s=2.0)
