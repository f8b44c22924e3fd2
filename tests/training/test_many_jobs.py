"""Jobs that start together on an empty cache: each scene's geometry is made once, and all of them can train."""

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.training.training import write_scenes

REPOSITORY = Path(__file__).resolve().parents[2]
VIEWS = {"a": 3, "b": 2, "c": 4, "d": 5, "e": 6}  # no two alike: scenes of the same content share an entry
NUM_PAIRS = sum(VIEWS.values()) - len(VIEWS)
NUM_JOBS = 4


def lines(folder):
    path = folder / "log"
    return [line.split() for line in path.read_text().splitlines()] if path.exists() else []


def start_jobs(folder):
    """Jobs that are ready and begin at the same time."""
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(REPOSITORY)}
    command = [sys.executable, "-m", "tests.training.prepare", str(folder)]
    jobs = [subprocess.Popen(command, cwd=REPOSITORY, env=environment) for _ in range(NUM_JOBS)]
    deadline = time.monotonic() + 120
    while len(lines(folder)) < NUM_JOBS:
        assert all(job.poll() is None for job in jobs)
        assert time.monotonic() < deadline
        time.sleep(0.02)
    (folder / "go").touch()
    return jobs


@pytest.mark.parametrize("kill_one", [False, True])
def test_each_scene_is_made_once_and_all_jobs_succeed(tmp_path, kill_one):
    """A killed job's unfinished scene is made by another; no finished one is made again."""
    write_scenes(tmp_path / "in", VIEWS)
    jobs = start_jobs(tmp_path)
    killed = None
    if kill_one:
        maker = None
        while maker is None:  # the job that makes the first scene
            maker = next((int(line[2]) for line in lines(tmp_path) if line[0] == "making"), None)
        time.sleep(random.Random(0).uniform(0, 0.2))
        killed = next(job for job in jobs if job.pid == maker)
        killed.kill()
    codes = [job.wait(timeout=120) for job in jobs if job is not killed]
    if killed is not None:
        killed.wait()
    assert codes == [0] * len(codes)
    log = lines(tmp_path)
    done = {int(line[1]): int(line[2]) for line in log if line[0] == "done"}
    assert {job.pid for job in jobs if job is not killed} <= set(done)
    assert set(done.values()) == {NUM_PAIRS}
    made = [line[1] for line in log if line[0] == "making"]
    assert set(made) == set(VIEWS)
    assert len(made) <= len(VIEWS) + kill_one
    assert len(list((tmp_path / "cache" / "geometry").glob("*.safetensors"))) == len(VIEWS)
