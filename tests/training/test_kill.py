"""Killed at any step and resumed on other workers and ranks, a run still consumes every epoch exactly once."""

import os
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.training.training import make_data, write_scenes

REPOSITORY = Path(__file__).resolve().parents[2]
ROLES = [(1, 0), (2, 1), (1, 2), (2, 0)]
"""Ranks and workers of one run after another."""

STEP_SECONDS = 0.1
START_SECONDS = 180

pytestmark = pytest.mark.skipif(not hasattr(os, "killpg"), reason="kills process groups, which this platform lacks")


def start(folder, run, checkpoint, ranks, workers):
    arguments = [str(folder), run, str(checkpoint or "-"), str(ranks), str(workers), str(STEP_SECONDS)]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join([str(REPOSITORY)])}
    with (folder / f"{run}.out").open("wb") as output:
        return subprocess.Popen(
            [sys.executable, "-m", "tests.training.consume", *arguments],
            cwd=REPOSITORY,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def logged(folder, run):
    """(epoch, step, ids) of every whole line that any rank wrote."""
    lines = [line for path in folder.glob(f"{run}.*.log") for line in path.read_text().split("\n")[:-1]]
    return [(int(epoch), int(step), ids.split()) for epoch, step, ids in (line.split(" ", 2) for line in lines)]


def last_checkpoint(folder):
    """The newest checkpoint and its step."""
    found = {int(re.search(r"step=(\d+)", path.name)[1]): path for path in (folder / "checkpoints").glob("*.ckpt")}
    return (found[max(found)], max(found)) if found else (None, 0)


def run_with_kills(folder, kills, rng):
    """Samples that count, by epoch: of every run those of the steps up to the checkpoint the next one went on from."""
    consumed = {0: [], 1: []}
    for number in range(kills + 1):
        run = f"run{number}"
        checkpoint, before = last_checkpoint(folder)
        ranks, workers = ROLES[number % len(ROLES)]
        process = start(folder, run, checkpoint, ranks, workers)
        try:
            if number < kills:
                kill_after(process, folder, run, before + rng.randint(1, 3), rng)
            else:
                assert process.wait(timeout=START_SECONDS) == 0, (folder / f"{run}.out").read_text()
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        _, after = last_checkpoint(folder)
        for epoch, step, ids in logged(folder, run):
            if step <= after:
                consumed[epoch] += ids
    return consumed


def kill_after(process, folder, run, step, rng):
    """Kill all processes of the run at a random moment of a step, or of a later one."""
    deadline = time.monotonic() + START_SECONDS
    while max((at for _, at, _ in logged(folder, run)), default=0) < step:
        assert process.poll() is None, (folder / f"{run}.out").read_text()
        assert time.monotonic() < deadline, "the run does not begin"
        time.sleep(0.02)
    time.sleep(rng.uniform(0, 2 * STEP_SECONDS))
    os.killpg(process.pid, signal.SIGKILL)


@pytest.mark.parametrize(
    ("kills", "views"),
    [
        pytest.param(3, {"a": 8, "b": 5, "c": 6}, id="3 kills"),
        pytest.param(20, {"a": 50, "b": 41, "c": 36, "d": 29}, id="20 kills", marks=pytest.mark.slow),
    ],
)
def test_what_was_consumed_and_what_follows_is_the_epoch(tmp_path, kills, views):
    """An even number of pairs, two a batch: there is never a single sample left for two ranks."""
    write_scenes(tmp_path / "in", views)
    make_data(tmp_path).setup()
    pairs = sorted(f"{name}/{target}" for name, count in views.items() for target in range(1, count))
    assert len(pairs) % 2 == 0
    consumed = run_with_kills(tmp_path, kills, random.Random(kills))
    assert sorted(consumed[0]) == pairs
    assert sorted(consumed[1]) == pairs


@pytest.mark.parametrize(("before", "after", "step"), [(1, 2, 2), (2, 1, 1)])
def test_ranks_may_change_at_any_step(tmp_path, before, after, step):
    """Eight steps an epoch on one rank, four on two; the trainer's own count must not end the epoch too soon."""
    views = {"a": 8, "b": 5, "c": 6}
    write_scenes(tmp_path / "in", views)
    pairs = sorted(f"{name}/{target}" for name, count in views.items() for target in range(1, count))
    first = start(tmp_path, "first", None, before, 0)
    assert first.wait(timeout=START_SECONDS) == 0, (tmp_path / "first.out").read_text()
    second = start(tmp_path, "second", tmp_path / "checkpoints" / f"step={step}.ckpt", after, 0)
    assert second.wait(timeout=START_SECONDS) == 0, (tmp_path / "second.out").read_text()
    consumed = [name for epoch, at, ids in logged(tmp_path, "first") if epoch == 0 and at <= step for name in ids]
    consumed += [name for epoch, _, ids in logged(tmp_path, "second") if epoch == 0 for name in ids]
    assert sorted(consumed) == pairs
