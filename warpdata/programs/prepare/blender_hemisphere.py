"""`warpdata prepare blender-hemisphere`: where views on rings stand, as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from warpdata.programs.main import DONE, run_program


@dataclass(frozen=True, kw_only=True)
class PrepareBlenderHemisphereOptions:
    """Draw where N views on rings stand on a hemisphere around their target."""

    start: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="START")]
    """Inclination of the first ring from straight up, in radians: a number, or an expression such as pi/6."""
    stop: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="STOP")]
    """Rings stand below this inclination; pi/2 at most."""
    step: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="STEP")]
    """Between two rings."""
    count: Annotated[tyro.conf.Positional[int], tyro.conf.arg(metavar="N")]
    """How many views."""
    output: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="OUT.png")]
    """Gets the picture."""
    overwrite: bool = False
    """Replace a file that is there."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; its exit code."""
    return run_program("prepare blender-hemisphere", PrepareBlenderHemisphereOptions, _run, arguments)


def _run(options: PrepareBlenderHemisphereOptions) -> int:
    from warpdata.errors import OutputError
    from warpdata.files.atomic import atomic_file, output_errors
    from warpdata.prepare.blender.expressions import evaluate
    from warpdata.prepare.blender.hemisphere import draw_hemisphere
    from warpdata.prepare.blender.rings import ring_directions

    if options.output.suffix.lower() != ".png":
        raise OutputError(f"{options.output} is no .png; give it that suffix")
    if options.output.exists() and not options.overwrite:
        raise OutputError(f"{options.output} exists; give another name, or `overwrite` to replace it")
    start, stop, step = map(evaluate, (options.start, options.stop, options.step))
    directions = ring_directions(start, stop, step, options.count)
    with output_errors(options.output), atomic_file(options.output) as file:
        draw_hemisphere(directions).save(file, format="PNG")
    rings = len({inclination for inclination, _ in directions})
    print(f"{options.output}: {len(directions)} views on {rings} rings")
    return DONE
