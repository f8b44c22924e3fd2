"""`failed-<area>.jsonl`: tiles without an image, and why, a line a tile."""

from __future__ import annotations

import json
from collections.abc import Mapping

from warpdata.errors import SourceError
from warpdata.files.bounded_json import dump_json
from warpdata.prepare.dem.area import Area


def read_failures(area: Area) -> dict[int, str]:
    """Number of a tile -> why it has no image; empty where there is no such file.

    Raises:
        SourceError: the file is of another kind.
    """
    path = area.list_file("failed", ".jsonl")
    if not path.is_file():
        return {}
    try:
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        return {int(row["index"]): str(row["reason"]) for row in rows}
    except (ValueError, KeyError, TypeError) as error:
        raise SourceError(f"{path} is not a list of failed tiles ({error!r}); remove it") from error


def write_failures(area: Area, failures: Mapping[int, str]) -> None:
    """Write them by number; an empty list too, so that nobody takes an old one for this run's."""
    rows = [dump_json({"index": number, "reason": failures[number]}) + "\n" for number in sorted(failures)]
    area.write(area.list_file("failed", ".jsonl"), "".join(rows))
