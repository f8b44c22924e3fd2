"""Items by number, from a file that is too long to be held: kept as lines, one of which is read at a time."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from jaxtyping import Int64

from warpdata.errors import SourceError
from warpdata.files.atomic import atomic_file
from warpdata.files.digests import remembered_sha256
from warpdata.formats.spacevista.item import Item
from warpdata.formats.spacevista.parse import parse_item
from warpdata.formats.spacevista.reading import Faulty, read_values

LINES_VERSION = 1


class ItemsFile:
    """The usable items of a file. Cheap to pickle: the path and where lines begin.

    Args:
        meta: JSON of items in any form, or JSON lines.
        cache_dir: gets a copy of a JSON list as lines, made once for a file's bytes.

    Attributes:
        tasks: of every item.

    Raises:
        SourceError: the file cannot be read.
        OutputError: the copy cannot be written.
    """

    def __init__(self, meta: Path, cache_dir: Path):
        self._lines = meta if meta.suffix.lower() == ".jsonl" else _as_lines(meta, cache_dir)
        self._starts = _line_starts(self._lines)
        usable, self.tasks = [], []
        for line in range(len(self._starts) - 1):
            if isinstance(item := self._read(line), Item):
                usable.append(line)
                self.tasks.append(sys.intern(item.task_type))
        self._usable: Int64[np.ndarray, " n"] = np.array(usable, dtype=np.int64)

    def __len__(self) -> int:
        return len(self._usable)

    def __getitem__(self, number: int) -> Item:
        """An item by number.

        Raises:
            IndexError: there is none.
        """
        if not -len(self) <= number < len(self):
            raise IndexError(f"there is no item {number}: there are {len(self)}")
        item = self._read(int(self._usable[number]))
        assert isinstance(item, Item)
        return item

    def __iter__(self) -> Iterator[Item]:
        return (self[number] for number in range(len(self)))

    def _read(self, line: int) -> Item | Faulty:
        with self._lines.open("rb") as file:
            file.seek(int(self._starts[line]))
            data = file.read(int(self._starts[line + 1] - self._starts[line]))
        try:
            return parse_item(json.loads(data), line)
        except (ValueError, RecursionError) as error:
            return Faulty(line, str(error))


def _as_lines(meta: Path, cache_dir: Path) -> Path:
    try:
        key = f"{meta.stat().st_size}-{remembered_sha256(meta)}.v{LINES_VERSION}.jsonl"
    except OSError as error:
        raise SourceError(f"{meta} cannot be read ({error}); give the JSON of the items as `meta`") from error
    lines = cache_dir / "spacevista" / key
    if not lines.is_file():
        with atomic_file(lines, shared=True) as file:
            for value in read_values(meta):
                value = None if isinstance(value, Faulty) else value
                file.write(json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass") + b"\n")
    return lines


def _line_starts(path: Path) -> Int64[np.ndarray, " lines_and_end"]:
    """Where lines begin, and where the last one ends."""
    starts, place = [0], 0
    with path.open("rb") as file:
        while block := file.read(2**22):
            found = np.flatnonzero(np.frombuffer(block, np.uint8) == ord("\n")) + place + 1
            starts += found.tolist()
            place += len(block)
    if starts[-1] != place:
        starts.append(place)
    return np.array(starts, dtype=np.int64)
