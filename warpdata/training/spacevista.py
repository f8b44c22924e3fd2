"""Items of SpaceVista as tensors, for models that are tuned on them: what the reference loader gives, and more.

from warpdata.training import SpaceVistaDataset

items = SpaceVistaDataset("SpaceVista/meta.json")
items[0].frames       # (T, 3, h, w), marks drawn, as the vision tower takes them
items[0].undrawn      # the frames as they are stored, for those that were sampled
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from jaxtyping import Bool, Float, Int64, UInt8
from torch import Tensor
from torch.utils.data import Dataset

from warpdata.config import default_cache_dir
from warpdata.errors import ViewError
from warpdata.formats.spacevista.item import Item
from warpdata.formats.spacevista.shapes import PointOrder
from warpdata.sources.spacevista.frame_files import FrameFiles
from warpdata.sources.spacevista.item_frames import MOST_FRAMES, ItemFrames, evenly_spaced
from warpdata.sources.spacevista.items_file import ItemsFile

MOST_PIXELS = 256 * 256
"""Of a frame that a model sees."""

ENCODER_SIDES = (364, 420)
"""Sides of the square pictures for a geometry encoder, multiples of `PATCH`."""
PATCH = 14


@dataclass(frozen=True, kw_only=True)
class SpaceVistaSample:
    """One item. T frames were sampled and could be read; one more, the last again, where their number was odd.

    Attributes:
        id: its `problem_id`.
        question, answer: texts; `<video>` and `<image>` stand where they stand in the item.
        task_type, input_type: as the item says.
        frames: marks drawn, at most 256·256 pixels each; all of the size of the first.
        padded: by its side, frames in a white square: the longer side as long as the square, the shorter one a
            multiple of 14.
        undrawn: frames as they are stored, without marks, without the repeated one.
        frame_numbers: of the sampled frames among the item's.
        points: (frame, y, x) of each point on a sampled frame; the frame by its place in `undrawn`.
        boxes: (frame, left, top, right, bottom) of each box, likewise.
        masks: (frame, mask) of each mask, at its frame's size.
        problems: what is missing or cannot be placed; nothing takes its place.
    """

    id: str
    question: str
    answer: str
    task_type: str
    input_type: str
    frames: UInt8[Tensor, "T 3 h w"]
    padded: dict[int, UInt8[Tensor, "T 3 side side"]]
    undrawn: list[UInt8[Tensor, "3 H W"]]
    frame_numbers: Int64[Tensor, " n"]
    points: Float[Tensor, "points 3"]
    boxes: Float[Tensor, "boxes 5"]
    masks: list[tuple[int, Bool[Tensor, "H W"]]]
    problems: list[str]


class SpaceVistaDataset(Dataset):
    """The items of a file by number. Pickles, for workers.

    Args:
        meta: JSON of items in any of its forms, or JSON lines.
        root: folder that paths of frames are below; by default that of `meta`.
        tasks: only items of these tasks; empty for all.
        point_order: how points are written, (y, x) as the format says or the other way round.
        most_frames: so many frames of an item are sampled, evenly, the first and the last among them.
        cache_dir: for the items as lines; the user's cache by default.

    Raises:
        SourceError: the file cannot be read as a list of items.
    """

    def __init__(
        self,
        meta: str | Path,
        root: str | Path | None = None,
        *,
        tasks: Sequence[str] = (),
        point_order: PointOrder = "yx",
        most_frames: int = MOST_FRAMES,
        cache_dir: Path | None = None,
    ):
        meta = Path(meta)
        self._items = ItemsFile(meta, cache_dir or default_cache_dir())
        self._files = FrameFiles(Path(root or meta.parent).resolve())
        self._point_order: PointOrder = point_order
        self._most_frames = most_frames
        chosen = [k for k, task in enumerate(self._items.tasks) if task in tasks] if tasks else None
        self._chosen = np.arange(len(self._items)) if chosen is None else np.array(chosen, dtype=np.int64)

    def __len__(self) -> int:
        return len(self._chosen)

    def item(self, number: int) -> Item:
        """An item as the file has it.

        Raises:
            IndexError: there is none.
        """
        if not -len(self) <= number < len(self):
            raise IndexError(f"there is no item {number}: there are {len(self)}")
        return self._items[int(self._chosen[number])]

    def __getitem__(self, number: int) -> SpaceVistaSample:
        """An item as tensors.

        Raises:
            IndexError: there is none.
            ViewError: none of its frames can be read.
        """
        item = self.item(number)
        opened = ItemFrames(item, self._files, self._point_order)
        problems = [*item.problems, *opened.placed.problems]
        drawn, undrawn, numbers = [], [], []
        for place in evenly_spaced(len(opened), self._most_frames):
            try:
                undrawn.append(_channels_first(opened.picture(place)))
            except ViewError as error:
                problems.append(f"{item.frames[place]}: {error}")
                continue
            drawn.append(opened.drawn(place))
            numbers.append(place)
        if not drawn:
            raise ViewError(
                f"item {item.id} has no frame that can be read: {'; '.join(problems[:3]) or 'it lists none'}"
            )
        unseen = [place for place in opened.placed.shapes if place not in numbers]
        problems += [f"marks are on {item.frames[place]}, which was not sampled" for place in unseen]
        shown = [*drawn, *drawn[-1:]] if len(drawn) % 2 else drawn
        return SpaceVistaSample(
            id=item.id,
            question=item.question,
            answer=item.answer,
            task_type=item.task_type,
            input_type=item.input_type,
            frames=_stacked(shown),
            padded={side: torch.stack([_in_square(picture, side) for picture in shown]) for side in ENCODER_SIDES},
            undrawn=undrawn,
            frame_numbers=torch.tensor(numbers),
            **_marks(opened, numbers),
            problems=problems,
        )


def _marks(opened: ItemFrames, numbers: list[int]) -> dict[str, object]:
    points, boxes, masks = [], [], []
    for frame, place in enumerate(numbers):
        for shape in opened.shapes(place):
            if shape.point is not None:
                points.append((frame, *shape.point))
            if shape.box is not None:
                boxes.append((frame, *shape.box))
            if shape.mask is not None:
                H, W = opened.hw(place) or shape.mask.shape
                mask = cv2.resize(shape.mask.astype(np.uint8), (W, H), interpolation=cv2.INTER_NEAREST) > 0
                masks.append((frame, torch.from_numpy(mask)))
    return {
        "points": torch.tensor(points, dtype=torch.float32).reshape(-1, 3),
        "boxes": torch.tensor(boxes, dtype=torch.float32).reshape(-1, 5),
        "masks": masks,
    }


def _channels_first(picture: UInt8[np.ndarray, "H W 3"]) -> UInt8[Tensor, "3 H W"]:
    return torch.from_numpy(picture).permute(2, 0, 1).contiguous()


def _resized(picture: UInt8[np.ndarray, "H W 3"], hw: tuple[int, int]) -> UInt8[np.ndarray, "h w 3"]:
    if picture.shape[:2] == hw:
        return picture
    shrinks = hw[0] * hw[1] < picture.shape[0] * picture.shape[1]
    return cv2.resize(picture, hw[::-1], interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)


def _stacked(pictures: list[UInt8[np.ndarray, "H W 3"]]) -> UInt8[Tensor, "T 3 h w"]:
    """Frames at the first one's size, brought below `MOST_PIXELS`."""
    H, W = pictures[0].shape[:2]
    scale = min(1.0, (MOST_PIXELS / (H * W)) ** 0.5)
    hw = max(1, int(H * scale)), max(1, int(W * scale))
    return torch.stack([_channels_first(np.ascontiguousarray(_resized(picture, hw))) for picture in pictures])


def _in_square(picture: UInt8[np.ndarray, "H W 3"], side: int) -> UInt8[Tensor, "3 side side"]:
    H, W = picture.shape[:2]
    scale = side / max(H, W)
    hw = tuple(side if length == max(H, W) else max(PATCH, round(length * scale / PATCH) * PATCH) for length in (H, W))
    square = np.full((side, side, 3), 255, np.uint8)
    top, left = (side - hw[0]) // 2, (side - hw[1]) // 2
    square[top : top + hw[0], left : left + hw[1]] = _resized(picture, (hw[0], hw[1]))
    return _channels_first(square)
