"""From exports of Google Earth Studio, a film or pictures with tracking JSON, to scenes of numbered pictures."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from jaxtyping import UInt8

from warpdata.errors import OutputError, SceneError, SourceError
from warpdata.files.atomic import write_atomic
from warpdata.files.bounded_json import dump_json, read_json
from warpdata.files.digests import file_sha256
from warpdata.formats.earth_studio import Track, read_track
from warpdata.formats.jpeg_png import encode_picture
from warpdata.formats.video import Video
from warpdata.sources.naming import natural_key
from warpdata.sources.picture_names import is_image_name
from warpdata.sources.readers.earth_studio import FOOTAGE, FRAMES_JSON
from warpdata.sources.scene import PictureFile

Progress = Callable[[str, int, int], None]

DOWNLOADED, MADE = "downloaded_data", "data"
"""Folders of the root: what was exported, and what is made of it."""

VIDEO_SUFFIXES = (".mp4", ".mov", ".webm", ".mkv")

UNCHANGED_DEG = 0.05
"""A frame whose direction of view differs by less, and whose centre moved less than `min_step`, is dropped."""


@dataclass(frozen=True, kw_only=True)
class EarthStudioOptions:
    """How exports become scenes."""

    format: Literal["jpeg", "png"] = "jpeg"
    """Of the pictures; JPEG is of quality 95."""
    min_step: float = 0.0
    """Drop frames whose camera moved less than so many metres, and turned less than 0.05 degrees, since the last kept
    one; 0 keeps all."""
    origin: str = "first"
    """Of the frame that cameras are given in: the place of the first frame, centroid (the mean of all), or
    LAT,LON,ALT in degrees and metres."""
    overwrite: bool = False
    """Make scenes anew that were made with other options or of another film."""
    dry_run: bool = False
    """Check every export and say what would be made; write nothing."""

    def __post_init__(self) -> None:
        if not 0 <= self.min_step < math.inf:
            raise ValueError(f"`min_step` is {self.min_step}; it must be 0 or a positive number of metres")


@dataclass(kw_only=True)
class SceneReport:
    """What came of one export.

    Attributes:
        written, there: pictures made, and found from an earlier run.
        dropped: frames that did not move.
        notes: what a person should know.
        problem: why there is no scene, or None.
    """

    name: str
    written: int = 0
    there: int = 0
    dropped: int = 0
    notes: list[str] = field(default_factory=list)
    problem: str | None = None

    def line(self) -> str:
        """For a person."""
        if self.problem is not None:
            return f"left out {self.name}: {self.problem}"
        there = f", {self.there:,} were there" if self.there else ""
        dropped = f", {self.dropped:,} dropped that did not move" if self.dropped else ""
        notes = "".join(f"; {note}" for note in self.notes)
        return f"{self.name}: {self.written:,} pictures{there}{dropped}{notes}"


def find_exports(root: Path, scene_list: Path | None = None) -> list[str]:
    """Names of the scenes to make: those of a list, a name a line, or all that have tracking JSON.

    Raises:
        SourceError: there is none, or a name is none.
        OSError: the list cannot be read.
    """
    folder = root / DOWNLOADED
    if not folder.is_dir():
        raise SourceError(f"{folder} does not exist; put the exports there, NAME.json beside NAME.mp4 or a folder NAME")
    if scene_list is not None:
        names = [line.strip() for line in scene_list.read_text(encoding="utf-8").splitlines() if line.strip()]
        for name in names:
            if "/" in name or "\\" in name or name.startswith("."):
                raise SourceError(f"{scene_list}: {name!r} cannot name a scene")
    else:
        names = sorted((path.stem for path in folder.glob("*.json")), key=natural_key)
    if not names:
        raise SourceError(f"{scene_list or folder} names no scene; each has its tracking as {folder / 'NAME.json'}")
    return names


def make_scene(root: Path, name: str, options: EarthStudioOptions, *, progress: Progress) -> SceneReport:
    """Make `data/<name>` of `downloaded_data/<name>.json` with its film or pictures; a killed run goes on.

    Raises:
        OutputError: it was made with other options, or cannot be written.
    """
    report = SceneReport(name=name)
    try:
        _make(root, name, options, report, progress)
    except (SceneError, ValueError, OSError) as error:
        if isinstance(error, OSError) and not isinstance(error, FileNotFoundError):
            raise
        report.problem = str(error)
    return report


def _make(root: Path, name: str, options: EarthStudioOptions, report: SceneReport, progress: Progress) -> None:
    folder, tracking = root / DOWNLOADED, root / DOWNLOADED / f"{name}.json"
    track = read_track(tracking)
    track.origin(options.origin)
    if track.name and track.name != name:
        report.notes.append(f"its JSON calls it {track.name!r}")
    film = next(
        (folder / f"{name}{suffix}" for suffix in VIDEO_SUFFIXES if (folder / f"{name}{suffix}").is_file()), None
    )
    pictures = sorted(
        (p for p in (folder / name).glob("*") if is_image_name(p.name)), key=lambda p: natural_key(p.name)
    )
    if film is None and not pictures:
        raise SceneError(f"there is neither a film {folder / name}.mp4 nor a folder of pictures {folder / name}")
    record: dict[str, Any] = {
        "track": file_sha256(tracking),
        "film": file_sha256(film) if film is not None else _digest_of(pictures),
        "format": options.format,
        "min_step": options.min_step,
        "origin": options.origin,
    }
    count = _count_frames(film, progress) if film is not None else len(pictures)
    _check_count(count, track, report)
    kept = kept_frames(track, count, options.min_step)
    report.dropped = count - len(kept)
    made = root / MADE / name
    if options.dry_run:
        report.written = len(kept)
        return
    if _is_complete(made, record, options):
        report.there = len(kept)
        return
    write_atomic(made / f"{name}.json", tracking.read_bytes())
    digits = max(3, len(str(len(track.frames) - 1)))
    for number, pixels in _frames(film, pictures, kept):
        path = made / FOOTAGE / f"{name}_{number:0{digits}d}.{options.format}"
        if path.is_file():
            report.there += 1
        else:
            picture = torch.from_numpy(pixels()).permute(2, 0, 1).contiguous()
            write_atomic(path, encode_picture(picture, "jpg" if options.format == "jpeg" else "png"))
            report.written += 1
        progress("writing pictures", report.there + report.written, len(kept))
    _note(made, {**record, "pictures": len(kept), "hw": list(track.hw), "complete": True})


def kept_frames(track: Track, count: int, min_step: float) -> list[int]:
    """Numbers of the frames that moved or turned since the last that was kept."""
    if min_step == 0:
        return list(range(count))
    origin, kept = track.origin(), []
    last = None
    for number, frame in enumerate(track.frames[:count]):
        pose = frame.camera(track.hw, origin).world_from_cam
        if last is not None:
            moved = (pose[:3, 3] - last[:3, 3]).norm().item()
            cosine = float((pose[:3, 2] * last[:3, 2]).sum().clamp(-1, 1))
            if moved < min_step and math.degrees(math.acos(cosine)) < UNCHANGED_DEG:
                continue
        kept.append(number)
        last = pose
    return kept


def _check_count(count: int, track: Track, report: SceneReport) -> None:
    """Frame i of the film belongs to frame i of the track; one may be missing at the film's end."""
    if count == len(track.frames) - 1:
        report.notes.append(f"the film has {count} frames, one less than the track; the track's last is not used")
    elif count != len(track.frames):
        raise SceneError(
            f"the film has {count} frames and the track {len(track.frames)}: they are not of one export; export both "
            "again"
        )


