"""Triplets that are looked at: which there are, their pictures, the values of their pixels, and their marks."""

from __future__ import annotations

import threading
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from jaxtyping import UInt8
from torch import Tensor

from warpdata.errors import OutputError
from warpdata.formats.jpeg_png import encode_picture
from warpdata.formats.manifest import IMAGE_ROLES, MASK_ROLES, REPORT, Record
from warpdata.formats.marks import change_marks, marks_of_export
from warpdata.view.kept import Kept
from warpdata.view.sample_files import SampleFiles
from warpdata.view.sample_index import SampleIndex
from warpdata.view.thumbnails import thumbnail

THUMBNAIL_PX = 320
"""Longest side of thumbnails."""

THUMBNAIL_BYTES = 64 * 2**20
"""Thumbnails that are kept in memory."""

DECODED_BYTES = 256 * 2**20
"""Decoded pictures that are kept in memory, for the pixels that are asked for next."""

Which = Literal["all", "rejected", "unmarked"]


@dataclass(frozen=True, kw_only=True)
class Choice:
    """Which triplets are asked for, in which order.

    Attributes:
        keep: a condition over scores, as `--keep` takes it.
        sort: a score; empty for the order of the manifest.
        descending: the greatest first.
        which: all, or by their marks.
    """

    keep: str = ""
    sort: str = ""
    descending: bool = False
    which: Which = "all"

    @property
    def is_plain(self) -> bool:
        """Whether it is all triplets as the manifest has them."""
        return self == Choice()


