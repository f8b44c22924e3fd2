"""`warpdata prepare dem png`: images of tiles as PNGs of 8 bits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from warpdata.prepare.dem.pictures import PictureOptions, make_pictures
from warpdata.programs.prepare.dem.stage import AreaOptions, run_stage

if TYPE_CHECKING:
    from warpdata.prepare.dem.area import Area, Progress, StageReport


@dataclass(frozen=True, kw_only=True)
class DemPngOptions:
    """Make Image/png-stretched-AREA/tile_N.png of Image/tif-AREA, with stats-AREA.jsonl."""

    where: AreaOptions
    how: PictureOptions = field(default_factory=PictureOptions)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; its exit code."""
    return run_stage("png", DemPngOptions, _run, arguments)


def _run(area: Area, options: DemPngOptions, progress: Progress) -> StageReport:
    return make_pictures(area, options.how, progress=progress)
