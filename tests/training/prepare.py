"""A job that tests start, several at a time: `python -m tests.training.prepare FOLDER`.

It says `ready` in `<FOLDER>/log`, waits for the file `<FOLDER>/go`, sets a data module up, and says
`making <scene> <pid>` for each scene whose geometry it makes and `done <pid> <pairs>` in the end.
"""

import os
import sys
import time
from pathlib import Path

from tests.training.training import make_data
from warpdata.geometry.given import GivenEstimator

SECONDS = 0.1
"""How long making a scene's geometry takes at least."""


def log(folder: Path, words: str) -> None:
    """Append a line, whole however many processes write."""
    with (folder / "log").open("a") as file:
        file.write(f"{words}\n")


def main(folder: Path) -> None:
    estimate = GivenEstimator.__call__

    def slowly(self, scene, **options):
        log(folder, f"making {scene.id} {os.getpid()}")
        time.sleep(SECONDS)
        return estimate(self, scene, **options)

    GivenEstimator.__call__ = slowly
    log(folder, "ready")
    while not (folder / "go").exists():
        time.sleep(0.005)
    data = make_data(folder)
    data.setup()
    log(folder, f"done {os.getpid()} {len(data.train_dataloader().sampler.table)}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
