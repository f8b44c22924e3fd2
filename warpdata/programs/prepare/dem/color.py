"""`warpdata prepare dem color`: heights in colours, for looking."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import tyro

from warpdata.display import Display
from warpdata.prepare.dem.colour import ColourOptions, colour_files
from warpdata.programs.main import DONE, INCOMPLETE, run_program


@dataclass(frozen=True, kw_only=True)
class DemColorOptions:
    """Colour a raster of one band, or a folder of them, as <name>_color.png; no data is transparent."""

    source: tyro.conf.Positional[Path]
    """File or folder."""
    output: tyro.conf.Positional[Path | None] = None
    """Folder of the results; <folder>_color beside the files' folder by default."""
    how: ColourOptions = field(default_factory=ColourOptions)
    quiet: bool = False
    """Show no progress and no report."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; its exit code."""
    return run_program("prepare dem color", DemColorOptions, _run, arguments)


def _run(options: DemColorOptions) -> int:
    with Display(quiet=options.quiet, what="files") as display:
        report = colour_files(options.source, options.output, options.how, progress=display.count)
        for line in report.lines():
            display.say(line)
    return INCOMPLETE if report.left_out else DONE
