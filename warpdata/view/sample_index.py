"""All samples of an export in little memory: scores as arrays, and where in the manifest each sample's line stands."""

from __future__ import annotations

import json
import threading
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32, Int64

from warpdata.config.expressions import Expression
from warpdata.config.quality import GAINS, SCORES
from warpdata.errors import OutputError
from warpdata.files.bounded_json import MAX_LINE_CHARACTERS
from warpdata.formats.manifest import MANIFEST, Record

BLOCK = 4096
"""Samples whose scores are Python numbers at once."""


class SampleIndex:
    """The samples of a manifest by number, in its order.

    A line that is damaged, or names a path out of the export, costs its sample: `record` says why. Some 170 bytes a
    sample are kept; lines are read again when a sample is looked at.

    Args:
        root: the export's folder.
        read: read the manifest now; else `read_on` does.

    Attributes:
        ids: of the samples; empty for a damaged line.
        scores: name -> value of every sample, NaN where it is not known; there once all are read.
        geometry: scene -> how depth and cameras of its first sample were made.
        complete: whether the whole manifest was read.

    Raises:
        OutputError: there is no manifest, or it cannot be read.
    """

    def __init__(self, root: Path, *, read: bool = True):
        self.root = root
        self.ids: list[str] = []
        self.scores: dict[str, Float32[np.ndarray, " samples"]] = {}
        self.geometry: dict[str, dict[str, Any]] = {}
        self.complete = False
        self._file = _open_manifest(root)
        self._reading = threading.Lock()
        self._starts = array("q", [0])
        if read:
            self.read_on()

    def __len__(self) -> int:
        """Samples read so far."""
        return len(self.ids)

    def read_on(self) -> None:
        """Read the manifest to its end. Samples that have been read can be looked at meanwhile, from other threads.

        Raises:
            OutputError: it cannot be read.
        """
        columns = {name: array("f") for name in (*SCORES, *GAINS)}
        with _open_manifest(self.root) as file:
            for line in _lines(file):
                sample_id, scores, geometry = _read(line)
                self.geometry.setdefault(sample_id.partition("/")[0], geometry)
                for name, column in columns.items():
                    column.append(_number(scores.get(name)))
                self._starts.append(file.tell())
                self.ids.append(sample_id)
        every = {name: np.frombuffer(column, np.float32) for name, column in columns.items() if column}
        self.scores = {name: values for name, values in every.items() if not np.isnan(values).all()}
        self.complete = True

    def record(self, number: int) -> Record:
        """A sample, read from its line.

        Raises:
            IndexError: there is no such sample.
            OutputError: the line is damaged.
        """
        if not 0 <= number < len(self):
            raise IndexError(f"there is no sample {number}: {len(self)} are known")
        start, end = self._starts[number], self._starts[number + 1]
        with self._reading:
            self._file.seek(start)
            line = self._file.read(end - start)
        try:
            return Record.from_json(json.loads(line))
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise OutputError(f"{self.root / MANIFEST}: line {number + 1} cannot be used ({error})") from error

    def chosen(self, condition: str = "", *, sort: str = "", descending: bool = False) -> Int64[np.ndarray, " chosen"]:
        """Numbers of the samples whose scores meet a condition, in the order of the manifest or of a score.

        Samples whose score is not known come last.

        Args:
            condition: as `--keep` takes it; empty for all.
            sort: a score; empty for the order of the manifest.

        Raises:
            ValueError: it is no condition, or there is no such score.
        """
        if sort and sort not in SCORES | GAINS:
            raise ValueError(f"there is no score {sort!r}; choose from {', '.join(SCORES | GAINS)}")
        numbers = np.arange(len(self))
        if condition.strip():
            numbers = numbers[self._meets(Expression.parse(condition, names=SCORES | GAINS))]
        if not sort:
            return numbers[::-1] if descending else numbers
        if sort not in self.scores:
            return numbers
        values = self.scores[sort][numbers]
        order = np.argsort(-values if descending else values, kind="stable")  # NaN last, either way
        return numbers[order]

    def close(self) -> None:
        """Give the manifest back."""
        self._file.close()

    def _meets(self, expression: Expression) -> np.ndarray:
        held = np.zeros(len(self), dtype=bool)
        for start in range(0, len(held), BLOCK):
            columns = {name: values[start : start + BLOCK].tolist() for name, values in self.scores.items()}
            for row in range(min(BLOCK, len(held) - start)):
                held[start + row] = expression.evaluate({name: values[row] for name, values in columns.items()})
        return held


def _open_manifest(root: Path):
    try:
        return (root / MANIFEST).open("rb")
    except FileNotFoundError as error:
        raise OutputError(f"{root} has no {MANIFEST}: it is not an export, or an unfinished one") from error
    except OSError as error:
        raise OutputError(f"{root / MANIFEST} cannot be read ({error})") from error


def _lines(file) -> Iterator[bytes]:
    while line := file.readline(MAX_LINE_CHARACTERS):
        if len(line) == MAX_LINE_CHARACTERS:
            raise OutputError(f"{file.name} has a line of more than {MAX_LINE_CHARACTERS} characters: it is damaged")
        yield line


def _read(line: bytes) -> tuple[str, dict[str, Any], dict[str, Any]]:
    """Id, scores and geometry of a line; what is not there is empty."""
    try:
        values = json.loads(line)
    except (ValueError, RecursionError):
        return "", {}, {}
    if not isinstance(values, dict):
        return "", {}, {}
    sample_id, scores, geometry = values.get("id"), values.get("warp"), values.get("geometry")
    return (
        sample_id if isinstance(sample_id, str) else "",
        scores if isinstance(scores, dict) else {},
        geometry if isinstance(geometry, dict) else {},
    )


def _number(value: Any) -> float:
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 3e38
    return value if is_number else float("nan")
