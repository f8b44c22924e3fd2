"""`warpdata prepare dem merge`: bring the original's thread folders together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from warpdata.prepare.dem.merging import MergeOptions, merge_threads
from warpdata.programs.prepare.dem.stage import AreaOptions, run_stage

if TYPE_CHECKING:
    from warpdata.prepare.dem.area import Area, Progress, StageReport


@dataclass(frozen=True, kw_only=True)
class DemMergeOptions:
    """Move the tiles of the original's folders DEM-AREA_0, Image/tif-AREA_0, ... to those without a number."""

    where: AreaOptions
    how: MergeOptions


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; its exit code."""
    return run_stage("merge", DemMergeOptions, _run, arguments)


def _run(area: Area, options: DemMergeOptions, progress: Progress) -> StageReport:
    return merge_threads(area, options.how, progress=progress)
