"""What trainers would swallow in silence, found by the rules of the layout that a folder has."""

from __future__ import annotations

from pathlib import Path

from warpdata.checks.finding import Finding
from warpdata.checks.manifest import check_manifest
from warpdata.errors import OutputError
from warpdata.writers.layouts.layout import LayoutRow
from warpdata.writers.layouts.table import LAYOUTS
from warpdata.writers.output.existing import find_exports
from warpdata.writers.output.journal import STATE_FOLDER

AUTO = "auto"
"""Instead of a trainer: the layout that the folder has."""


def check(path: Path, trainer: str = AUTO, *, multiple: int = 16) -> list[Finding]:
    """Everything that is wrong with a data set, sorted by file.

    Args:
        trainer: one of `trainer_names`.
        multiple: what the sides of pictures have to be multiples of.

    Raises:
        OutputError: there is no such folder, it is not known what it holds, or that cannot be checked here.
        ValueError: there is no such trainer.
    """
    chosen = None if trainer == AUTO else _row_of_trainer(trainer)
    if not path.is_dir():
        raise OutputError(f"{path} is not a folder")
    layouts = detect(path) if chosen is None else {path: chosen}
    findings = []
    for root, row in layouts.items():
        findings += row.check(root, multiple)
        findings += check_manifest(root)
    if (path / STATE_FOLDER).exists():
        findings.append(Finding(str(path), "WD102", "unfinished: run the command that made it again"))
    return sorted(set(findings))


def trainer_names() -> list[str]:
    """What `check` takes for a trainer: `auto`, the layouts that have checks, and other names for them."""
    rows = [row for row in LAYOUTS if row.check is not None]
    return [AUTO, *(row.name for row in rows), *(name for row in rows for name in row.trainers)]


def detect(path: Path) -> dict[Path, LayoutRow]:
    """The data sets in a folder, itself or its sub-folders of layouts, and which layout each has.

    Raises:
        OutputError: none that can be checked.
    """
    exports = {export.root: export.layout for export in find_exports(path)}
    rows = {root: LAYOUTS[name] for root, name in exports.items() if name in LAYOUTS}
    checked = {root: row for root, row in rows.items() if row.check is not None}
    if checked:
        return checked
    if exports:
        held = ", ".join(sorted(set(exports.values())))
        raise OutputError(f"{path} holds {held}, for which there are no rules; `verify` compares files with digests")
    for row in reversed([row for row in LAYOUTS if row.mark is not None and row.check is not None]):
        if next(path.glob(row.mark), None) is not None:
            return {path: row}
    raise OutputError(
        f"it is not clear what {path} holds; say whose rules to apply with `trainer`: {', '.join(trainer_names()[1:])}"
    )


def _row_of_trainer(trainer: str) -> LayoutRow:
    for row in LAYOUTS:
        if row.check is not None and trainer in (row.name, *row.trainers):
            return row
    raise ValueError(f"there are no rules for {trainer!r}; choose from {', '.join(trainer_names())}")