def _is_complete(made: Path, record: dict[str, Any], options: EarthStudioOptions) -> bool:
    """Whether the scene is there; otherwise it is noted what it is going to be made of.

    Raises:
        OutputError: it was made of something else.
    """
    path = made / FRAMES_JSON
    before = read_json(path) if path.is_file() else None
    if isinstance(before, dict) and {key: before.get(key) for key in record} == record:
        return before.get("complete") is True
    if before is not None or (made / FOOTAGE).is_dir():
        if not options.overwrite:
            raise OutputError(
                f"{made} was made with other options or of another export; add `overwrite=True` to make it anew, or "
                "choose another `data_root`"
            )
        for picture in (made / FOOTAGE).glob("*"):
            picture.unlink()
    _note(made, {**record, "complete": False})
    return False


def _note(made: Path, content: dict[str, Any]) -> None:
    write_atomic(made / FRAMES_JSON, dump_json(content, indent=1) + "\n")


def _digest_of(pictures: list[Path]) -> str:
    return hashlib.sha256("".join(f"{p.name} {file_sha256(p)}\n" for p in pictures).encode()).hexdigest()


def _count_frames(film: Path, progress: Progress) -> int:
    """How many frames can be decoded: what a container declares need not be so.

    Raises:
        SceneError: it is no film that can be read, or is damaged.
    """
    count = 0
    with Video(film) as video:
        for frame in video.frames():
            count = frame.number + 1
            progress("counting frames", count, count)
        if video.breaks:
            raise SceneError(f"{film} is damaged ({'; '.join(video.breaks)}); export it again")
    return count


def _frames(
    film: Path | None, pictures: list[Path], kept: list[int]
) -> Iterator[tuple[int, Callable[[], UInt8[np.ndarray, "H W 3"]]]]:
    """Number and pixels, on request, of the frames that are kept."""
    wanted = set(kept)
    if film is None:
        for number, path in enumerate(pictures):
            if number in wanted:
                yield number, lambda path=path: PictureFile(path).load().permute(1, 2, 0).numpy()
        return
    with Video(film) as video:
        for frame in video.frames():
            if frame.number in wanted:
                yield frame.number, frame.srgb
