"""Which scenes the items of a `meta.json` show. The file is read once; what was found stays in the cache."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from warpdata.errors import OutputError, SourceError
from warpdata.files.atomic import write_atomic
from warpdata.files.bounded_json import dump_json, read_json
from warpdata.files.digests import remembered_sha256
from warpdata.formats.spacevista.grouping import scene_folder
from warpdata.formats.spacevista.item import Item
from warpdata.formats.spacevista.reading import Faulty, read_items
from warpdata.sources.table import Workplace

INDEX_VERSION = 1
"""Raised when the same file gives another index."""

NAMED_FAULTS = 20
"""Entries that are no items are counted; of so many it is told why."""

PROGRESS_STEP = 10_000


@dataclass(kw_only=True)
class IndexedScene:
    """The frames of a scene.

    Attributes:
        frames: path as written -> how many items list it.
        items: places of these items in the file, from 0.
        masks: frame -> (mask, objects) pairs, as written.
    """

    frames: dict[str, int] = field(default_factory=dict)
    items: list[int] = field(default_factory=list)
    masks: dict[str, list[tuple[str, list | None]]] = field(default_factory=dict)


@dataclass(kw_only=True)
class Index:
    """All scenes of a file.

    Attributes:
        scenes: by their folder.
        num_items: entries of the file, those without use included.
        faulty: place -> why an entry is no item; the first ones.
        num_faulty: how many there are of them.
        num_video_files: items whose video is a file and not a list of frames.
        problems: part of an item that could not be understood -> how often; the most frequent ones.
    """

    scenes: dict[str, IndexedScene] = field(default_factory=dict)
    num_items: int = 0
    faulty: dict[str, str] = field(default_factory=dict)
    num_faulty: int = 0
    num_video_files: int = 0
    problems: dict[str, int] = field(default_factory=dict)

    @classmethod
    def of_items(cls, meta: Path, work: Workplace) -> Index:
        """Read the items of a file, one at a time.

        Raises:
            SourceError: it cannot be read.
        """
        index, problems = cls(), Counter()
        for number, item in enumerate(read_items(meta)):
            index.num_items += 1
            if number % PROGRESS_STEP == 0:
                work.progress(f"items of {meta.name}", number, 0)
            if isinstance(item, Faulty):
                index.num_faulty += 1
                if len(index.faulty) < NAMED_FAULTS:
                    index.faulty[str(item.number)] = item.reason
            else:
                problems.update(problem.split(":")[0] for problem in item.problems)
                index._take(item, number)
        index.problems = dict(problems.most_common(NAMED_FAULTS))
        return index

    def _take(self, item: Item, number: int) -> None:
        if item.video_files:
            self.num_video_files += 1
        frames = item.frames
        if not frames:
            return
        scene = self.scenes.setdefault(scene_folder(frames), IndexedScene())
        scene.items.append(number)
        for path in frames:
            scene.frames[path] = scene.frames.get(path, 0) + 1
        for mark in item.marks:
            if mark.kind == "mask" and (place := item.frame_of(mark)) is not None:
                objects = None if mark.object_ids is None else list(mark.object_ids)
                known = scene.masks.setdefault(frames[place], [])
                if (mark.mask_path, objects) not in known:
                    known.append((mark.mask_path, objects))

    def as_json(self) -> dict[str, Any]:
        return {**vars(self), "scenes": {folder: vars(scene) for folder, scene in self.scenes.items()}}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Index:
        scenes = {
            folder: IndexedScene(
                frames=dict(scene["frames"]),
                items=list(scene["items"]),
                masks={frame: [(path, objects) for path, objects in masks] for frame, masks in scene["masks"].items()},
            )
            for folder, scene in value["scenes"].items()
        }
        return cls(**{**value, "scenes": scenes})


def open_index(meta: Path, work: Workplace) -> Index:
    """The index of a file: from the cache where the very same bytes were read before.

    Raises:
        SourceError: the file cannot be read.
    """
    try:
        key = f"{meta.stat().st_size}-{remembered_sha256(meta)}.v{INDEX_VERSION}.json"
    except OSError as error:
        raise SourceError(f"{meta} cannot be read ({error}); give the JSON of the items as `meta`") from error
    kept = work.cache_dir / "spacevista" / key
    try:
        return Index.from_json(read_json(kept))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        pass  # not there, or damaged: it is made again
    index = Index.of_items(meta, work)
    if work.writes:
        try:
            write_atomic(kept, dump_json(index.as_json()), shared=True)
        except OutputError:
            pass  # a cache that cannot be written costs time alone
    return index


def in_order(frames: dict[str, int]) -> dict[str, list[str]]:
    """Frames by what tells one from another, the folder in the scene and the file's name; each with its spellings, the
    one listed most often first: the same frame may be listed at two sizes."""
    by_key: dict[str, list[str]] = {}
    for path in sorted(frames, key=lambda path: (-frames[path], path)):
        own = PurePosixPath(path.replace("\\", "/"))
        by_key.setdefault(f"{scene_folder([path])}/{own.name}", []).append(path)
    return by_key
