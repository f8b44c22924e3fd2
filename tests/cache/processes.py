"""What the tests of several processes run: `python -m tests.cache.processes ROLE FOLDER [SECONDS]`."""

import itertools
import os
import random
import signal
import sys
import time
from pathlib import Path

from tests.cache.known import CountingEstimator, make_geometry, scene_at
from warpdata.cache import CacheEntry, GeometryCache
from warpdata.geometry.types import Provenance


def log(folder: Path, word: str) -> None:
    """Append a word to the folder's log, whole however many processes write."""
    with (folder / "log").open("a") as file:
        file.write(f"{word}\n")


class SlowEstimator(CountingEstimator):
    """Takes a while, and says in the log when it starts."""

    def __init__(self, folder: Path, seconds: float):
        super().__init__()
        self._folder, self._seconds = folder, seconds

    def __call__(self, scene, *, progress=None):
        log(self._folder, f"making {scene.id} {os.getpid()}")
        time.sleep(self._seconds)
        return super().__call__(scene)


def make_all(folder: Path, seconds: float) -> None:
    """Ask for the geometry of all scenes, in the same order as every other process, once all are ready."""
    cache = GeometryCache(folder / "cache")
    log(folder, "ready")
    while not (folder / "go").exists():
        time.sleep(0.005)
    for root in sorted((folder / "scenes").iterdir()):
        entry, _ = cache.get_or_make(scene_at(root), SlowEstimator(folder, seconds))
        entry.verify()
    log(folder, "done")


def kill_writers(folder: Path, seconds: float) -> None:
    """Fork writers that write one entry after another, kill each at a random moment, check all that can be seen."""
    random.seed(0)
    cache = GeometryCache(folder / "cache")
    scene = scene_at(folder / "scenes" / "0")
    deadline = time.monotonic() + seconds
    for trial in itertools.count():
        writer = os.fork()
        if writer == 0:
            for number in itertools.count():
                provenance = Provenance(estimator="counting", options={"trial": trial, "number": number})
                cache.put(scene, make_geometry(scene, provenance))
        time.sleep(random.uniform(0, 0.05))
        os.kill(writer, signal.SIGKILL)
        os.waitpid(writer, 0)
        if time.monotonic() > deadline:
            break
    for path in cache.entry_folder.glob("*.safetensors"):
        entry = CacheEntry(path)
        entry.verify()
        assert entry.names == ("v0", "v1")
        log(folder, f"entry {entry.provenance.options['trial']}")
    log(folder, f"trials {trial + 1}")


if __name__ == "__main__":
    role, folder, seconds = sys.argv[1:]
    {"make_all": make_all, "kill_writers": kill_writers}[role](Path(folder), float(seconds))
