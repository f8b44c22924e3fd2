"""`warpdata prepare dem render`: views of a tile for given cameras."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import tyro

from warpdata.display import Display
from warpdata.prepare.dem.rendering import RenderTileOptions, render_tile
from warpdata.programs.main import DONE, run_program


@dataclass(frozen=True, kw_only=True)
class DemRenderOptions:
    """Render a tile for the cameras of a list into OUT/<name>.png and OUT/<name>.npy, planar metres."""

    tile: tyro.conf.Positional[Path]
    """The tile's heights, such as DEM-AREA/tile_3.tif; its image is found by name."""
    cameras: tyro.conf.Positional[Path]
    """Cameras as frames of WAI's scene_meta.json, camera to world in the tile's frame: x east, y north, z up, metres
    from the centre of its outline, at height 0."""
    output: tyro.conf.Positional[Path]
    """Folder of the results."""
    how: RenderTileOptions = field(default_factory=RenderTileOptions)
    quiet: bool = False
    """Show no progress and no report."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; its exit code."""
    return run_program("prepare dem render", DemRenderOptions, _run, arguments)


def _run(options: DemRenderOptions) -> int:
    with Display(quiet=options.quiet, what="views") as display:
        report = render_tile(options.tile, options.cameras, options.output, options.how, progress=display.count)
        for line in report.lines():
            display.say(line)
    return DONE
