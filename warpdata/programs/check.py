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
    other: tyro.conf.Positional[Path | None] = None
    """With --holes: a second data set or folder of splats, whose holes are compared with those of the first."""
    holes: bool = False
    """Count and measure the holes of splats instead: of a data set, or of a folder of splats that any program made."""
    fill: str = "auto"
    """With --holes: the colour of holes in a folder without masks, as R,G,B or black, white, green, magenta; auto finds
    it."""
    trainer: Annotated[str, tyro.conf.arg(name="for", metavar="TRAINER")] = "auto"
    """Whose rules to apply: the name of a layout, or diffusers; auto takes the layout that the folder has."""
    multiple: int = 16
    """What the sides of pictures have to be multiples of."""
    json: bool = False
    """Print JSON instead of lines."""
    rules: bool = field(default=False)
    """Also print what the codes that were found mean."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; its exit code: 1 when something was found, or holes differ."""
    from warpdata.run.check import trainer_names

    return run_program("check", CheckOptions, _run, arguments, choices={"trainer": trainer_names()})


def _run(options: CheckOptions) -> int:
    if options.holes:
        return _holes(options)
    if options.other is not None:
        raise ValueError(f"{options.other} is a second folder, which goes with `holes=True` alone")
    return _findings(options)


def _holes(options: CheckOptions) -> int:
    from warpdata.checks.holes import compare_holes
    from warpdata.display import Display
    from warpdata.run.hole_masks import read_holes

    folders = {"A": options.path} | ({} if options.other is None else {"B": options.other})
    with Display(what="folders", quiet=options.json) as display:
        found = {
            name: read_holes(folder, fill=options.fill, progress=display.stage) for name, folder in folders.items()
        }
    comparison = compare_holes(found["A"], found["B"]) if "B" in found else None
    if options.json:
        told = {name.lower(): {"path": str(folders[name]), **holes.as_json()} for name, holes in found.items()}
        print(json.dumps(told | ({"comparison": comparison.as_json()} if comparison else {}), indent=1))
    else:
        for name, holes in found.items():
            print("\n".join(holes.lines(f"{name}, {folders[name]}")))
        if comparison:
            print("\n".join(comparison.lines()))
    return INCOMPLETE if comparison and not comparison.alike else DONE


def _findings(options: CheckOptions) -> int:
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
