"""`warpdata prepare earth-studio`: exports of Google Earth Studio as scenes of pictures with metric cameras."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from warpdata.prepare.earth_studio import EarthStudioOptions
from warpdata.programs.main import DONE, INCOMPLETE, run_program


@dataclass(frozen=True, kw_only=True)
class PrepareEarthStudioOptions:
    """Make DATA_ROOT/data/NAME of DATA_ROOT/downloaded_data/NAME.json and NAME.mp4, or a folder NAME of pictures."""

    data_root: Path
    """The folder that holds downloaded_data, and gets data."""
    scene_list: Path | None = None
    """A text file of scenes to make, a name a line; by default all that have tracking JSON."""
    how: EarthStudioOptions = field(default_factory=EarthStudioOptions)
    quiet: bool = False
    """Show no progress; what came of each scene is still shown."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; its exit code."""
    return run_program(
        "prepare earth-studio",
        PrepareEarthStudioOptions,
        _run,
        arguments,
        when_interrupted="pictures that are written stay, and the same command goes on",
    )


def _run(options: PrepareEarthStudioOptions) -> int:
    from warpdata.display import Display
    from warpdata.prepare.earth_studio import find_exports, make_scene

    names, complete = find_exports(options.data_root, options.scene_list), True
    with Display(quiet=options.quiet) as display:
        display.start(len(names))
        for name in names:
            report = make_scene(options.data_root, name, options.how, progress=display.stage)
            complete &= report.problem is None
            display.scene_done()
            display.say_always(report.line())
    return DONE if complete else INCOMPLETE
