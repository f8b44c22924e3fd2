"""`warpdata prepare dem tile`: cut rasters of heights into numbered tiles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from warpdata.prepare.dem.tiling import TileOptions, cut_area
from warpdata.programs.prepare.dem.stage import AreaOptions, run_stage

if TYPE_CHECKING:
    from warpdata.prepare.dem.area import Area, Progress, StageReport


@dataclass(frozen=True, kw_only=True)
class DemTileOptions:
    """Cut the rasters of DataDEM-AREA into preSplitDEM-AREA/tile_N.tif, with tiles.jsonl."""

    where: AreaOptions
    how: TileOptions = field(default_factory=TileOptions)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; its exit code."""
    return run_stage("tile", DemTileOptions, _run, arguments)


def _run(area: Area, options: DemTileOptions, progress: Progress) -> StageReport:
    return cut_area(area, options.how, progress=progress)
