"""`warpdata prepare dem`: elevation tiles and satellite images, one file a stage."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from warpdata.programs.main import Program, program_of, run_one_of

_HERE = "warpdata.programs.prepare.dem"

STAGES: dict[str, Program] = {
    "tile": program_of(f"{_HERE}.tile", "cut rasters of heights into numbered tiles"),
    "download": program_of(f"{_HERE}.download", "a satellite image for every tile, from Earth Engine"),
    "merge": program_of(f"{_HERE}.merge", "bring the thread folders of the original together"),
    "png": program_of(f"{_HERE}.png", "make pictures of 8 bits of the tiles' images"),
    "gray": program_of(f"{_HERE}.gray", "make pictures of the tiles' heights, for looking"),
    "color": program_of(f"{_HERE}.color", "colour heights, for looking"),
    "sheet": program_of(f"{_HERE}.sheet", "contact sheets: a row a tile, a column a folder"),
    "surface": program_of(f"{_HERE}.surface", "a surface from a side, or as a mesh"),
    "render": program_of(f"{_HERE}.render", "render a tile for given cameras: pictures and exact depth"),
}
"""Every stage by name, in the order in which they are run; its module is imported when it is run."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the stage that the first argument names, or list them; its exit code."""
    return run_one_of(STAGES, sys.argv[1:] if arguments is None else arguments, prog="warpdata prepare dem")
