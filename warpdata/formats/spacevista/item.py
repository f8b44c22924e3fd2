"""One item of a `meta.json`: frames, a conversation, and marks on the frames. Pure values; nothing is opened."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any, Literal

Kind = Literal["point", "box", "mask"]
Form = Literal["nested", "flattened", "benchmark"]

FULL_SIZE, REDUCED = "images", "images_8"
"""Folders of one scene that hold the same frames at two sizes; annotations name either."""


@dataclass(frozen=True, kw_only=True)
class Mark:
    """What an item points at in one of its frames.

    Attributes:
        kind: which of the next is set.
        point: (y, x), row first, in pixels of the frame as it is stored.
        box: (left, top, right, bottom) in the same pixels; the first corner is the upper left one.
        mask_path: of the file of a mask.
        object_ids: which of its objects: numbers, or a truth value for each; None for all of it.
        frame_path: the frame it belongs to, as the item spells it; None where `frame_number` tells.
        frame_number: its place among the item's frames.
        is_candidate: one of several to choose from, in another frame than the mark that is asked about.
    """

    kind: Kind
    point: tuple[float, float] | None = None
    box: tuple[float, float, float, float] | None = None
    mask_path: str | None = None
    object_ids: tuple[int, ...] | tuple[bool, ...] | None = None
    frame_path: str | None = None
    frame_number: int | None = None
    is_candidate: bool = False


@dataclass(frozen=True, kw_only=True)
class Item:
    """One question with its frames.

    Attributes:
        id: its `problem_id`, or `item0007` by its place in the file where it has none.
        messages: (role, content), the user's first.
        videos: each a list of frames in time order, or the path of a video file.
        images: single pictures; items have either these or videos.
        task_type, input_type: as the item says; empty where it does not.
        marks: on its frames.
        extra: all else that it says, untouched.
        form: which of the three forms it was written in.
        problems: what in it could not be understood and is left out.
    """

    id: str
    messages: tuple[tuple[str, str], ...]
    videos: tuple[tuple[str, ...] | str, ...]
    images: tuple[str, ...] = ()
    task_type: str = ""
    input_type: str = ""
    marks: tuple[Mark, ...] = ()
    extra: dict[str, Any] = field(default_factory=dict)
    form: Form = "nested"
    problems: tuple[str, ...] = ()

    @property
    def frames(self) -> tuple[str, ...]:
        """Paths of all its frames, in order; of all its pictures where it has no videos."""
        return (*(path for video in self.videos if not isinstance(video, str) for path in video), *self.images)

    @property
    def video_files(self) -> tuple[str, ...]:
        """Those of its videos that are one file each."""
        return tuple(video for video in self.videos if isinstance(video, str))

    @property
    def question(self) -> str:
        """What the user says, all turns together."""
        return "\n".join(text for role, text in self.messages if role == "user")

    @property
    def answer(self) -> str:
        """What the assistant says."""
        return "\n".join(text for role, text in self.messages if role == "assistant")

    def frame_of(self, mark: Mark) -> int | None:
        """Place of a mark's frame among `frames`; None where the item has no such frame, or several that it could be.

        The path itself; else with `images` and `images_8` exchanged; else the only frame of that file name.
        """
        frames = self.frames
        if mark.frame_path is None:
            number = mark.frame_number
            return number if number is not None and 0 <= number < len(frames) else None
        for path in (mark.frame_path, exchanged(mark.frame_path)):
            if path in frames:
                return frames.index(path)
        name = PurePosixPath(mark.frame_path).name
        same = [number for number, path in enumerate(frames) if PurePosixPath(path).name == name]
        return same[0] if len(same) == 1 else None


def exchanged(path: str) -> str | None:
    """The path of the same frame at its other size; None where it lies in no folder of either name."""
    parts = list(PurePosixPath(path).parts)
    for place in range(len(parts) - 2, -1, -1):
        if parts[place] in (FULL_SIZE, REDUCED):
            parts[place] = REDUCED if parts[place] == FULL_SIZE else FULL_SIZE
            return str(PurePosixPath(*parts))
    return None
