"""`warpdata prepare image-list`: the published list of MegaDepth photographs as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from warpdata.programs.main import DONE, run_program


@dataclass(frozen=True, kw_only=True)
class PrepareImageListOptions:
    """Convert a list of images. The published .npz is a pickle; nothing that it says is run."""

    input: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="LIST.npz")]
    """A .npz, .csv (scene,subscene,image) or .json."""
    output: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="OUT.json")]
    """Gets the list as JSON."""
    overwrite: bool = False
    """Replace a file that is there."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; its exit code."""
    return run_program("prepare image-list", PrepareImageListOptions, _run, arguments)


def _run(options: PrepareImageListOptions) -> int:
    from warpdata.errors import OutputError
    from warpdata.files.atomic import write_atomic
    from warpdata.prepare.image_list import image_list_json, read_image_list

    scenes = read_image_list(options.input)
    if options.output.exists() and not options.overwrite:
        raise OutputError(f"{options.output} is there already; add `overwrite=True`, or choose another name")
    write_atomic(options.output, image_list_json(scenes))
    print(f"{options.output}: {sum(len(one.images) for one in scenes):,} images of {len(scenes):,} sub-scenes")
    return DONE
