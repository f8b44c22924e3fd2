"""Items of a `meta.json` one at a time: the file, 0.6 GB and more, is never held."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from warpdata.errors import SourceError
from warpdata.files.bounded_json import read_lines
from warpdata.formats.spacevista.item import Item
from warpdata.formats.spacevista.parse import parse_item

INSTALL = "python -m pip install 'warpdata[spacevista]'"

MAX_ITEM_BYTES = 64 * 2**20
"""Longest item that is read; an honest one has some thousand bytes."""

MAX_DEPTH = 32
"""Lists and objects inside each other that an item may have; an honest one has six."""


_STEPS = {"start_map": 1, "start_array": 1, "end_map": -1, "end_array": -1}
"""How far events of a parser lead into lists and objects."""


@dataclass(frozen=True)
class Faulty:
    """An entry that is no item: its place in the file, from 0, and why."""

    number: int
    reason: str


def read_items(path: Path) -> Iterator[Item | Faulty]:
    """The items of a list in JSON, or of a file of JSON lines (`.jsonl`), in their order.

    Raises:
        SourceError: the file is not there, no such JSON, cut short, or has an item of absurd length; or the package
            that reads long files is not installed.
    """
    for number, value in enumerate(read_values(path)):
        if isinstance(value, Faulty):
            yield value
            continue
        try:
            item = parse_item(value, number)
        except ValueError as error:
            yield Faulty(number, str(error))
        else:
            yield item


def read_values(path: Path) -> Iterator[object | Faulty]:
    """The entries of such a file as JSON has them; one that is nested too deeply is faulty. Raises as `read_items`."""
    try:
        yield from _lines(path) if path.suffix.lower() == ".jsonl" else _entries(path)
    except FileNotFoundError as error:
        raise SourceError(f"{path} does not exist; give the JSON of the items as `meta`") from error
    except (OSError, ValueError) as error:
        raise SourceError(f"{path} cannot be read as a list of items: {error}") from error


def _too_deep(number: int) -> Faulty:
    return Faulty(number, f"entry {number} is nested more than {MAX_DEPTH} deep")


def _lines(path: Path) -> Iterator[object | Faulty]:
    number = 0
    for line in read_lines(path):
        if line.strip():
            try:
                value = json.loads(line)
            except RecursionError:
                value = _too_deep(number)
            yield value if _depth_within(value, MAX_DEPTH) else _too_deep(number)
            number += 1


def _depth_within(value: object, most: int) -> bool:
    """Whether no more lists and objects than so many lie inside each other."""
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return most >= 0 and all(_depth_within(one, most - 1) for one in inside)


def _entries(path: Path) -> Iterator[object | Faulty]:
    """The entries of a list. Those of absurd depth are never built, nor are the places of their parts, which would take
    quadratic time."""
    try:
        import ijson
    except ImportError as error:
        raise SourceError(f"long JSON is read by ijson, which is not installed; {INSTALL}") from error
    with closing(_Watched(path)) as file:
        if file.first() != b"[":
            raise ValueError("it does not begin with `[`: expected a list of items")
        builder, depth, is_deep, number = ijson.ObjectBuilder(), 0, False, 0
        try:
            events = ijson.basic_parse(file)
            next(events)  # the list itself begins
            for event, value in events:
                depth += _STEPS.get(event, 0)
                if depth < 0:  # the list itself ends; what follows is for the parser to complain of
                    continue
                is_deep |= depth > MAX_DEPTH
                if not is_deep:
                    builder.event(event, float(value) if isinstance(value, Decimal) else value)
                if depth == 0:
                    yield _too_deep(number) if is_deep else builder.value
                    builder, is_deep, number = ijson.ObjectBuilder(), False, number + 1
                    file.begin()
        except ijson.JSONError as error:
            raise ValueError(f"it is damaged or cut short ({error})") from error


class _Watched:
    """A file that ends with an error where a single item is too long."""

    def __init__(self, path: Path):
        self._file = path.open("rb")
        self._since = 0

    def first(self) -> bytes:
        """Its first character that is no white space; it is at its start again afterwards."""
        head = self._file.read(4096).removeprefix(b"\xef\xbb\xbf").lstrip()
        self._file.seek(0)
        if self._file.read(3) != b"\xef\xbb\xbf":
            self._file.seek(0)
        return head[:1]

    def begin(self) -> None:
        """The next item begins."""
        self._since = 0

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(min(size, 2**16) if size >= 0 else 2**16)
        self._since += len(data)
        if self._since > MAX_ITEM_BYTES:
            raise ValueError(f"an item has more than {MAX_ITEM_BYTES:,} bytes")
        return data

    def close(self) -> None:
        self._file.close()
