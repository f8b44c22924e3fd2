"""What a start found out about its scenes, so that the next one with thousands of them lists none of them again."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
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
from warpdata.sources.folder_state import file_numbers
from warpdata.sources.picture import name_below, picture_below
from warpdata.sources.scene import Scene
from warpdata.triplets.drawn_cameras import CameraDraw
from warpdata.triplets.inputs import Sizes
from warpdata.triplets.scene_pairs import ScenePairs
from warpdata.triplets.triplet import Pair

INDEX_VERSION = 3
"""Of the records, and of how pairs and sizes are chosen; raised when either changes."""

_KEY = re.compile("[0-9a-f]{64}")

logger = logging.getLogger(__name__)


class SceneIndex:
    """Pairs of scenes by scene id, in one file of the cache.

    A record counts only while the source says that nothing has changed about the scene, while the cache entry is still
    the same by its size, time and number, and while the estimator that would be chosen now is the one that made it.
    Scenes whose pictures are no files below their root are not remembered.

    Args:
        cache: that holds the entries, and the file.
        depends_on: everything besides the scenes' files that decides which pairs there are (JSON).
        size, filters, pairs, draw: of the pairs.
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
        draw: CameraDraw | None = None,
    ):
        identity = json.dumps([INDEX_VERSION, FORMAT_VERSION, WARP_VERSION, depends_on], sort_keys=True, default=str)
        self._path = cache.index_folder / f"{hashlib.sha256(identity.encode()).hexdigest()}.json"
        self._cache = cache
        self._size, self._filters, self._pairs = size, filters, pairs
        self._provenance_of = provenance_of
        self._draw = draw
        self._records: dict[str, Any] = self._read()
        self._valid: dict[str, bool] = {}
        self._sizes: dict[str, Sizes] = {}
        self._changed = False

    def find(self, scene_id: str, state: str | None) -> ScenePairs | None:
        """A scene's pairs, None where they are not on record or no longer hold.

        Args:
            state: the scene's, as its source gives it.
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
            return self._as_pairs(scene_id, entry_path, record)
        except (OSError, KeyError, TypeError, ValueError, AttributeError):
            return None  # the entry is gone, or the record is damaged: the scene is listed again

    def add(self, scene: Scene, state: str | None, pairs: ScenePairs) -> None:
        """Remember a scene's pairs; `state` was taken before the scene was listed."""
        if state is None or scene.root is None:
            return
        files = [name_below(picture, scene.root) for picture in pairs.pictures]
        if None in files:
            return
        self._records[scene.id] = {
            "state": state,
            "key": pairs.entry.key,
            "entry": file_state(pairs.entry.path),
            "provenance": json.dumps(asdict(pairs.entry.provenance), sort_keys=True),
            "root": str(scene.root),
            "files": files,
            "output_hw": pairs.output_hw,
            "pairs": [[pair.reference, pair.target, pair.draw] for pair in pairs.pairs],
            "sizes": [json.dumps(sizes) for sizes in pairs.sizes],
            "left_out": pairs.left_out,
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

    def _as_pairs(self, scene_id: str, entry_path: Path, record: dict[str, Any]) -> ScenePairs:
        root = Path(record["root"])
        height, width = record["output_hw"]
        return ScenePairs(
            entry=CacheEntry(entry_path),
            pictures=tuple(picture_below(name, root) for name in record["files"]),
            output_hw=(height, width),
            pairs=tuple(Pair(scene_id, *numbers) for numbers in record["pairs"]),
            sizes=tuple(map(self._as_sizes, record["sizes"])),
            size=self._size,
            filters=self._filters,
            pair_options=self._pairs,
            left_out=dict(record["left_out"]),
            draw=self._draw,
        )

    def _as_sizes(self, text: str) -> Sizes:
        """Sizes from their JSON; the same object for the same text, as nearly all scenes have the same."""
        if text not in self._sizes:
            output, points, depth = (tuple(hw) for hw in json.loads(text))
            self._sizes[text] = (output, points, depth)
        return self._sizes[text]


def file_state(path: Path) -> list[int]:
    """What tells that a file is still the same."""
    return file_numbers(os.stat(path))
