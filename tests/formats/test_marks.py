"""`rejected.json`: whole whatever happens, and no mark lost."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from warpdata.errors import OutputError
from warpdata.formats.marks import MARKS, change_marks, marks_of_export, read_marks

MARKING = """
import sys
from pathlib import Path
from warpdata.formats.marks import change_marks
folder, who, count = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
for number in range(count):
    change_marks(folder, reject=[f"{who}/{number}"])
    print(number, flush=True)
"""


def marking(folder, who, count, **options):
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", MARKING, str(folder), who, str(count)]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True, **options)


def test_marks_are_added_and_taken_back(tmp_path):
    assert read_marks(tmp_path) == frozenset()
    assert change_marks(tmp_path, reject=["room/2", "room/1"]) == {"room/1", "room/2"}
    assert change_marks(tmp_path, reject=["a/1"], accept=["room/2", "never/there"]) == {"a/1", "room/1"}
    assert read_marks(tmp_path) == {"a/1", "room/1"}
    assert [path.name for path in tmp_path.iterdir()] == [MARKS]


def test_the_file_says_what_it_is_and_is_sorted(tmp_path):
    change_marks(tmp_path, reject=["b/1", "a/1"])
    marks = json.loads((tmp_path / MARKS).read_text(encoding="utf-8"))
    assert marks == {"kind": "warpdata-marks", "version": 1, "rejected": ["a/1", "b/1"]}


def test_nothing_is_written_where_nothing_changes(tmp_path):
    change_marks(tmp_path, reject=["a/1"])
    before = (tmp_path / MARKS).stat()
    change_marks(tmp_path, reject=["a/1"], accept=["b/1"])
    assert (tmp_path / MARKS).stat().st_ino == before.st_ino


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", '{"kind": "warpdata-marks", "version": 2, "rejected": []}', '{"version": 1, "rejected": []}',
     '{"kind": "warpdata-marks", "version": 1, "rejected": {"a/1": 1}}',
     '{"kind": "warpdata-marks", "version": 1, "rejected": [1]}'],
)  # fmt: skip
def test_a_damaged_file_is_refused_and_left_alone(tmp_path, text):
    (tmp_path / MARKS).write_text(text)
    with pytest.raises(OutputError, match="ignore_marks"):
        read_marks(tmp_path)
    with pytest.raises(OutputError, match="cannot be used"):
        change_marks(tmp_path, reject=["a/1"])
    assert (tmp_path / MARKS).read_text() == text


def test_marks_of_an_output_are_those_of_its_layouts(tmp_path):
    (tmp_path / "hf").mkdir()
    change_marks(tmp_path, reject=["a/1"])
    change_marks(tmp_path / "hf", reject=["a/2"])
    assert marks_of_export(tmp_path / "hf") == {"a/2"}
    (tmp_path / "hf" / "dataset.json").touch()
    (tmp_path / "report.json").touch()
    assert marks_of_export(tmp_path / "hf") == {"a/1", "a/2"}
    assert marks_of_export(tmp_path) == {"a/1"}


def test_processes_that_mark_at_once_lose_nothing(tmp_path):
    processes = [marking(tmp_path, who, 25) for who in "abcd"]
    for process in processes:
        process.communicate(timeout=120)
        assert process.returncode == 0
    assert read_marks(tmp_path) == {f"{who}/{number}" for who in "abcd" for number in range(25)}
    assert [path.name for path in tmp_path.iterdir()] == [MARKS]


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL on Windows")
def test_killed_while_marking_the_marks_are_whole_and_none_that_was_confirmed_is_lost(tmp_path):
    for attempt in range(4):
        process = marking(tmp_path, f"run{attempt}", 1_000_000)
        lines = [process.stdout.readline() for _ in range(3 + attempt)]
        time.sleep(0.003 * attempt)
        os.kill(process.pid, signal.SIGKILL)
        rest = process.communicate(timeout=60)[0]
        confirmed = {f"run{attempt}/{line.strip()}" for line in [*lines, *rest.splitlines()] if line.strip()}
        assert confirmed <= read_marks(tmp_path)
    change_marks(tmp_path, reject=["after/0"])
    assert "after/0" in read_marks(tmp_path)
