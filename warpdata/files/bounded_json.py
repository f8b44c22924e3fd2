"""JSON of bounded length: read only up to a limit, written so that equal values give equal bytes."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from warpdata.files.tree import file_numbers, open_file

MAX_JSON_BYTES = 256 * 2**20
"""Longest JSON file that is read whole: `transforms.json`, manifests, headers."""

MAX_JSON_CONTAINERS = 10_000_000
"""Most lists and objects of a JSON file that is read whole; each takes far more memory than its two characters."""

MAX_LINE_CHARACTERS = 2**20
"""Longest line of a file of JSON lines that is read."""


def read_text(path: Path) -> str:
    """A text file (UTF-8, with or without a byte order mark), unless it is longer than `MAX_JSON_BYTES`.

    Raises:
        OSError: it cannot be read.
        ValueError: it is too long, or not UTF-8.
    """
    if (length := file_numbers(path).size) > MAX_JSON_BYTES:
        raise ValueError(f"{length:,} bytes, more than the {MAX_JSON_BYTES:,} that are read")
    with io.TextIOWrapper(open_file(path), encoding="utf-8-sig") as file:
        return file.read()


def read_json(path: Path) -> Any:
    """The value of a JSON file.

    Raises:
        OSError: it cannot be read.
        ValueError: it is too long, holds too much, is not UTF-8, no JSON, or nested too deeply.
    """
    text = read_text(path)
    if (containers := text.count("{") + text.count("[")) > MAX_JSON_CONTAINERS:
        raise ValueError(f"{containers:,} lists and objects, more than the {MAX_JSON_CONTAINERS:,} that are read")
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def read_lines(path: Path) -> Iterator[str]:
    """Lines of a text file, one at a time.

    Raises:
        OSError: it cannot be read.
        ValueError: a line is longer than `MAX_LINE_CHARACTERS`, or not UTF-8.
    """
    with path.open(encoding="utf-8", newline="\n") as file:
        while line := file.readline(MAX_LINE_CHARACTERS):
            if len(line) == MAX_LINE_CHARACTERS:
                raise ValueError(f"a line of more than {MAX_LINE_CHARACTERS} characters")
            yield line


def dump_json(value: Any, *, indent: int | None = None) -> str:
    """JSON with sorted keys: the same value gives the same text. NaN and infinity, which JSON has not, are refused."""
    separators = (",", ":") if indent is None else (",", ": ")
    return json.dumps(value, sort_keys=True, ensure_ascii=False, allow_nan=False, indent=indent, separators=separators)


def fingerprint(value: Any) -> str:
    """A digest of JSON values that is equal when they are."""
    return hashlib.sha256(dump_json(value).encode()).hexdigest()


def as_json_values(options: Any) -> Any:
    """Options as JSON has them: paths become strings, tuples lists."""
    return json.loads(json.dumps(options, default=str))
