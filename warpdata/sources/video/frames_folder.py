"""The frames of a video as a folder of pictures: `frame_000123.jpg`, ..., and `frames.json`, which tells of them.

The video is decoded once. Each picture is whole before `frames.json` names it, so that a killed pass is taken up by
the next one after the last picture, and ends with the same files.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch

from warpdata.errors import SceneError
from warpdata.files.atomic import write_atomic
from warpdata.files.bounded_json import dump_json, read_json
from warpdata.formats.jpeg_png import encode_picture
from warpdata.formats.video import Video
from warpdata.sources.video.choice import Chosen, Place, Tally, choose, spread
from warpdata.sources.video.options import VideoOptions

FRAMES_JSON = "frames.json"
KIND = "warpdata-video-frames"
VERSION = 1
"""Of the file, and of how frames are chosen and encoded; raised when either changes."""

STAGE = "frames of the video"
"""What `Progress` calls the work."""

_FILE = re.compile(r"frame_\d{6,12}\.jpg")

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, kw_only=True)
class TakenFrame:
    """A frame that became a picture.

    Attributes:
        file: the picture's name in the folder.
        number: its place among the frames of the video, from 0.
        time_s: seconds after the first frame.
        sharpness: part of that of the frames around it.
        motion: how far the picture has moved since the frame before it in this list, as a part of its diagonal.
        stretch: which stretch of time it stands for.
        hw: height and width of the picture.
        bytes: length of its file.
    """

    file: str
    number: int
    time_s: float
    sharpness: float
    motion: float
    stretch: int
    hw: tuple[int, int]
    bytes: int

    @property
    def name(self) -> str:
        return self.file.removesuffix(".jpg")


@dataclass(frozen=True, kw_only=True)
class VideoFrames:
    """What `frames.json` says.

    Attributes:
        video: name and digest of the file.
        options: by which the frames were chosen.
        frames: in order of time.
        seen: how many frames the video has, as far as it was decoded.
        blurred: how many of them were less sharp than was asked for.
        notes: what a person should know: where the video is damaged, what was found.
        complete: whether the video was decoded to its end.
    """

    video: dict[str, str]
    options: dict[str, Any]
    frames: tuple[TakenFrame, ...] = ()
    seen: int = 0
    blurred: int = 0
    notes: tuple[str, ...] = ()
    complete: bool = False

    def write(self, folder: Path) -> None:
        """Raises OutputError where it cannot be written."""
        write_atomic(
            folder / FRAMES_JSON, dump_json({"kind": KIND, "version": VERSION, **asdict(self)}, indent=1) + "\n"
        )

    def has_its_files(self, folder: Path) -> bool:
        """Whether every picture is there, by its length."""
        try:
            return all((folder / frame.file).stat().st_size == frame.bytes for frame in self.frames)
        except OSError:
            return False


def read_frames(folder: Path) -> VideoFrames | None:
    """What a folder's `frames.json` says; None where there is none, or it is none of this version's."""
    try:
        content = read_json(folder / FRAMES_JSON)
        if content.pop("kind") != KIND or content.pop("version") != VERSION:
            return None
        frames = tuple(TakenFrame(**{**frame, "hw": tuple(frame["hw"])}) for frame in content.pop("frames"))
        notes = tuple(map(str, content.pop("notes")))
        found = VideoFrames(**content, frames=frames, notes=notes)
        sound = all(_FILE.fullmatch(frame.file) and math.isfinite(frame.time_s) for frame in frames)
        named = isinstance(found.video["name"], str) and isinstance(found.video["sha256"], str)
        return found if sound and named else None
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None


def make_frames(
    path: Path, video: dict[str, str], options: VideoOptions, folder: Path | None, *, progress: Progress
) -> VideoFrames:
    """Choose a video's frames and write them, or go on with that; what is there already stays.

    Args:
        path: of the video.
        video: what `VideoFrames.video` says of it.
        folder: for the pictures; made where it does not exist. None only looks and writes nothing.

    Raises:
        SceneError: the video cannot be read, or no frame of it can be used.
        OutputError: the folder cannot be written.
        OSError: the video cannot be read.
    """
    found = VideoFrames(video=video, options=asdict(options))
    if folder is not None:
        there = read_frames(folder)
        if there is not None and (there.video["sha256"], there.options) == (video["sha256"], found.options):
            if there.has_its_files(folder):
                found = there
        if found.complete:
            return found
    with Video(path) as opened:
        for known in _passes(opened, found, options, folder, progress):
            found = known
            if folder is not None:
                found.write(folder)
        found = _finished(found, options, opened.breaks, path.name)
    if folder is not None:
        found.write(folder)
        kept = {frame.file for frame in found.frames}
        for other in folder.glob("frame_*.jpg"):
            if _FILE.fullmatch(other.name) and other.name not in kept:
                other.unlink()
    return found


def _passes(
    video: Video, found: VideoFrames, options: VideoOptions, folder: Path | None, progress: Progress
) -> Iterator[VideoFrames]:
    """What is known after every frame that is taken, and at the end."""
    total = round((video.duration_s or 0) * float(video.rate or 25))
    tally = Tally(frames=found.seen, blurred=found.blurred)

    def counted() -> Iterator[Any]:
        for frame in video.frames():
            progress(STAGE, frame.number, max(total, frame.number + 1))
            yield frame

    chosen = choose(
        counted(),
        stretch_s=options.stretch_s(video.duration_s),
        min_sharpness=options.min_sharpness,
        tally=tally,
        after=Place(found.frames[-1].number, found.frames[-1].stretch) if found.frames else None,
    )
    for choice in chosen:
        frame = _taken(choice, folder)
        found = replace(found, frames=(*found.frames, frame), seen=tally.frames, blurred=tally.blurred)
        yield found
    progress(STAGE, max(total, 1), max(total, 1))
    yield replace(found, seen=tally.frames, blurred=tally.blurred)


def _taken(choice: Chosen, folder: Path | None) -> TakenFrame:
    frame = choice.frame
    file = f"frame_{frame.number:06d}.jpg"
    size = 0
    if folder is not None:
        data = encode_picture(torch.from_numpy(frame.srgb()).permute(2, 0, 1), "jpg")
        write_atomic(folder / file, data)
        size = len(data)
    return TakenFrame(
        file=file,
        number=frame.number,
        time_s=round(frame.time_s, 6),
        sharpness=round(choice.sharpness, 4),
        motion=round(choice.motion, 5),
        stretch=choice.stretch,
        hw=frame.shape.hw,
        bytes=size,
    )


def _finished(found: VideoFrames, options: VideoOptions, breaks: list[str], name: str) -> VideoFrames:
    if not found.frames:
        raise SceneError(f"{name} has no frame that shows anything: all {found.seen} are blank or blurred")
    frames = tuple(found.frames[index] for index in spread(len(found.frames), options.max_frames))
    note = (
        f"{len(frames)} of {found.seen} frames of {name} are used; {found.blurred} are blurred beside those around them"
    )
    if len(frames) == 1 and found.seen > 1:
        note += "; the picture hardly moves, or the clip is too short for `fps`"
    return replace(found, frames=frames, notes=(note, *breaks), complete=True)
