"""`warpdata view`: look at triplets in a browser, find the bad ones, and reject them."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

import tyro

from warpdata.config import GeometryOptions
from warpdata.errors import OutputError
from warpdata.programs.main import DONE, run_program


@dataclass(frozen=True, kw_only=True)
class ViewOptions:
    """Look at what was made, in a browser: triplets with their scores and pixels, of which x rejects the one you see;
    scenes in 3-D, with the warp from wherever you stand; folders of pictures, tiles or depth maps side by side."""

    paths: tyro.conf.Positional[tuple[Path, ...]]
    """Outputs of materialize and folders of scenes, a tab each; all other folders are columns of one more tab, aligned
    by file names."""
    kind: Annotated[Literal["auto", "scenes", "folders"], tyro.conf.arg(name="as")] = "auto"
    """What PATHS are that are no outputs: scenes, seen in 3-D with the warp beside it, or folders of pictures side by
    side. auto takes those for scenes that have more than pictures, such as a transforms.json."""
    geometry: GeometryOptions = field(default_factory=GeometryOptions)
    port: int = 0
    """Port of the page (0: a free one)."""
    open: bool = False
    """Open the page in the browser."""
    host: str = "127.0.0.1"
    """Address to listen at. Others than loopback can be reached from other machines, and ask for the token in the
    printed address; there is no encryption."""

    def __post_init__(self) -> None:
        if not self.paths:
            raise ValueError("give at least one folder to look at")
        if not 0 <= self.port <= 65535:
            raise ValueError(f"`port` is {self.port}; it must be 0 to 65535")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; its exit code."""
    return run_program("view", ViewOptions, _run, arguments, when_interrupted="marks are on the disk")


def _run(options: ViewOptions) -> int:
    try:
        from warpdata.view.serving import serve
    except ModuleNotFoundError as error:
        raise OutputError(f"the viewer needs {error.name}: pip install 'warpdata[view]'") from error
    from warpdata.geometry.estimators import ESTIMATORS
    from warpdata.programs.flags import CommandLine
    from warpdata.run.splat_options import SplatOptions
    from warpdata.sources.table import SOURCES
    from warpdata.view.opening import open_paths

    words = CommandLine(SplatOptions, (SOURCES, ESTIMATORS)).arguments
    say = partial(print, flush=True)
    with ExitStack() as opened:
        shown = open_paths(options.paths, options.kind, geometry=options.geometry, arguments=words)
        for one in shown:
            opened.callback(one.close)
        serve(shown, address=options.host, port=options.port, open_browser=options.open, say=say)
    return DONE
