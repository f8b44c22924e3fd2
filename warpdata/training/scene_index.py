"""What a start found out about its scenes, so that the next one with thousands of them lists none of them again."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from warpdata.cache import CacheEntry, GeometryCache
from warpdata.cache.header import FORMAT_VERSION
from warpdata.config import FilterOptions, PairOptions, SizeOptions
from warpdata.errors import OutputError
from warpdata.files.atomic import write_atomic
from warpdata.files.bounded_json import read_json
from warpdata.geometry.types import Provenance
from warpdata.render import WARP_VERSION
from warpdata.triplets.inputs import Sizes
from warpdata.triplets.scene_pairs import ScenePairs
from warpdata.triplets.triplet import Pair

INDEX_VERSION = 1
"""Of the records, and of how pairs and sizes are chosen; raised when either changes."""

SETTLED_NS = 2_000_000_000
"""A folder in which something changed less than this ago may change again within the resolution of its clock."""

_KEY = re.compile("[0-9a-f]{64}")

logger = logging.getLogger(__name__)


class SceneIndex:
    """Pairs of scenes by scene id, in one file of the cache.

    A record counts only while nothing has changed in the scene's folder or about its cache entry, by the names, sizes,
    times and numbers of all files, and while the estimator that would be chosen now is the one that made the entry.

    Args:
        cache: that holds the entries, and the file.
        depends_on: everything besides the scenes' files that decides which pairs there are (JSON).
        size, filters, pairs: of the pairs.
        provenance_of: scene id -> how its geometry would be made now; asked once for each provenance on record.
    """

    def __init__(
        self,
        cache: GeometryCache,
        depends_on: Any,
        *,
        size: SizeOptions,
        filters: FilterOptions,
        pairs: PairOptions,
        provenance_of: Callable[[str], Provenance],
    ):
        identity = json.dumps([INDEX_VERSION, FORMAT_VERSION, WARP_VERSION, depends_on], sort_keys=True, default=str)
        self._path = cache.index_folder / f"{hashlib.sha256(identity.encode()).hexdigest()}.json"
        self._cache = cache
        self._size, self._filters, self._pairs = size, filters, pairs
        self._provenance_of = provenance_of
        self._records: dict[str, Any] = self._read()
        self._valid: dict[str, bool] = {}
        self._sizes: dict[str, Sizes] = {}
        self._changed = False

    def find(self, scene_id: str, folder: Path, state: str | None) -> ScenePairs | None:
        """A scene's pairs, None where they are not on record or no longer hold.

        Args:
            folder: the scene's.
            state: `folder_state` of it.
        """
        record = self._records.get(scene_id)
        if record is None or state is None:
            return None
        try:
            if record["state"] != state or not _KEY.fullmatch(record["key"]):
                return None
            entry_path = self._cache.entry_path(record["key"])
            if file_state(entry_path) != record["entry"] or not self._holds(record["provenance"], scene_id):
                return None
            return self._as_pairs(scene_id, folder, entry_path, record)
        except (OSError, KeyError, TypeError, ValueError, AttributeError):
            return None  # the entry is gone, or the record is damaged: the scene is listed again

    def add(self, scene_id: str, folder: Path, state: str | None, scene: ScenePairs) -> None:
        """Remember a scene's pairs; `state` was taken before the scene was listed."""
        if state is None:
            return
        root = os.path.realpath(folder)
        self._records[scene_id] = {
            "state": state,
            "key": scene.entry.key,
            "entry": file_state(scene.entry.path),
            "provenance": json.dumps(asdict(scene.entry.provenance), sort_keys=True),
            "files": [os.path.relpath(path, root) for path in scene.paths],
            "output_hw": scene.output_hw,
            "pairs": [[pair.reference, pair.target] for pair in scene.pairs],
            "sizes": [json.dumps(sizes) for sizes in scene.sizes],
        }
        self._changed = True

    def save(self) -> None:
        """Write the file, whole, if there is something new; a folder that cannot be written costs the next start."""
        if not self._changed:
            return
        try:
            write_atomic(self._path, json.dumps(self._records, separators=(",", ":")), shared=True)
        except OutputError as error:
            logger.warning("the index of scenes cannot be kept in %s (%s)", self._path.parent, error)
        self._changed = False

    def _read(self) -> dict[str, Any]:
        try:
            records = read_json(self._path)
        except (OSError, ValueError):
            return {}
        return records if isinstance(records, dict) else {}

    def _holds(self, provenance: str, scene_id: str) -> bool:
        """Whether geometry of this provenance is what would be made now, as one of its scenes shows."""
        if provenance not in self._valid:
            now = json.dumps(asdict(self._provenance_of(scene_id)), sort_keys=True)
            self._valid[provenance] = now == provenance
        return self._valid[provenance]

    def _as_pairs(self, scene_id: str, folder: Path, entry_path: Path, record: dict[str, Any]) -> ScenePairs:
        root = os.path.abspath(folder)
        if any(os.path.isabs(file) or ".." in file.replace(os.sep, "/").split("/") for file in record["files"]):
            raise ValueError("a file on record lies outside its scene's folder")
        height, width = record["output_hw"]
        return ScenePairs(
            entry=CacheEntry(entry_path),
            paths=tuple(Path(root, file) for file in record["files"]),
            output_hw=(height, width),
            pairs=tuple(Pair(scene_id, reference, target) for reference, target in record["pairs"]),
            sizes=tuple(map(self._as_sizes, record["sizes"])),
            size=self._size,
            filters=self._filters,
            pair_options=self._pairs,
        )

    def _as_sizes(self, text: str) -> Sizes:
        """Sizes from their JSON; the same object for the same text, as nearly all scenes have the same."""
        if text not in self._sizes:
            output, points, depth = (tuple(hw) for hw in json.loads(text))
            self._sizes[text] = (output, points, depth)
        return self._sizes[text]


def folder_state(folder: Path) -> str | None:
    """A digest of the names, sizes, times and numbers of everything below a folder; None while it may be changing.

    Folders that are links are not entered; none of their files belongs to a scene.
    """
    digest = hashlib.sha256()
    newest = 0
    waiting = [os.fspath(folder)]
    try:
        while waiting:
            inside = waiting.pop()
            with os.scandir(inside) as entries:
                for entry in sorted(entries, key=lambda entry: entry.name):
                    status = entry.stat()
                    newest = max(newest, status.st_mtime_ns, status.st_ctime_ns)
                    digest.update(f"{entry.path}\0{_numbers(status)}\0".encode(errors="surrogateescape"))
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
    except OSError:
        return None
    return digest.hexdigest() if newest < time.time_ns() - SETTLED_NS else None


def file_state(path: Path) -> list[int]:
    """What tells that a file is still the same."""
    return _numbers(os.stat(path))


def _numbers(status: os.stat_result) -> list[int]:
    return [status.st_size, status.st_mtime_ns, status.st_ino]
