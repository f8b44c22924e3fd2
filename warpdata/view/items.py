"""SpaceVista's items that are looked at: frames with their marks, question and answer."""

from __future__ import annotations

import threading
from collections import Counter
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

from warpdata.errors import SourceError
from warpdata.formats.jpeg_png import encode_picture
from warpdata.prepare.spacevista.sheets import reduced
from warpdata.sources.spacevista.frame_files import FrameFiles
from warpdata.sources.spacevista.item_frames import ItemFrames
from warpdata.sources.spacevista.items_file import ItemsFile
from warpdata.view.kept import Kept

THUMBNAIL_PX = 240
LARGE_PX = 1600
ASKED_CHARACTERS = 160
"""Of a question, where many are listed."""


class Items:
    """The items of a file; frames lie below its folder. Safe to share between threads.

    Args:
        meta: the file.
        cache_dir: see `ItemsFile`.

    Raises:
        SourceError: there is no such file.
    """

    kind = "items"

    def __init__(self, meta: Path, cache_dir: Path):
        if not meta.is_file():
            raise SourceError(f"{meta} does not exist; give a file of items")
        self.title = str(meta)
        self._meta, self._cache_dir = meta, cache_dir
        self._files = FrameFiles(meta.parent.resolve())
        self._opened: Kept[ItemFrames] = Kept(64, lambda _: 1)
        self._pictures: Kept[bytes] = Kept(64 * 2**20, len)
        self._opening = threading.Lock()

    def about(self) -> dict[str, Any]:
        """What the page has to know before it shows anything."""
        return {"kind": self.kind, "title": self.title}

    def page(self, start: int, count: int, task: str | None = None) -> dict[str, Any]:
        """Some items; of one task where it is given; raises as `ItemsFile`."""
        items = self._items
        numbers = [k for k, one in enumerate(items.tasks) if task is None or one == task]
        rows = []
        for number in numbers[start : start + count]:
            item = items[number]
            asked = item.question.replace("<video>", "").replace("<image>", "").strip()
            rows.append({"number": number, "id": item.id, "task": item.task_type, "asked": asked[:ASKED_CHARACTERS]})
        tasks = [[name, count] for name, count in Counter(items.tasks).most_common()]
        return {"total": len(numbers), "start": start, "items": rows, "tasks": tasks}

    def details(self, number: int) -> dict[str, Any]:
        """One item with its frames.

        Raises:
            IndexError: there is none.
            SourceError: the file cannot be read.
        """
        frames = self._frames(number)
        item = frames.item
        return {
            "number": number,
            "total": len(self._items),
            "id": item.id,
            "task": item.task_type,
            "input_type": item.input_type,
            "question": item.question,
            "answer": item.answer,
            "frames": [{"path": path, "marks": len(frames.shapes(k))} for k, path in enumerate(item.frames)],
            "problems": [*item.problems, *frames.placed.problems],
        }

    def picture(self, number: int, frame: int, *, drawn: bool, large: bool) -> bytes:
        """A JPEG of a frame, with its marks or without; raises as `details`.

        Raises:
            ViewError: the frame cannot be read.
        """
        frames = self._frames(number)
        if not 0 <= frame < len(frames):
            raise IndexError(f"item {number} has no frame {frame}: it has {len(frames)}")

        def make() -> bytes:
            picture = frames.drawn(frame) if drawn else frames.picture(frame)
            small = np.ascontiguousarray(reduced(picture, LARGE_PX if large else THUMBNAIL_PX))
            return encode_picture(torch.from_numpy(small).permute(2, 0, 1).contiguous(), "jpg")

        return self._pictures.get((number, frame, drawn, large), make)

    def close(self) -> None:
        """There is nothing to give back."""

    @cached_property
    def _read(self) -> ItemsFile:
        return ItemsFile(self._meta, self._cache_dir)

    @property
    def _items(self) -> ItemsFile:
        with self._opening:  # a long file is read once, whoever asks first
            return self._read

    def _frames(self, number: int) -> ItemFrames:
        return self._opened.get(number, lambda: ItemFrames(self._items[number], self._files))
