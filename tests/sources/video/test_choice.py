"""Which frames are taken: on drawn frames whose sharpness and motion are known."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
import pytest

from tests.videos import texture
from warpdata.sources.video.choice import MIN_MOTION, Place, Tally, choose, spread
from warpdata.sources.video.options import VideoOptions
from warpdata.sources.video.sight import Sight

HW = (120, 160)
DIAGONAL = 200
WIDE = texture((400, 1600))[..., 1]
FPS = 30


@dataclass
class Drawn:
    """A window on a wide picture, `x` pixels from its left."""

    number: int
    time_s: float
    x: float = 0
    blur: int = 0
    contrast: float = 1

    def luma(self) -> np.ndarray:
        shift = np.float32([[1, 0, -self.x], [0, 1, -40]])
        picture = cv2.warpAffine(WIDE, shift, (HW[1], HW[0]), flags=cv2.INTER_LINEAR)
        if self.blur:
            picture = cv2.blur(picture, (self.blur, 1))
        return np.rint(self.contrast * (picture - 128.0) + 128).astype(np.uint8)


def clip(count, *, step=4.0, **changes):
    """Frames of a camera that moves by `step` pixels each; changes: field -> (number -> value)."""
    return [Drawn(k, k / FPS, x=step * k, **{name: value(k) for name, value in changes.items()}) for k in range(count)]


def taken(frames, *, fps=5.0, min_sharpness=0.5, **options):
    return [choice.frame.number for choice in choose(frames, stretch_s=1 / fps, min_sharpness=min_sharpness, **options)]


@pytest.mark.parametrize("fps", [2, 5, 10, 15, 30, 60])
@pytest.mark.parametrize("offset", [0, 1, 2])
def test_no_frame_of_every_third_that_is_blurred_is_taken(fps, offset):
    numbers = taken(clip(60, blur=lambda k: 7 if k % 3 == offset else 0), fps=fps)
    assert numbers
    assert all(number % 3 != offset for number in numbers)
    if fps <= 10:
        assert len(numbers) == 2 * fps, "one of each stretch"
    if fps >= 30:
        assert len(numbers) == 40, "all that are sharp"


def test_of_each_stretch_the_sharpest_is_taken():
    best = {3, 14, 27, 31, 42, 59}
    assert taken(clip(60, blur=lambda k: 0 if k in best else 3), fps=3, min_sharpness=0.0) == sorted(best)


def test_a_burst_of_blur_is_not_taken_though_all_around_it_are_blurred():
    numbers = taken(clip(60, blur=lambda k: 9 if 20 <= k < 32 else 0), fps=30)
    assert not set(numbers) & set(range(20, 32))
    assert set(range(34, 60)) <= set(numbers)


def test_less_texture_is_not_taken_for_blur():
    """The contrast falls to 0.4 over 0.8 seconds; detail, its square, to 0.16."""
    numbers = taken(clip(60, contrast=lambda k: max(0.4, 1 - k / 40)), fps=5)
    assert len(numbers) == 10


def test_a_camera_that_stands_still_gives_one_frame():
    numbers = taken(clip(40, step=0.0))
    assert len(numbers) == 1


def test_frames_are_taken_once_the_picture_has_moved_enough():
    step = 0.4
    choices = list(choose(clip(60, step=step), stretch_s=1 / 30, min_sharpness=0.0))
    for before, after in pairwise(choices):
        moved = step * (after.frame.number - before.frame.number) / DIAGONAL
        assert MIN_MOTION <= moved + 5e-4
        assert moved < MIN_MOTION + 2 * step / DIAGONAL
        assert after.motion == pytest.approx(moved, rel=0.2)


def test_time_counts_not_the_number_of_frames():
    """Two seconds, of which the first has 5 frames and the second 50."""
    times = [k / 5 for k in range(5)] + [1 + k / 50 for k in range(50)]
    frames = [Drawn(k, time, x=40 * time) for k, time in enumerate(times)]
    stretches = [int(5 * choice.frame.time_s + 1e-6) for choice in choose(frames, stretch_s=0.2, min_sharpness=0.0)]
    assert stretches == list(range(10))


@pytest.mark.parametrize("level", [0, 17, 255])
def test_blank_frames_are_not_taken(level):
    blank = [Drawn(k, k / FPS) for k in range(12)]
    for frame in blank:
        frame.luma = lambda: np.full(HW, level, np.uint8)
    assert taken(blank) == []
    later = [Drawn(k, k / FPS, x=4 * k) for k in range(12, 24)]
    assert set(taken([*blank, *later])) <= set(range(12, 24))


def test_what_is_seen_is_counted():
    tally = Tally()
    taken(clip(30, blur=lambda k: 9 if k % 3 == 1 else 0), tally=tally)
    assert (tally.frames, tally.blurred) == (30, 10)


@pytest.mark.parametrize("stop", [1, 2, 5, 9])
def test_a_later_pass_takes_what_the_first_would_have_taken(stop):
    frames = clip(90, blur=lambda k: (k * 7919) % 5, step=1.5)
    options = {"stretch_s": 0.25, "min_sharpness": 0.5}
    whole_tally = Tally()
    whole = list(choose(frames, tally=whole_tally, **options))
    tally, first = Tally(), []
    for choice in choose(frames, tally=tally, **options):
        first.append(choice)
        if len(first) == stop:
            break
    after = Place(first[-1].frame.number, first[-1].stretch)
    rest_tally = Tally(tally.frames, tally.blurred)
    rest = list(choose(frames, after=after, tally=rest_tally, **options))
    assert [(c.frame.number, c.motion) for c in first + rest] == [(c.frame.number, c.motion) for c in whole]
    assert rest_tally == whole_tally


@pytest.mark.parametrize("factor", [1, 2, 5])
def test_measures_hardly_depend_on_the_size(factor):
    one, two = (Sight.of(cv2.resize(Drawn(0, 0, x=x).luma(), None, fx=factor * 5, fy=factor * 5)) for x in (0, 10))
    assert one.motion_to(two) == pytest.approx(10 / DIAGONAL, rel=0.1)


@pytest.mark.parametrize(
    ("count", "most", "expected"), [(5, 0, [0, 1, 2, 3, 4]), (5, 9, [0, 1, 2, 3, 4]), (9, 3, [0, 4, 8])]
)
def test_spread(count, most, expected):
    assert list(spread(count, most)) == expected


@pytest.mark.parametrize(
    ("options", "duration_s", "stretch_s"),
    [
        ({}, 60.0, 0.5),
        ({}, 4.0, 0.2),
        ({}, None, 0.5),
        ({}, 600.0, 2),
        ({"fps": 5.0}, 4.0, 0.2),
        ({"fps": 2.0}, 4.0, 0.5),
        ({"fps": 2.0, "max_frames": 0}, 600.0, 0.5),
        ({"fps": 30.0, "max_frames": 10}, 20.0, 2),
    ],
)
def test_seconds_for_a_frame(options, duration_s, stretch_s):
    assert VideoOptions(**options).stretch_s(duration_s) == pytest.approx(stretch_s)


@pytest.mark.parametrize(
    "options", [{"fps": 0.0}, {"fps": float("nan")}, {"max_frames": -1}, {"max_frames": 1}, {"min_sharpness": 1.5}]
)
def test_options_out_of_range(options):
    with pytest.raises(ValueError, match=f"`{next(iter(options))}` is"):
        VideoOptions(**options)
