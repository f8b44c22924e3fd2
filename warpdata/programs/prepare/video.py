"""`warpdata prepare video`: the frames of videos that would become views, as folders to look at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import tyro

from warpdata.programs.main import DONE, INCOMPLETE, run_program
from warpdata.sources.video.options import VideoOptions


@dataclass(frozen=True, kw_only=True)
class PrepareVideoOptions:
    """Write the frames that `materialize` would take from a video, or from each of a folder of videos, to look at."""

    input: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="IN")]
    """A video, or a folder of videos."""
    output: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="OUT")]
    """Gets the pictures and frames.json, which says when each is shown; a folder for each video of a folder."""
    frames: VideoOptions = field(default_factory=VideoOptions)
    dry_run: bool = False
    """Choose and tell, and write nothing."""
    quiet: bool = False
    """Show no progress; what came of each video is still shown."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; its exit code."""
    return run_program(
        "prepare video",
        PrepareVideoOptions,
        _run,
        arguments,
        when_interrupted="the same command goes on where this one stopped",
    )


def _run(options: PrepareVideoOptions) -> int:
    from warpdata.display import Display
    from warpdata.formats.pyav import pyav
    from warpdata.prepare.video import extract_frames, find_videos

    pyav()
    videos = find_videos(options.input)
    complete = True
    with Display(quiet=options.quiet, what="videos") as display:
        display.start(len(videos))
        for report in extract_frames(
            videos, options.output, options.frames, dry_run=options.dry_run, progress=display.stage
        ):
            complete &= report.found is not None
            display.scene_done()
            for line in report.lines():
                display.say_always(line)
    return DONE if complete else INCOMPLETE
