"""Every error warpdata raises on purpose and a caller may want to catch.

A wrong argument is a plain `ValueError`. Each message says what was asked, what was found, and what to do. An option
stands in it as Python spells it, between backquotes: `pair_window`, or with a value `poses="given"`; the command line
shows these as its flags.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

LISTED_NAMES = 3
"""Of the names with one reason, so many are listed; the rest is counted."""

LISTED_REASONS = 5
"""Of the reasons that go into one message, so many are listed; the rest is counted."""


class WarpdataError(Exception):
    """Base of all errors below."""


class SourceError(WarpdataError):
    """The input as a whole cannot be used: no such folder, no scene in it."""


class SceneError(WarpdataError):
    """One scene cannot be used; the others can."""


class ViewError(WarpdataError):
    """One view of a scene cannot be used: broken image, bad camera, missing depth. The scene goes on without it."""


class GeometryError(WarpdataError):
    """An estimator could not give geometry for a scene.

    Args:
        message: what is wrong with the scene.
        left_out: view -> why it cannot be used, where that is the reason. The message ends with these, grouped; the
            attribute of the same name has all of them.
    """

    def __init__(self, message: str, left_out: Mapping[str, str] | None = None):
        super().__init__(f"{message}: {grouped_reasons(left_out)}" if left_out else message)
        self.left_out = dict(left_out or {})


class WeightsError(WarpdataError):
    """Network weights are missing, refused, damaged, or not what was asked for."""


class CacheError(WarpdataError):
    """A cache entry cannot be read: damaged, foreign, or of a version this program does not know."""


class BackendError(WarpdataError):
    """A render backend was asked for and cannot run here."""


class OutputError(WarpdataError):
    """A file cannot be written, or the output folder holds something else than what is asked for."""


class ArchiveError(WarpdataError):
    """A tar or zip cannot be read on: damaged, cut short, or larger than its limits allow."""


class PluginError(WarpdataError):
    """A row that another package adds to a table cannot be loaded."""


@dataclass(frozen=True, kw_only=True)
class ReasonGroup:
    """Names that have one reason. Where a reason holds the name itself, it says <name> there."""

    names: tuple[str, ...]
    reason: str

    @property
    def listed(self) -> str:
        return listed(self.names)


def listed(names: Sequence[str]) -> str:
    """The first names, and whether there are more."""
    return ", ".join(names[:LISTED_NAMES]) + (", ..." if len(names) > LISTED_NAMES else "")


def group_reasons(reasons: Mapping[str, str]) -> list[ReasonGroup]:
    """Every reason once, with all names that have it, in the order in which the reasons first come.

    Two reasons are equal when they are but for the names themselves, such as that of a view in the path of its file.
    """
    names_of: dict[str, list[str]] = {}
    for name, reason in reasons.items():
        names_of.setdefault(_without_name(reason, name), []).append(name)
    return [
        ReasonGroup(names=tuple(names), reason=common if len(names) > 1 else reasons[names[0]])
        for common, names in names_of.items()
    ]


def grouped_reasons(reasons: Mapping[str, str]) -> str:
    """Reasons for a message, each once and the text bounded: `000: a reason; 80 (001, 002, 003, ...): another`."""
    groups = group_reasons(reasons)
    listed = [
        f"{group.names[0]}: {group.reason}"
        if len(group.names) == 1
        else f"{len(group.names)} ({group.listed}): {group.reason}"
        for group in groups[:LISTED_REASONS]
    ]
    if rest := groups[LISTED_REASONS:]:
        listed.append(f"and {len(rest)} more reasons for {sum(len(group.names) for group in rest)} others")
    return "; ".join(listed)


def left_out_lines(scene: str, reasons: Mapping[str, str]) -> list[str]:
    """For a person: what of a scene was left out, sorted by name, and why; each reason once."""
    return [
        f"left out {scene}/{group.listed}: {group.reason}"
        if len(group.names) == 1
        else f"left out {len(group.names)} of scene {scene} ({group.listed}): {group.reason}"
        for group in group_reasons(dict(sorted(reasons.items())))
    ]


def _without_name(reason: str, name: str) -> str:
    return re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", "<name>", reason) if name else reason
