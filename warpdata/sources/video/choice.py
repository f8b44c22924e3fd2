"""Which frames of a video are taken, in one pass: of each stretch of time the sharpest that has moved enough."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import UInt8

from warpdata.sources.video.sight import Sight

MIN_MOTION = 0.01
"""How far the picture must have moved since the last frame taken, as a part of its diagonal: 22 pixels of 1080p."""

BEFORE_S = 0.5
"""A frame's sharpness is held against that of frames up to so long before it, and of at least `AROUND` of them,"""

AROUND = 5
"""and of so many after it."""

_BLANK = 0.02
"""Detail of a frame that shows nothing."""

_ROUNDING_S = 1e-6


@runtime_checkable
class Seen(Protocol):
    """What is asked of a frame: see `formats.video.Frame`."""

    number: int
    time_s: float

    def luma(self) -> UInt8[np.ndarray, "h w"]: ...


@dataclass(frozen=True)
class Chosen:
    """A frame that is taken.

    Attributes:
        sharpness: part of that of the frames around it; about 1 where it is as sharp as they are.
        motion: how far the picture has moved since the frame taken before, as a part of its diagonal; 1 for the first.
        stretch: number of the stretch of time that it stands for.
    """

    frame: Seen
    sight: Sight = field(repr=False)
    sharpness: float
    motion: float
    stretch: int


@dataclass
class Tally:
    """What was seen on the way.

    Attributes:
        frames: how many there were.
        blurred: how many of them were less sharp than was asked for.
    """

    frames: int = 0
    blurred: int = 0


@dataclass(frozen=True)
class Place:
    """Where an earlier pass was when it ended: the last frame it took, and for which stretch."""

    number: int
    stretch: int


def choose(
    frames: Iterable[Seen],
    *,
    stretch_s: float,
    min_sharpness: float,
    tally: Tally | None = None,
    after: Place | None = None,
) -> Iterator[Chosen]:
    """Frames to take, in order, each as soon as it is certain. Few frames are held at a time.

    Args:
        frames: of a video, all of them, in order.
        stretch_s: one frame is taken at most of each so many seconds.
        min_sharpness: frames less sharp than this part of those around them are never taken.
        tally: counts what is seen.
        after: go on where an earlier pass over the same video ended; what it took is not given again, and what
            follows is what it would have taken.
    """
    tally = tally or Tally()
    last: Sight | None = None
    best: Chosen | None = None
    for frame, sight, sharpness in _beside_others(_measured(frames, stretch_s, after)):
        stretch = int((frame.time_s + _ROUNDING_S) / stretch_s)
        if after is not None and stretch <= after.stretch:
            last = sight if frame.number == after.number else last
            continue
        if best is not None and stretch != best.stretch:
            yield best
            best, last = None, best.sight
        tally.frames += 1
        if sharpness < min_sharpness or max(sight.detail) < _BLANK:
            tally.blurred += 1
        elif best is None or math.prod(sight.detail) > math.prod(best.sight.detail):
            motion = 1.0 if last is None else last.motion_to(sight)
            if motion >= MIN_MOTION:
                best = Chosen(frame, sight, sharpness, motion, stretch)
    if best is not None:
        yield best


def _measured(frames: Iterable[Seen], stretch_s: float, after: Place | None) -> Iterator[tuple[Seen, Sight]]:
    """Every frame with its measures; without those that an earlier pass is done with."""
    begin_s = -1.0 if after is None else (after.stretch + 1) * stretch_s - 2 * BEFORE_S
    for frame in frames:
        if frame.time_s >= begin_s or (after is not None and frame.number >= after.number):
            yield frame, Sight.of(frame.luma())


def _beside_others(measured: Iterable[tuple[Seen, Sight]]) -> Iterator[tuple[Seen, Sight, float]]:
    """Every frame with its sharpness: its detail as a part of that of the frames around it, of the upper quarter of
    them, along the rows or along the columns, whichever is less.

    There are a few frames before it at least, so that slow videos have neighbours too; a burst of blurred frames is
    held against what was before.
    """
    before: deque[tuple[float, tuple[float, float]]] = deque()
    waiting: deque[tuple[Seen, Sight]] = deque()

    def judged() -> tuple[Seen, Sight, float]:
        frame, sight = waiting.popleft()
        while len(before) > AROUND and before[0][0] < frame.time_s - BEFORE_S:
            before.popleft()
        around = [detail for _, detail in before] + [other.detail for _, other in waiting]
        before.append((frame.time_s, sight.detail))
        usual = np.quantile(around or [sight.detail], 0.75, axis=0)
        parts = (own / most if most > 0 else 1.0 for own, most in zip(sight.detail, usual, strict=True))
        return frame, sight, float(min(parts))

    for item in measured:
        waiting.append(item)
        if len(waiting) > AROUND:
            yield judged()
    while waiting:
        yield judged()


def spread(count: int, most: int) -> Sequence[int]:
    """Indices of at most so many of `count` things, evenly spread, the first and the last among them."""
    if not most or count <= most:
        return range(count)
    return np.rint(np.linspace(0, count - 1, most)).astype(int).tolist()
