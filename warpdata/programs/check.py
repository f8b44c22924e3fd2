"""`warpdata check`: finds what trainers would swallow in silence, before hours are spent on it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated

import tyro

from warpdata.programs.main import DONE, INCOMPLETE, run_program


@dataclass(frozen=True, kw_only=True)
class CheckOptions:
    """Check a data set before training on it."""

    path: tyro.conf.Positional[Path]
    """The folder of the data set."""
    trainer: Annotated[str, tyro.conf.arg(name="for", metavar="TRAINER")] = "auto"
    """Whose rules to apply: the name of a layout, or diffusers; auto takes the layout that the folder has."""
    multiple: int = 16
    """What the sides of pictures have to be multiples of."""
    json: bool = False
    """Print one JSON list instead of lines."""
    rules: bool = field(default=False)
    """Also print what the codes that were found mean."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; its exit code: 1 when something was found."""
    from warpdata.run.check import trainer_names

    return run_program("check", CheckOptions, _run, arguments, choices={"trainer": trainer_names()})


def _run(options: CheckOptions) -> int:
    from warpdata.checks.finding import RULES
    from warpdata.run.check import check

    findings = check(options.path, options.trainer, multiple=options.multiple)
    if options.json:
        print(json.dumps([asdict(finding) for finding in findings], indent=1))
    else:
        for finding in findings:
            print(finding.line())
        if options.rules:
            for code in sorted({finding.code for finding in findings}):
                print(f"{code}: {RULES[code]}")
    return INCOMPLETE if findings else DONE
