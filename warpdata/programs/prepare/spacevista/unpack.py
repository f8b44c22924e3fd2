"""`warpdata prepare spacevista unpack`: the bundle from its chunks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from warpdata.programs.main import DONE, INCOMPLETE, run_program


@dataclass(frozen=True, kw_only=True)
class SpaceVistaUnpackOptions:
    """Unpack the chunks of SpaceVista's bundle, without a second copy of them. What is there already stays."""

    chunk_dir: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="CHUNK_DIR")]
    """The folder of SpaceVista_preview_chunk_aa, _ab, ...; or one .tar.gz."""
    output: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="OUT")]
    """Gets the folders of the bundle."""
    only: tuple[str, ...] = ()
    """Only these folders of it, such as DL3DV_frames."""
    list: bool = False
    """Show what the bundle holds, and write nothing."""
    quiet: bool = False
    """Show no progress."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; its exit code."""
    return run_program(
        "prepare spacevista unpack",
        SpaceVistaUnpackOptions,
        _run,
        arguments,
        when_interrupted="files that are written stay, and the same command goes on",
    )


def _run(options: SpaceVistaUnpackOptions) -> int:
    from warpdata.display import Display
    from warpdata.prepare.spacevista.unpack import find_chunks, unpack

    chunks = find_chunks(options.chunk_dir)
    with Display(quiet=options.quiet, what="bytes read") as display:
        report = unpack(
            chunks,
            None if options.list else options.output,
            only=options.only,
            say=print if options.list else display.say_always,
            progress=display.count,
        )
    for line in report.lines():
        print(line)
    if report.refused:
        print(f"{len(report.refused):,} members were refused and are not there, see above")
    return INCOMPLETE if report.refused else DONE
