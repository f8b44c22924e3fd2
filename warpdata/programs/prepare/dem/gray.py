"""`warpdata prepare dem gray`: heights as pictures for looking."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from warpdata.prepare.dem.gray import GrayOptions, make_gray
from warpdata.programs.prepare.dem.stage import AreaOptions, run_stage

if TYPE_CHECKING:
    from warpdata.prepare.dem.area import Area, Progress, StageReport


@dataclass(frozen=True, kw_only=True)
class DemGrayOptions:
    """Make DEM_255-AREA/tile_N.tif of DEM-AREA, of the tiles that have a picture and are not rejected."""

    where: AreaOptions
    how: GrayOptions = field(default_factory=GrayOptions)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; its exit code."""
    return run_stage("gray", DemGrayOptions, _run, arguments)


def _run(area: Area, options: DemGrayOptions, progress: Progress) -> StageReport:
    return make_gray(area, options.how, progress=progress)
