"""What the stages' command lines share: the area, the root, progress, and what is said at the end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import tyro

from warpdata.display import Display
from warpdata.programs.main import DONE, INCOMPLETE, run_program

if TYPE_CHECKING:
    from warpdata.prepare.dem.area import Area, Progress, StageReport


@dataclass(frozen=True, kw_only=True)
class AreaOptions:
    """Which area."""

    area: tyro.conf.Positional[str]
    """Name of the area, the part after DataDEM-."""
    root: Path = Path(".")
    """The folder that holds DataDEM-AREA, and gets all others."""
    dry_run: bool = False
    """Say what would be done, and write, move and ask for nothing."""
    quiet: bool = False
    """Show no progress and no report."""


def run_stage(
    name: str,
    options_type: type,
    stage: Callable[[Area, Any, Progress], StageReport],
    arguments: Sequence[str] | None,
) -> int:
    """Parse a stage's options, run it with a bar, say what came of it; 1 where something was left out.

    Args:
        options_type: dataclass with the fields `where` (`AreaOptions`) and those of the stage.
        stage: does the work.
    """

    def run(options: Any) -> int:
        from warpdata.prepare.dem.area import Area

        with Display(quiet=options.where.quiet, what="tiles") as display:
            where = options.where
            area = Area(root=where.root, name=where.area, dry_run=where.dry_run)
            report = stage(area, options, display.count)
            for line in report.lines(dry_run=where.dry_run):
                display.say(line)
            if where.dry_run:
                display.say("a dry run: nothing was done")
        return INCOMPLETE if report.left_out else DONE

    return run_program(
        f"prepare dem {name}",
        options_type,
        run,
        arguments,
        when_interrupted="what is finished stays, and the same command goes on",
    )
