"""Frames of videos in the cache: `frames/<key>/`, found by the video's content and the options.

The digest of a video, which may be long, is remembered beside them for as long as the file stays as it is.
"""

from __future__ import annotations

import hashlib
import os
import time
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path

from warpdata.errors import CacheError, OutputError
from warpdata.files.atomic import write_atomic
from warpdata.files.bounded_json import dump_json, fingerprint, read_json
from warpdata.files.digests import file_sha256
from warpdata.files.locks import hold_lock
from warpdata.files.tree import file_numbers
from warpdata.sources.folder_state import SETTLED_NS
from warpdata.sources.table import Workplace
from warpdata.sources.video.frames_folder import FRAMES_JSON, STAGE, VERSION, VideoFrames, make_frames, read_frames
from warpdata.sources.video.options import VideoOptions

FRAMES_FOLDER = "frames"
"""In a cache."""


def kept_frames(path: Path, options: VideoOptions, work: Workplace) -> tuple[Path | None, VideoFrames]:
    """The folder in the cache that holds a video's frames, made if it is not there, and what it holds.

    Where nothing may be written and there is no such folder, the frames are chosen all the same, and it is None.

    Raises:
        SceneError: the video cannot be used.
        CacheError: the cache cannot be written.
        OSError: the video cannot be read.
    """
    sha256 = video_digest(path, work)
    folder = frames_folder(sha256, options, work)
    video = {"name": path.name, "sha256": sha256}
    found = read_frames(folder)
    if found is not None and found.complete and found.has_its_files(folder):
        return folder, found
    if not work.writes:
        return None, make_frames(path, video, options, None, progress=work.progress)
    try:
        with ExitStack() as held:
            locks = work.cache_dir / "locks"
            locks.mkdir(parents=True, exist_ok=True)
            waiting = lambda: work.progress("waiting for another process", 0, 1)  # noqa: E731
            held.enter_context(hold_lock(locks / f"{folder.name}.lock", waiting=waiting))
            return folder, make_frames(path, video, options, folder, progress=work.progress)
    except OutputError as error:
        raise CacheError(
            f"frames of {path} cannot be kept: {error}; make room and allow writing, or choose another `cache_dir`"
        ) from error


def frames_folder(sha256: str, options: VideoOptions, work: Workplace) -> Path:
    """Where the frames of a video of this digest are or would be."""
    return work.cache_dir / FRAMES_FOLDER / fingerprint([VERSION, sha256, asdict(options)])


def video_state(path: Path, options: VideoOptions, work: Workplace) -> str | None:
    """A token that changes when the video or its frames in the cache do; None where it is not known.

    Raises:
        OSError: the video cannot be read.
    """
    sha256 = _remembered(path, work)
    if sha256 is None:
        return None
    folder = frames_folder(sha256, options, work)
    try:
        return fingerprint([str(path), sha256, file_numbers(folder / FRAMES_JSON)])
    except OSError:
        return None


def video_digest(path: Path, work: Workplace) -> str:
    """SHA-256 of a video's bytes.

    Raises:
        OSError: it cannot be read.
    """
    if (known := _remembered(path, work)) is not None:
        return known
    work.progress(STAGE, 0, 1)
    opened_ns, before = time.time_ns(), file_numbers(path)
    sha256 = file_sha256(path)
    settled = max(before.mtime_ns, before.ctime_ns) < opened_ns - SETTLED_NS
    if work.writes and settled and file_numbers(path) == before:
        record = dump_json({"file": list(before), "sha256": sha256})
        try:
            write_atomic(_record_path(path, work), record, shared=True)
        except OutputError as error:
            raise CacheError(f"{error}; allow writing, or choose another `cache_dir`") from error
    return sha256


def _remembered(path: Path, work: Workplace) -> str | None:
    try:
        record = read_json(_record_path(path, work))
        same = record["file"] == list(file_numbers(path))
        return record["sha256"] if same and isinstance(record["sha256"], str) else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _record_path(path: Path, work: Workplace) -> Path:
    name = hashlib.sha256(os.fsencode(path.resolve())).hexdigest()
    return work.cache_dir / FRAMES_FOLDER / f"{name}.json"
