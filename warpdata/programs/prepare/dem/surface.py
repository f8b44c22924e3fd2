"""`warpdata prepare dem surface`: a tile's surface as a picture or a mesh."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import tyro

from warpdata.display import Display
from warpdata.prepare.dem.surface import SurfaceOptions, write_surface
from warpdata.programs.main import DONE, run_program


@dataclass(frozen=True, kw_only=True)
class DemSurfaceOptions:
    """Show a tile's surface from a side (.png), or write it as a mesh in metres (.ply, .glb)."""

    tile: tyro.conf.Positional[Path]
    """Raster of heights, such as DEM-AREA/tile_0.tif; the image of its area is laid on it."""
    output: tyro.conf.Positional[Path]
    """File to write; its suffix says what."""
    how: SurfaceOptions = field(default_factory=SurfaceOptions)
    quiet: bool = False
    """Say nothing."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; its exit code."""
    return run_program("prepare dem surface", DemSurfaceOptions, _run, arguments)


def _run(options: DemSurfaceOptions) -> int:
    with Display(quiet=options.quiet) as display:
        report = write_surface(options.tile, options.output, options.how)
        display.say(f"{report.output}: {report.content}")
    return DONE
