"""Check entries against their digests, and against the files they were made from where these are still there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path

from cache_tools.survey import Found, Kind, survey
from warpdata.cache import CacheEntry, GeometryCache
from warpdata.config import SourceOptions
from warpdata.errors import CacheError, PluginError, SceneError, SourceError
from warpdata.files.tree import is_file
from warpdata.geometry.filters.sky import why_damaged
from warpdata.geometry.types import Progress, no_progress
from warpdata.sources import Scene, open_source
from warpdata.sources.table import AUTO


class State(Enum):
    """What became of an entry."""

    GOOD = "good"
    GOOD_INPUTS_GONE = "good, its pictures are no longer there to compare"
    STALE = "stale"
    DAMAGED = "damaged"
    OUTDATED = "of an older format"
    NEWER = "of a newer format"


_UNREADABLE = {Kind.DAMAGED: State.DAMAGED, Kind.OUTDATED: State.OUTDATED, Kind.NEWER: State.NEWER}

REMOVABLE = frozenset({State.STALE, State.DAMAGED, State.OUTDATED})
"""Entries that no run of this version will use again."""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """An entry's state, and why."""

    found: Found
    state: State
    reason: str = ""

    @property
    def is_good(self) -> bool:
        return self.state in (State.GOOD, State.GOOD_INPUTS_GONE)

    def line(self) -> str:
        """For a person."""
        name = self.found.entry.scene_id if self.found.entry else "sky" if self.found.kind is Kind.SKY else "?"
        return f"{self.found.path.name[:12]}  {name}: {self.state.value}{self.reason and ', '}{self.reason}"


def verify(root: Path, *, progress: Progress = no_progress) -> Iterator[Verdict]:
    """Verdicts on all entries of a cache, one after another, and on scores of sky that are damaged.

    Raises:
        OSError: the folder cannot be listed.
    """
    cache = GeometryCache(root)
    listed = survey(root)
    entries = [found for found in listed if found.entry or found.kind in _UNREADABLE]
    for done, found in enumerate(entries, start=1):
        yield _verdict(found, cache)
        progress("verifying", done, len(entries))
    for found in listed:
        if found.kind is Kind.SKY and (reason := why_damaged(found.path)) is not None:
            yield Verdict(found=found, state=State.DAMAGED, reason=reason)


def _verdict(found: Found, cache: GeometryCache) -> Verdict:
    if found.entry is None:
        return Verdict(found=found, state=_UNREADABLE[found.kind], reason=found.reason)
    try:
        found.entry.verify()
    except CacheError as error:
        return Verdict(found=found, state=State.DAMAGED, reason=str(error))
    root = Path(found.entry.header.source_root)
    inputs = found.entry.header.inputs
    if not any(_is_there(root / file) for file in inputs):
        return Verdict(found=found, state=State.GOOD_INPUTS_GONE)
    now = cache.digests.digests(root, inputs)
    changed = [file for file, digest in inputs.items() if now[file] != digest]
    if changed:
        listed = ", ".join(changed[:3]) + (f" and {len(changed) - 3} more" if len(changed) > 3 else "")
        return Verdict(found=found, state=State.STALE, reason=f"{listed} changed in {root}")
    scene = _scene_now(found.entry, root)
    if scene is not None and cache.fingerprint(scene, found.entry.provenance) != found.entry.key:
        return Verdict(found=found, state=State.STALE, reason=f"cameras or units changed in {root}")
    return Verdict(found=found, state=State.GOOD)


def _is_there(path: Path) -> bool:
    try:
        return is_file(path)
    except OSError:  # in an archive that is damaged
        return False


def _scene_now(entry: CacheEntry, root: Path) -> Scene | None:
    """The entry's views as their folder describes them now, read by the source that read them when it was made.

    None when it does not tell of these views and cameras, or that source is not installed.
    """
    names = {*entry.names, *entry.left_out}
    try:
        source = open_source(SourceOptions(input_dir=root, source=entry.header.source or AUTO))
        scenes = [source.scene(scene_id) for scene_id in source.scene_ids()]
    except (SourceError, SceneError, PluginError, ValueError):
        return None
    for scene in scenes:
        views = tuple(view for view in scene.views if view.name in names)
        if scene.root == root and len(views) == len(names) and any(view.camera for view in views):
            return replace(scene, views=views)
    return None
