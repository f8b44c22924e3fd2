"""Remove what no run will use again: stale and damaged entries, and what killed runs left."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cache_tools.survey import Found, Kind, survey
from cache_tools.verify import REMOVABLE, verify
from warpdata.geometry.types import Progress, no_progress


@dataclass(frozen=True, kw_only=True)
class Removal:
    """A file that can go, and why."""

    path: Path
    num_bytes: int
    reason: str


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What can be removed from a cache, and the files in it that are not the cache's and stay."""

    removals: list[Removal]
    foreign: list[Found]


def plan_prune(root: Path, *, progress: Progress = no_progress) -> Plan:
    """Find what can be removed; reads and checks every entry, changes nothing.

    Raises:
        OSError: the folder cannot be listed.
    """
    removals = [
        Removal(
            path=verdict.found.path,
            num_bytes=verdict.found.num_bytes,
            reason=verdict.state.value + (f", {verdict.reason}" if verdict.reason else ""),
        )
        for verdict in verify(root, progress=progress)
        if verdict.state in REMOVABLE
    ]
    found = survey(root)
    removed_keys = {removal.path.stem for removal in removals}
    for item in found:
        if item.kind in (Kind.LEFTOVER, Kind.ORPHAN, Kind.SKY_ORPHAN, Kind.UNFINISHED):
            removals.append(Removal(path=item.path, num_bytes=item.num_bytes, reason=item.kind.value))
        elif item.kind is Kind.OVERLAPS and item.path.name.split(".")[0] in removed_keys:
            removals.append(Removal(path=item.path, num_bytes=item.num_bytes, reason="overlaps of such an entry"))
    return Plan(removals=removals, foreign=[item for item in found if item.kind is Kind.FOREIGN])


def remove(removals: list[Removal]) -> dict[Path, str]:
    """Remove files; those that could not be removed -> why."""
    failed: dict[Path, str] = {}
    for removal in removals:
        try:
            removal.path.unlink(missing_ok=True)
        except OSError as error:
            failed[removal.path] = str(error)
    return failed
