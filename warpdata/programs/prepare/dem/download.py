"""`warpdata prepare dem download`: a satellite image for every tile of heights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from warpdata.prepare.dem.download import DownloadOptions, download_images
from warpdata.programs.prepare.dem.stage import AreaOptions, run_stage

if TYPE_CHECKING:
    from warpdata.prepare.dem.area import Area, Progress, StageReport


@dataclass(frozen=True, kw_only=True)
class DemDownloadOptions:
    """Download Image/tif-AREA/tile_N.tif from Earth Engine for the tiles of preSplitDEM-AREA, on their own grids."""

    where: AreaOptions
    how: DownloadOptions = field(default_factory=DownloadOptions)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; its exit code."""
    return run_stage("download", DemDownloadOptions, _run, arguments)


def _run(area: Area, options: DemDownloadOptions, progress: Progress) -> StageReport:
    return download_images(area, options.how, progress=progress)
