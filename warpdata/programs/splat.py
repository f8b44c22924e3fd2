"""`warpdata splat`: the splats of a camera path around a view, as a video or a folder of frames."""

from __future__ import annotations

from collections.abc import Sequence

from warpdata.geometry.estimators import ESTIMATORS
from warpdata.programs.choices import name_choices
from warpdata.programs.main import DONE, run_program
from warpdata.run.splat_options import SplatOptions
from warpdata.sources.table import SOURCES


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; its exit code."""
    return run_program(
        "splat",
        SplatOptions,
        _run,
        arguments,
        tables=(SOURCES, ESTIMATORS),
        choices=name_choices(),
        when_interrupted="frames in a folder stay, and the same command goes on with them",
    )


def _run(options: SplatOptions) -> int:
    from warpdata.display import Display
    from warpdata.run.splat import dry_run, splat

    with Display(quiet=options.quiet, what="frames") as display:
        for line in dry_run(options) if options.dry_run else [splat(options, display)]:
            display.say_always(line)
    return DONE
