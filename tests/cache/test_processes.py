"""Several processes on one cache: each scene is made once, and a kill at any moment costs nobody anything."""

import os
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cache.known import make_scene
from warpdata.cache import GeometryCache
from warpdata.files.locks import hold_lock, is_held

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_SECONDS = 120


@pytest.fixture
def folder(tmp_path):
    for index in range(3):
        make_scene(tmp_path / "scenes" / str(index), content=str(index))
    return tmp_path


@contextmanager
def started(role, folder, seconds, count=1):
    command = [sys.executable, "-m", "tests.cache.processes", role, str(folder), str(seconds)]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    processes = [subprocess.Popen(command, cwd=ROOT, env=environment) for _ in range(count)]
    try:
        yield processes
    finally:
        for process in processes:
            process.kill()
            process.wait()


def words(folder, first):
    """The log's lines that begin with a word."""
    log = folder / "log"
    lines = log.read_text().splitlines() if log.exists() else []
    return [line for line in lines if line.split()[0] == first]


def wait_until(condition):
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_four_processes_make_each_scene_once(folder):
    with started("make_all", folder, 0.2, count=4) as processes:
        wait_until(lambda: len(words(folder, "ready")) == 4)
        (folder / "go").touch()
        assert [process.wait(PATIENCE_SECONDS) for process in processes] == [0] * 4
    assert sorted(line.split()[1] for line in words(folder, "making")) == ["0", "1", "2"]
    assert not list(GeometryCache(folder / "cache").lock_folder.iterdir())


def test_when_the_one_at_work_is_killed_another_takes_over(folder):
    with started("make_all", folder, 1.0, count=4) as processes:
        wait_until(lambda: len(words(folder, "ready")) == 4)
        (folder / "go").touch()
        wait_until(lambda: words(folder, "making"))
        at_work = int(words(folder, "making")[0].split()[2])
        (victim,) = [process for process in processes if process.pid == at_work]
        victim.kill()
        survivors = [process for process in processes if process is not victim]
        assert [process.wait(PATIENCE_SECONDS) for process in survivors] == [0] * 3
    assert sorted(line.split()[1] for line in words(folder, "making")) == ["0", "0", "1", "2"]
    assert len(words(folder, "done")) == 3


@pytest.mark.skipif(not hasattr(os, "fork"), reason="starting a process a trial takes seconds without fork")
def test_a_writer_killed_at_any_moment_leaves_no_visible_entry_but_whole_ones(folder):
    with started("kill_writers", folder, 4) as (process,):
        assert process.wait(PATIENCE_SECONDS) == 0
    (line,) = words(folder, "trials")
    assert int(line.split()[1]) >= 10
    assert words(folder, "entry")


def test_a_lock_is_held_by_one_and_leaves_no_file(tmp_path):
    path = tmp_path / "name.lock"
    with hold_lock(path):
        assert is_held(path) is True
    assert list(tmp_path.iterdir()) == [] or os.name != "posix"


def test_a_waiting_process_is_told_that_it_waits(tmp_path):
    class StopWaiting(Exception):
        pass

    def stop():
        raise StopWaiting

    path = tmp_path / "name.lock"
    with hold_lock(path):
        with pytest.raises(StopWaiting), hold_lock(path, waiting=stop):
            pass
        assert is_held(path) is True
