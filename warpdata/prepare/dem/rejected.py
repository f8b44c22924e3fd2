"""Tiles that a person rejects, in the list of an area that `prepare dem png --reject` writes as well."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

from warpdata.files.atomic import output_errors, write_atomic
from warpdata.files.bounded_json import dump_json, read_json
from warpdata.files.locks import hold_lock
from warpdata.sources.dem.tiles import HEIGHTS_FOLDER, rejected_numbers


def rejected_list(heights: Path) -> Path | None:
    """Where the rejected tiles of a folder of heights are listed; None where the folder is not called `DEM-AREA`."""
    area = HEIGHTS_FOLDER.fullmatch(heights.name)
    return None if area is None else heights.parent / f"rejected-{area['area']}.json"


def change_rejected(path: Path, *, reject: Collection[int] = (), accept: Collection[int] = ()) -> frozenset[int]:
    """Reject tiles by their numbers, take rejections back, or both; those of a condition stay.

    The file is replaced whole, and processes that change it at once wait for each other.

    Returns:
        The numbers that are rejected now.

    Raises:
        SourceError: the file is no such list.
        OutputError: it cannot be written.
    """
    with output_errors(path), hold_lock(path.with_name(f".{path.name}.lock")):
        before = rejected_numbers(path)
        after = (before | set(reject)) - set(accept)
        content: Any = read_json(path) if path.is_file() else {"rejected": [], "by_hand": []}
        if isinstance(content, dict):
            by_hand = content.get("by_hand", sorted(before))  # without a condition all are a person's
            content = {
                **content,
                "rejected": sorted(after),
                "by_hand": sorted((set(by_hand) | set(reject)) - set(accept)),
            }
        else:
            content = sorted(after)
        if after != before:
            write_atomic(path, dump_json(content, indent=1) + "\n")
    return after
