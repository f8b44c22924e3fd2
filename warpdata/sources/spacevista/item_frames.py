"""The frames of one item with its marks in their places."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from warpdata.errors import ViewError
from warpdata.formats.spacevista.drawing import Shape, draw
from warpdata.formats.spacevista.item import Item
from warpdata.formats.spacevista.shapes import Placed, PointOrder, place_marks
from warpdata.sources.decode import image_size, load_image
from warpdata.sources.spacevista.frame_files import FrameFiles

MOST_FRAMES = 128
"""Of an item, so many are shown to a model."""


class ItemFrames:
    """Opens the frames of an item.

    Args:
        files: finds them.
        point_order: how points are written.
    """

    def __init__(self, item: Item, files: FrameFiles, point_order: PointOrder = "yx"):
        self.item = item
        self._files = files
        self._point_order = point_order
        self._sizes: dict[int, tuple[int, int] | None] = {}

    def __len__(self) -> int:
        return len(self.item.frames)

    def path(self, number: int) -> Path:
        """The file of a frame.

        Raises:
            ViewError: there is none.
        """
        return self._files.find(self.item.frames[number])

    def hw(self, number: int) -> tuple[int, int] | None:
        """Height and width of a frame, None where it is missing or cannot be read."""
        if number not in self._sizes:
            try:
                self._sizes[number] = image_size(self.path(number))
            except ViewError:
                self._sizes[number] = None
        return self._sizes[number]

    def picture(self, number: int) -> UInt8[np.ndarray, "H W 3"]:
        """A frame as it is stored.

        Raises:
            ViewError: it is missing or cannot be read.
        """
        return np.ascontiguousarray(load_image(self.path(number)).permute(1, 2, 0).numpy())

    def drawn(self, number: int) -> UInt8[np.ndarray, "H W 3"]:
        """A frame with the marks that belong to it; raises as `picture`."""
        return draw(self.picture(number), self.shapes(number))

    def shapes(self, number: int) -> Sequence[Shape]:
        """The marks of a frame."""
        return self.placed.shapes.get(number, ())

    @cached_property
    def placed(self) -> Placed:
        """Where all marks lie, and why some do not."""
        return place_marks(self.item, hw_of=self.hw, find=self._files.find, point_order=self._point_order)


def evenly_spaced(count: int, most: int = MOST_FRAMES) -> list[int]:
    """At most so many places of `count` frames, the first and the last among them, none twice."""
    if count <= most:
        return list(range(count))
    if most == 1:
        return [0]
    return sorted({round(k * (count - 1) / (most - 1)) for k in range(most)})
