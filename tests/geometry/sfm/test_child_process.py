"""A child that fails, dies or hangs becomes an error with its last lines."""

import sys

import pytest

from warpdata.errors import GeometryError
from warpdata.geometry.sfm.child.run import run_worker


def worker(folder, body: str):
    path = folder / "worker.py"
    path.write_text(f"import os, sys, time\nprint('first words', flush=True)\n{body}\n", encoding="utf-8")
    return path


def test_an_exception_is_reported_with_its_last_lines(tmp_path):
    with pytest.raises(GeometryError, match=r"exit code 1.*ValueError: no such option"):
        run_worker(
            {"task": "map"}, tmp_path, time_limit_s=30.0, worker=worker(tmp_path, "raise ValueError('no such option')")
        )


@pytest.mark.skipif(sys.platform == "win32", reason="there are no signals")
def test_an_abort_is_reported(tmp_path):
    with pytest.raises(GeometryError, match=r"signal 6.*first words"):
        run_worker({"task": "match"}, tmp_path, time_limit_s=30.0, worker=worker(tmp_path, "os.abort()"))


def test_a_child_that_hangs_is_ended(tmp_path):
    with pytest.raises(GeometryError, match=r"given up after 1 s.*first words"):
        run_worker({"task": "match"}, tmp_path, time_limit_s=1.0, worker=worker(tmp_path, "time.sleep(600)"))
