"""What lies in the folder of a geometry cache, file by file."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from warpdata.cache import CacheEntry, GeometryCache
from warpdata.cache.header import FORMAT_VERSION, ForeignFileError, OtherVersionError, read_header
from warpdata.cache.store import WORK
from warpdata.files.atomic import PART_SUFFIX
from warpdata.files.locks import is_held
from warpdata.geometry.filters.sky import SKY_FOLDER, score_file
from warpdata.sources.video.frames_folder import read_frames
from warpdata.sources.video.kept import FRAMES_FOLDER

_KEY = "[0-9a-f]{64}"
_ENTRY_NAME = re.compile(rf"{_KEY}\.safetensors")
_LOCK_NAME = re.compile(rf"{_KEY}\.lock")
_DIGESTS_NAME = re.compile(rf"{_KEY}\.json")
_SKY_NAME = re.compile(rf"{_KEY}\.png")
_OVERLAPS_NAME = re.compile(rf"({_KEY})\..+\.json")
_FRAMES_NAME = re.compile(
    rf"{_KEY}/(frame_\d+\.jpg|frames\.json|\.(frame_\d+\.jpg|frames\.json)\{PART_SUFFIX})"
    rf"|{_KEY}\.json|\.{_KEY}\.json\.[0-9a-f]{{16}}\{PART_SUFFIX}"
)
_PART_NAME = re.compile(
    rf"\.{_KEY}\.(.+\.)?(safetensors|json|png)\.[0-9a-f]{{16}}\{PART_SUFFIX}"
    rf"|{_KEY}\.(.+\.)?(safetensors|json|png)\.[0-9a-f]{{16}}\.tmp"  # of version 0.1
)

_IDLE_SECONDS = 3600
"""Unfinished files, and intermediate results without a lock of their key, are a killed run's when nobody has written to
them for so long."""


class Kind(Enum):
    """What a file in a cache is."""

    ENTRY = "entry"
    DAMAGED = "damaged"
    OUTDATED = "of an older format"
    NEWER = "of a newer format"
    DIGESTS = "digests"
    INDEX = "index"
    OVERLAPS = "overlaps"
    ORPHAN = "overlaps of an entry that is gone"
    SKY = "sky scores"
    SKY_ORPHAN = "sky scores that no entry was made with"
    UNFINISHED = "of an estimate that was interrupted"
    FRAMES = "frames of a video"
    AT_WORK = "of a process at work"
    LEFTOVER = "left by a killed run"
    FOREIGN = "not the cache's"


@dataclass(frozen=True, kw_only=True)
class Found:
    """A file (or a foreign folder) in a cache.

    Attributes:
        num_bytes: its size.
        reason: what is wrong with it, empty where nothing is.
        entry: the entry, for `Kind.ENTRY`.
    """

    path: Path
    kind: Kind
    num_bytes: int
    reason: str = ""
    entry: CacheEntry | None = None


def survey(root: Path) -> list[Found]:
    """Every file of a cache, sorted by path; reads the entries' headers, not their maps, and no scores of sky.

    Raises:
        OSError: the folder cannot be listed.
    """
    cache = GeometryCache(root)
    own_folders = {cache.entry_folder, cache.overlap_folder, cache.lock_folder, cache.digest_folder, cache.index_folder}
    found: list[Found] = []
    sky = root / SKY_FOLDER
    for path in root.iterdir():
        if path == root / WORK and path.is_dir() and not path.is_symlink():
            found += _survey_work(path, cache)
        elif path == root / FRAMES_FOLDER and path.is_dir() and not path.is_symlink():
            found += _survey_frames(path, cache)
        elif path == sky and path.is_dir() and not path.is_symlink():
            continue  # below: it takes the entries to tell whose scores these are
        elif path not in own_folders or path.is_symlink() or not path.is_dir():
            found.append(Found(path=path, kind=Kind.FOREIGN, num_bytes=path.lstat().st_size))
        else:
            found += _survey_folder(path, cache)
    if sky.is_dir() and not sky.is_symlink():
        found += _survey_sky(sky, [item.entry for item in found if item.entry is not None])
    return sorted(found, key=lambda item: item.path)


def _survey_frames(folder: Path, cache: GeometryCache) -> Iterator[Found]:
    """Frames of videos: a folder for each key, and what was remembered of videos. What is not finished is taken up."""
    finished: dict[str, bool] = {}
    for path in folder.rglob("*"):
        key, *inside = path.relative_to(folder).parts
        if path.is_dir() and not path.is_symlink() and re.fullmatch(_KEY, key) and not inside:
            continue
        if path.is_symlink() or not path.is_file() or not _FRAMES_NAME.fullmatch("/".join((key, *inside))):
            kind = Kind.FOREIGN
        elif path.name.endswith(PART_SUFFIX):
            kind = Kind.LEFTOVER if _is_idle(path) else Kind.AT_WORK
        elif not inside:
            kind = Kind.DIGESTS
        else:
            if key not in finished:
                listed = read_frames(folder / key)
                finished[key] = listed is not None and listed.complete
            lock = cache.lock_folder / f"{key}.lock"
            at_work = is_held(lock) if lock.exists() else not _is_idle(path)
            kind = Kind.FRAMES if finished[key] else Kind.AT_WORK if at_work else Kind.UNFINISHED
        yield Found(path=path, kind=kind, num_bytes=path.lstat().st_size)


def _survey_sky(folder: Path, entries: list[CacheEntry]) -> Iterator[Found]:
    """Scores of sky: each belongs to a picture and a network that some entry was made from, or to a run at work."""
    used: set[str] = set()
    for entry in entries:
        model = entry.provenance.options.get("filter_sky")
        if isinstance(model, dict):
            used.update(score_file(model.get("sha256"), digest) for digest in entry.header.inputs.values() if digest)
    for path in folder.iterdir():
        try:
            num_bytes = path.lstat().st_size
            if path.is_symlink() or not path.is_file():
                kind = Kind.FOREIGN
            elif _PART_NAME.fullmatch(path.name):
                kind = Kind.LEFTOVER if _is_idle(path) else Kind.AT_WORK
            elif not _SKY_NAME.fullmatch(path.name):
                kind = Kind.FOREIGN
            elif path.name in used:
                kind = Kind.SKY
            else:  # an entry follows its scores: those of a run at work have none yet
                kind = Kind.SKY_ORPHAN if _is_idle(path) else Kind.AT_WORK
        except FileNotFoundError:
            continue
        yield Found(path=path, kind=kind, num_bytes=num_bytes)


def _survey_folder(folder: Path, cache: GeometryCache) -> Iterator[Found]:
    for path in folder.iterdir():
        try:
            num_bytes = path.lstat().st_size
            kind, reason = _classify(path, cache)
        except FileNotFoundError:  # a process at work has just removed it
            continue
        entry = CacheEntry(path) if kind is Kind.ENTRY else None
        yield Found(path=path, kind=kind, num_bytes=num_bytes, reason=reason, entry=entry)


def _survey_work(folder: Path, cache: GeometryCache) -> Iterator[Found]:
    """Intermediate results: a folder for each key, whose files are taken up again when its scene is estimated again."""
    for path in folder.rglob("*"):
        key = path.relative_to(folder).parts[0]
        if re.fullmatch(_KEY, key) is None or path.is_symlink():
            yield Found(path=path, kind=Kind.FOREIGN, num_bytes=path.lstat().st_size)
        elif path.is_file():
            lock = cache.lock_folder / f"{key}.lock"
            at_work = is_held(lock) if lock.exists() else not _is_idle(path)
            kind = Kind.AT_WORK if at_work else Kind.UNFINISHED
            yield Found(path=path, kind=kind, num_bytes=path.stat().st_size)


def _classify(path: Path, cache: GeometryCache) -> tuple[Kind, str]:
    if path.is_symlink() or not path.is_file():
        return Kind.FOREIGN, ""
    if path.parent == cache.entry_folder and _ENTRY_NAME.fullmatch(path.name):
        return _classify_entry(path)
    if path.parent == cache.index_folder and _DIGESTS_NAME.fullmatch(path.name):
        return Kind.INDEX, ""
    if path.parent == cache.digest_folder and _DIGESTS_NAME.fullmatch(path.name):
        return Kind.DIGESTS, ""
    if path.parent == cache.overlap_folder and (match := _OVERLAPS_NAME.fullmatch(path.name)):
        return (Kind.OVERLAPS if cache.entry_path(match[1]).exists() else Kind.ORPHAN), ""
    if path.parent == cache.lock_folder and _LOCK_NAME.fullmatch(path.name):
        return (Kind.AT_WORK if is_held(path) else Kind.LEFTOVER), ""
    if path.parent != cache.lock_folder and _PART_NAME.fullmatch(path.name):
        return (Kind.LEFTOVER if _is_idle(path) else Kind.AT_WORK), ""
    return Kind.FOREIGN, ""


def _classify_entry(path: Path) -> tuple[Kind, str]:
    try:
        header, _ = read_header(path)
    except ForeignFileError as error:
        return Kind.FOREIGN, str(error)
    except OtherVersionError as error:
        return (Kind.OUTDATED if error.found < FORMAT_VERSION else Kind.NEWER), str(error)
    except PermissionError as error:
        return Kind.FOREIGN, str(error)
    except (OSError, ValueError) as error:
        return Kind.DAMAGED, str(error)
    if header.key != path.stem:
        return Kind.DAMAGED, f"it was renamed, it holds the geometry of {header.key}"
    return Kind.ENTRY, ""


def _is_idle(path: Path) -> bool:
    return time.time() - path.stat().st_mtime > _IDLE_SECONDS
