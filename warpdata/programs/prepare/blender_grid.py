"""`warpdata prepare blender-grid`: the pictures of a folder tiled into one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from warpdata.programs.main import DONE, run_program


@dataclass(frozen=True, kw_only=True)
class PrepareBlenderGridOptions:
    """Tile the pictures of a folder, in the order of their names, row by row into one picture."""

    folder: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="DIR")]
    """Holds pictures: png, jpg, tiff, bmp, gif; the first gives the size of the cells."""
    rows: tyro.conf.Positional[int]
    columns: Annotated[tyro.conf.Positional[int], tyro.conf.arg(metavar="COLS")]
    output: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="OUT.png")]
    """Gets the picture, transparent where no picture is left for a cell."""
    overwrite: bool = False
    """Replace a file that is there."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; its exit code."""
    return run_program("prepare blender-grid", PrepareBlenderGridOptions, _run, arguments)


def _run(options: PrepareBlenderGridOptions) -> int:
    from warpdata.errors import OutputError
    from warpdata.files.atomic import atomic_file, output_errors
    from warpdata.prepare.picture_grid import tile_folder

    if options.output.suffix.lower() != ".png":
        raise OutputError(f"{options.output} is no .png, which keeps transparency; give it that suffix")
    if options.output.exists() and not options.overwrite:
        raise OutputError(f"{options.output} exists; give another name, or `overwrite` to replace it")
    grid = tile_folder(options.folder, options.rows, options.columns)
    with output_errors(options.output), atomic_file(options.output) as file:
        grid.image.save(file, format="PNG")
    print(f"{options.output}: {grid.used} of {grid.found} pictures, {grid.image.width}x{grid.image.height} pixels")
    return DONE
