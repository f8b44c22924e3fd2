"""`warpdata verify`: every file of an export against its digest, and `--repair` for what is damaged."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import tyro

from warpdata.programs.main import DONE, INCOMPLETE, run_program


@dataclass(frozen=True, kw_only=True)
class VerifyOptions:
    """Check that every file of an export is as it was written."""

    path: tyro.conf.Positional[Path]
    """The output folder."""
    repair: bool = False
    """Remake what is missing or damaged."""
    triplets: Path | None = None
    """With --repair: the triplet folder that this export was made from with `warpdata.export`."""
    input_dir: Path | None = None
    """With --repair: where the scenes are now, if not where report.json says; triplets are rendered again from them,
    with the options that it holds."""
    json: bool = False
    """Print one JSON list instead of lines."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; its exit code: 1 when a file is not as it was written."""
    return run_program("verify", VerifyOptions, _run, arguments)


def _run(options: VerifyOptions) -> int:
    from warpdata.run.verify import repair, verify

    if options.repair:
        damages = repair(options.path, triplets=options.triplets, input_dir=options.input_dir)
    else:
        damages = verify(options.path)
    if options.json:
        print(json.dumps([{"path": str(d.root / d.path), "missing": d.missing} for d in damages], indent=1))
    else:
        for damage in damages:
            print(damage.line())
    return INCOMPLETE if damages else DONE
