"""What a path is that somebody wants to look at."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from warpdata.errors import OutputError
from warpdata.formats.manifest import STATE_FOLDER
from warpdata.view.triplets import Triplets
from warpdata.writers.output.existing import find_datasets


def open_paths(paths: Sequence[Path]) -> list[Triplets]:
    """What there is to look at in some paths, a tab each.

    Raises:
        OutputError: a path holds nothing that can be shown.
    """
    return [shown for path in paths for shown in _open(path)]


def _open(path: Path) -> Iterator[Triplets]:
    if not path.is_dir():
        raise OutputError(f"{path} is not a folder; give an output of materialize")
    exports = [(root, about) for root, about in find_datasets(path) if about.get("samples")]
    if not exports and (path / STATE_FOLDER).exists():
        raise OutputError(f"{path} is unfinished; run the command that made it again, then look at it")
    if not exports:
        raise OutputError(f"{path} holds no triplets; give an output of materialize")
    # Layouts of one output show the same triplets: the one that lies in plain files is the quickest to read.
    root, about = min(exports, key=lambda export: (export[1]["layout"] != "folder", export[0]))
    yield Triplets(root, about)
