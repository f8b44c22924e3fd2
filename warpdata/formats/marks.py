"""`rejected.json` beside a data set: the triplets that a person has rejected, for all who use the data to leave out.

    {"kind": "warpdata-marks", "version": 1, "rejected": ["<scene>/<name>", ...]}

It lies in the output folder of a run, or in the folder of scenes that triplets are made of. Ids are those of the
manifest.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

from warpdata.errors import OutputError
from warpdata.files.atomic import output_errors, sync_folder, write_atomic
from warpdata.files.bounded_json import dump_json, read_json
from warpdata.files.locks import hold_lock
from warpdata.formats.manifest import DATASET, REPORT

MARKS = "rejected.json"
KIND = "warpdata-marks"
VERSION = 1


def read_marks(folder: Path) -> frozenset[str]:
    """Ids of the triplets that the file in a folder rejects; none where there is no file, or no folder.

    Raises:
        OutputError: the file is damaged, or of another kind or version.
    """
    path = folder / MARKS
    try:
        return frozenset(_rejected(read_json(path)))
    except (FileNotFoundError, NotADirectoryError):
        return frozenset()
    except (ValueError, OSError) as error:
        raise OutputError(f"{path} cannot be used ({error}); mend or remove it, or use `ignore_marks=True`") from error


def marks_of_export(folder: Path) -> frozenset[str]:
    """Ids of rejected triplets for one export: those of its own folder, and for one of several layouts of an output
    those of the output.

    Raises:
        OutputError: a file of marks is damaged.
    """
    parent = folder.absolute().parent
    in_output = (folder / DATASET).is_file() and (parent / REPORT).is_file()
    return read_marks(folder) | (read_marks(parent) if in_output else frozenset())


def change_marks(folder: Path, *, reject: Collection[str] = (), accept: Collection[str] = ()) -> frozenset[str]:
    """Reject triplets, take rejections back, or both, in the file of a folder.

    The file is replaced whole, and processes that change it at once wait for each other, so that no mark is lost.

    Returns:
        The ids that are rejected now.

    Raises:
        OutputError: the file is damaged, or cannot be written.
    """
    path = folder / MARKS
    with output_errors(path), hold_lock(folder / f".{MARKS}.lock"):
        before = read_marks(folder)
        after = (before | set(reject)) - set(accept)
        if after != before or not path.exists():
            marks = {"kind": KIND, "version": VERSION, "rejected": sorted(after)}
            write_atomic(path, dump_json(marks, indent=1) + "\n")
            sync_folder(folder)
    return after


def _rejected(marks: Any) -> list[str]:
    if not isinstance(marks, dict) or marks.get("kind") != KIND or marks.get("version") != VERSION:
        raise ValueError(f"it is not a file of marks of version {VERSION}")
    ids = marks.get("rejected")
    if not isinstance(ids, list) or not all(isinstance(one, str) for one in ids):
        raise ValueError("`rejected` is not a list of ids")
    return ids
