"""`warpdata prepare spacevista`: unpack the bundle, look at its items, check them."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from warpdata.programs.main import Program, program_of, run_one_of

_HERE = "warpdata.programs.prepare.spacevista"

STAGES: dict[str, Program] = {
    "unpack": program_of(f"{_HERE}.unpack", "the bundle from its chunks, every member checked"),
    "preview": program_of(f"{_HERE}.preview", "items drawn by chance: frames with marks, question, answer"),
    "validate": program_of(f"{_HERE}.validate", "find what is wrong with the items of a file"),
}
"""Every stage by name; its module is imported when it is run."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the stage that the first argument names, or list them; its exit code."""
    return run_one_of(STAGES, sys.argv[1:] if arguments is None else arguments, prog="warpdata prepare spacevista")
