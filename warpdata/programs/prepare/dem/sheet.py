"""`warpdata prepare dem sheet`: contact sheets of an area."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from warpdata.prepare.dem.sheets import SheetOptions, make_sheets
from warpdata.programs.prepare.dem.stage import AreaOptions, run_stage

if TYPE_CHECKING:
    from warpdata.prepare.dem.area import Area, Progress, StageReport


@dataclass(frozen=True, kw_only=True)
class DemSheetOptions:
    """Write contact sheets, sheets-AREA/sheet_N.jpg: a row a tile, a column a folder."""

    where: AreaOptions
    how: SheetOptions = field(default_factory=SheetOptions)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; its exit code."""
    return run_stage("sheet", DemSheetOptions, _run, arguments)


def _run(area: Area, options: DemSheetOptions, progress: Progress) -> StageReport:
    return make_sheets(area, options.how, progress=progress)
