"""What paths are that somebody wants to look at."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from warpdata.errors import OutputError
from warpdata.formats.manifest import STATE_FOLDER
from warpdata.view.columns import Columns
from warpdata.view.triplets import Triplets
from warpdata.writers.output.existing import find_datasets

Shown = Triplets | Columns
"""A tab of the page."""


def open_paths(paths: Sequence[Path]) -> list[Shown]:
    """What there is to look at in some paths: a tab for each output, and one for all other folders side by side.

    Raises:
        OutputError: a path holds nothing that can be shown.
    """
    outputs: list[Shown] = []
    folders: list[Path] = []
    for path in paths:
        if not path.is_dir():
            raise OutputError(f"{path} is not a folder; give an output of materialize, or folders of pictures")
        triplets = _open_output(path)
        if triplets is None:
            folders.append(path)
        else:
            outputs.append(triplets)
    return outputs + ([Columns(folders)] if folders else [])


def _open_output(path: Path) -> Triplets | None:
    exports = [(root, about) for root, about in find_datasets(path) if about.get("samples")]
    if not exports and (path / STATE_FOLDER).exists():
        raise OutputError(f"{path} is unfinished; run the command that made it again, then look at it")
    if not exports:
        return None
    # Layouts of one output show the same triplets: the one that lies in plain files is the quickest to read.
    root, about = min(exports, key=lambda export: (export[1]["layout"] != "folder", export[0]))
    return Triplets(root, about)
