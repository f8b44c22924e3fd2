"""`warpdata prepare spacevista validate`: what is wrong with the items of a file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from warpdata.programs.main import DONE, INCOMPLETE, run_program


@dataclass(frozen=True, kw_only=True)
class SpaceVistaValidateOptions:
    """Check items: tags against media, turns, files, and marks inside of their frames. Exit code 1 where faults are."""

    file: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="FILE")]
    """A meta.json in any of its forms, a train.json of the layout sharegpt, or a .jsonl of either."""
    root: Path | None = None
    """Folder that the paths of media are below; by default that of FILE."""
    check_files: bool = True
    """Also look whether frames and masks are there, and marks inside of them."""
    point_order: Literal["yx", "xy"] = "yx"
    """How points are written: row first, as the format says, or column first."""
    json: bool = False
    """Print what was found as JSON."""
    quiet: bool = False
    """Show no progress."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; its exit code."""
    return run_program("prepare spacevista validate", SpaceVistaValidateOptions, _run, arguments)


def _run(options: SpaceVistaValidateOptions) -> int:
    from warpdata.display import Display
    from warpdata.files.bounded_json import dump_json
    from warpdata.prepare.spacevista.validate import validate

    with Display(quiet=options.quiet, what="files") as display:
        found = validate(
            options.file,
            options.root or options.file.parent,
            point_order=options.point_order,
            check_files=options.check_files,
            progress=display.stage,
        )
    for line in [dump_json(found.as_json(), indent=1)] if options.json else found.lines():
        print(line)
    return INCOMPLETE if found.count else DONE