class Triplets:
    """The triplets of an export. Safe to share between threads.

    The manifest is read in a thread of its own; triplets can be looked at as soon as their lines are read.

    Args:
        root: the export's folder.
        about: what its `dataset.json` says.

    Raises:
        OutputError: there is no manifest, or the file of marks is damaged.
    """

    kind = "triplets"

    def __init__(self, root: Path, about: dict[str, Any]):
        self.root = root
        self.title = str(root)
        self.expected = about.get("samples") if isinstance(about.get("samples"), int) else 0
        self.problem: str | None = None
        self._files = SampleFiles(root, about["layout"])
        self.index = SampleIndex(root, read=False)
        self.marks_folder = root.absolute().parent if (root.absolute().parent / REPORT).is_file() else root
        self.rejected = marks_of_export(root)
        self._thumbnails: Kept[bytes] = Kept(THUMBNAIL_BYTES, len)
        self._decoded: Kept[Tensor] = Kept(DECODED_BYTES, Tensor.numel)
        self._chosen: tuple[Choice, frozenset[str], int, np.ndarray] | None = None
        threading.Thread(target=self._read, name="manifest", daemon=True).start()

    def about(self) -> dict[str, Any]:
        """What the page has to know before it shows anything."""
        return {
            "kind": self.kind,
            "title": self.title,
            "read": len(self.index),
            "expected": max(self.expected, len(self.index)),
            "complete": self.index.complete,
            "problem": self.problem,
            "scores": sorted(self.index.scores),
            "rejected": len(self.rejected),
        }

    def page(self, choice: Choice, start: int, count: int) -> dict[str, Any] | None:
        """Some of the chosen triplets, and how many there are; None while the manifest is not read far enough.

        Raises:
            ValueError: `choice` is no choice.
        """
        if choice.is_plain and not self.index.complete:
            if len(self.index) < min(start + count, self.expected):
                return None
            numbers, total = range(start, min(start + count, len(self.index))), self.expected
        elif not self.index.complete:
            return None
        else:
            chosen = self._choose(choice)
            numbers, total = chosen[start : start + count].tolist(), len(chosen)
        return {"total": total, "start": start, "samples": [self.summary(number) for number in numbers]}

    def summary(self, number: int) -> dict[str, Any]:
        """A triplet in a few words."""
        sample_id = self.index.ids[number]
        summary: dict[str, Any] = {"number": number, "id": sample_id, "rejected": sample_id in self.rejected}
        try:
            record = self.index.record(number)
        except OutputError as error:
            return {**summary, "problem": str(error), "roles": [], "scores": {}}
        return {**summary, "roles": roles_of(record), "scores": scores_of(record)}

    def details(self, number: int) -> dict[str, Any]:
        """All that the manifest says of a triplet, for a page about it.

        Raises:
            IndexError, OutputError: as for `SampleIndex.record`.
        """
        record = self.index.record(number)
        return {
            **self.summary(number),
            "reference": record.reference,
            "target": record.target,
            "size": list(record.size),
            "geometry": record.geometry,
            "prompt": record.prompt,
        }

    def next_unmarked(self, choice: Choice, number: int) -> int | None:
        """The next chosen triplet after one that is not rejected; None where there is none."""
        chosen = self._choose(choice) if self.index.complete else np.arange(len(self.index))
        places = np.flatnonzero(chosen == number)
        rest = chosen[places[0] + 1 :] if len(places) else chosen
        return next((int(one) for one in rest if self.index.ids[one] not in self.rejected), None)

    def position(self, choice: Choice, number: int, step: int) -> int | None:
        """The chosen triplet so many steps after one; None beyond the ends."""
        chosen = self._choose(choice) if self.index.complete else np.arange(len(self.index))
        places = np.flatnonzero(chosen == number)
        place = int(places[0]) + step if len(places) else 0
        return int(chosen[place]) if 0 <= place < len(chosen) else None

    def thumbnail(self, number: int, role: str) -> bytes:
        """A small JPEG of one of a triplet's pictures.

        Raises:
            IndexError, OutputError: as for `SampleIndex.record`.
            ViewError: the picture cannot be read.
        """
        return self._thumbnails.get((number, role), lambda: thumbnail(self._load(number, role), THUMBNAIL_PX))

    def picture(self, number: int, role: str) -> bytes:
        """One of a triplet's pictures, as PNG of exactly the pixels that training sees; raises as `thumbnail`."""
        return encode_picture(self._image(number, role), "png")

    def probe(self, number: int, x: int, y: int) -> dict[str, Any]:
        """The values of one pixel in each picture, from the files' own pixels.

        Raises:
            IndexError, OutputError, ViewError: as for `thumbnail`.
            ValueError: the pixel lies outside.
        """
        record = self.index.record(number)
        width, height = record.size
        if not (0 <= x < width and 0 <= y < height):
            raise ValueError(f"pixel ({x}, {y}) lies outside of {width} x {height}")
        values = {}
        for role in roles_of(record):
            pixel = self._image(number, role)[:, y, x].tolist()
            values[role] = {"values": pixel if role in IMAGE_ROLES else pixel[:1], "says": meaning(role, pixel)}
        return {"x": x, "y": y, "pictures": values}

    def mark(self, *, reject: Collection[int] = (), accept: Collection[int] = ()) -> int:
        """Reject triplets or take that back; on the disk when it returns. How many are rejected now.

        Raises:
            IndexError: there is no such triplet.
            ValueError: its line is damaged, so that it has no id.
            OutputError: the marks cannot be written.
        """
        change_marks(
            self.marks_folder,
            reject=[self._id(number) for number in reject],
            accept=[self._id(number) for number in accept],
        )
        self.rejected = marks_of_export(self.root)
        return len(self.rejected)

    def close(self) -> None:
        """Give the manifest back."""
        self.index.close()

    def _read(self) -> None:
        try:
            self.index.read_on()
        except OutputError as error:
            self.problem = str(error)

    def _id(self, number: int) -> str:
        if not 0 <= number < len(self.index):
            raise IndexError(f"there is no sample {number}")
        if not self.index.ids[number]:
            raise ValueError(f"sample {number} has no id: its line in the manifest is damaged")
        return self.index.ids[number]

    def _choose(self, choice: Choice) -> np.ndarray:
        rejected = self.rejected if choice.which != "all" else frozenset()
        known = self._chosen
        if known is not None and known[:3] == (choice, rejected, len(self.index)):
            return known[3]
        chosen = self.index.chosen(choice.keep, sort=choice.sort, descending=choice.descending)
        if choice.which != "all":
            marked = np.array([self.index.ids[one] in rejected for one in chosen], dtype=bool)
            chosen = chosen[marked if choice.which == "rejected" else ~marked]
        self._chosen = (choice, rejected, len(self.index), chosen)
        return chosen

    def _load(self, number: int, role: str) -> UInt8[Tensor, "3 H W"]:
        return self._files.picture(self.index.record(number), role)

    def _image(self, number: int, role: str) -> UInt8[Tensor, "3 H W"]:
        return self._decoded.get((number, role), lambda: self._load(number, role))


def roles_of(record: Record) -> list[str]:
    """The roles of a triplet's pictures and masks."""
    return [role for role in (*IMAGE_ROLES, *MASK_ROLES) if role in record.files]


def scores_of(record: Record) -> dict[str, float]:
    """A triplet's scores."""
    return {name: value for name, value in record.warp.items() if name != "version"}


def meaning(role: str, pixel: list[int]) -> str:
    """What a pixel's value says, in words."""
    value = pixel[0]
    if role == "coverage":
        return {0: "a hole", 255: "a point is seen"}.get(value, f"fading into a hole, {value / 255:.2f}")
    if role == "confidence":  # triplets.masks: 255 (1 - 1/c)
        ends = {0: "no depth, or confidence 1", 255: "confidence above 510"}
        return ends.get(value, f"confidence {255 / (255 - value):.2f}")
    return "RGB " + " ".join(map(str, pixel))
