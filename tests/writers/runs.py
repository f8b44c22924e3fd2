"""Whole runs of the writers, for tests: what a run of `materialize` does, without sources and renderer."""

import hashlib
from dataclasses import replace
from pathlib import Path

from tests.writers.triplets import scene
from warpdata.config import ExportOptions, OutputOptions
from warpdata.plugins import OwnOptions
from warpdata.writers.output.session import RunInfo, open_writers

RUN = RunInfo(options={"sigma": 20.0}, warp_version=1)
GEOMETRY = {"model": "given", "source_license": "CC0-1.0"}
SCENES = ("attic", "room")


def run(
    root: Path,
    *layouts: str,
    triplets=None,
    run_info: RunInfo = RUN,
    geometry=GEOMETRY,
    worker: tuple[int, int] = (0, 1),
    output: OutputOptions | None = None,
    own: OwnOptions | None = None,
    **export,
) -> list[str]:
    """Write triplets as a program would; gives the ids that had to be made."""
    if triplets is None:
        names = SCENES[worker[0] :: worker[1]]
        triplets = [triplet for name in names for triplet in scene(name)]
    options = ExportOptions(layout=layouts or ("folder",), worker=worker, **export)
    made = []
    with open_writers(options, replace(output or OutputOptions(), output_dir=root), run_info, own=own) as writers:
        for triplet in triplets:
            if not writers.has(triplet.id, geometry):
                writers.write(triplet, geometry=geometry)
                made.append(triplet.id)
    return made


def tree(root: Path) -> dict[str, str]:
    """Every file, hidden ones too, and its digest."""
    return {
        path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }
