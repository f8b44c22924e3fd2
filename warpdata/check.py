"""`python -m warpdata.check PATH`: finds what trainers would swallow in silence, before hours are spent on it."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Literal

import tyro

from warpdata.checks.finding import RULES, Finding
from warpdata.checks.folders import check_aitoolkit, check_modelscope, check_musubi, check_triplets
from warpdata.checks.manifest import check_manifest
from warpdata.checks.metadata import check_diffsynth, check_imagefolder, check_sharegpt
from warpdata.checks.shards import check_webdataset
from warpdata.errors import OutputError
from warpdata.writers.existing import find_exports
from warpdata.writers.journal import STATE_FOLDER

CLEAN, FOUND, UNUSABLE = 0, 1, 2
"""Exit codes: nothing found; something found; the path cannot be checked."""

TrainerName = Literal[
    "auto", "folder", "modelscope", "diffsynth", "aitoolkit", "musubi", "diffusers", "hf", "webdataset", "sharegpt"
]

CHECKS: dict[str, Callable[[Path, int], Iterator[Finding]]] = {
    "folder": check_triplets,
    "modelscope": check_modelscope,
    "diffsynth": check_diffsynth,
    "aitoolkit": check_aitoolkit,
    "musubi": check_musubi,
    "diffusers": check_imagefolder,
    "hf": check_imagefolder,
    "webdataset": check_webdataset,
    "sharegpt": check_sharegpt,
}

MARKS = {
    "webdataset": "*.tar",
    "modelscope": "*_end.*",
    "aitoolkit": "target",
    "musubi": "control",
    "hf": "*/metadata.jsonl",
    "diffsynth": "metadata.json*",
    "sharegpt": "train*.json",
    "folder": "*/*_target.*",
}
"""Layout -> what a folder of it holds, tried in this order where no `dataset.json` says what it is."""


@dataclass(frozen=True, kw_only=True)
class CheckOptions:
    """Check a data set before training on it."""

    path: tyro.conf.Positional[Path]
    """The folder of the data set."""
    trainer: Annotated[TrainerName, tyro.conf.arg(name="for")] = "auto"
    """Whose rules to apply; auto takes the layout that the folder has."""
    multiple: int = 16
    """What the sides of pictures have to be multiples of."""
    json: bool = False
    """Print one JSON list instead of lines."""
    rules: bool = field(default=False)
    """Also print what the codes that were found mean."""


def check(path: Path, trainer: str = "auto", *, multiple: int = 16) -> list[Finding]:
    """Everything that is wrong with a data set, sorted by file.

    Args:
        trainer: a key of `CHECKS`, or `auto`.
        multiple: what the sides of pictures have to be multiples of.

    Raises:
        OutputError: there is no such folder, or it is not known what it holds.
    """
    if not path.is_dir():
        raise OutputError(f"{path} is no folder")
    layouts = detect(path) if trainer == "auto" else {path: trainer}
    findings = []
    for root, name in layouts.items():
        findings += CHECKS[name](root, multiple)
        findings += check_manifest(root)
    if (path / STATE_FOLDER).exists():
        findings.append(Finding(str(path), "WD102", "unfinished: run the command that made it again"))
    return sorted(set(findings))


def detect(path: Path) -> dict[Path, str]:
    """The data sets in a folder, itself or its sub-folders of layouts, and which layout each has.

    Raises:
        OutputError: none that can be checked.
    """
    exports = {export.root: export.layout for export in find_exports(path) if export.layout in CHECKS}
    if exports:
        return exports
    for name, mark in MARKS.items():
        if next(path.glob(mark), None) is not None:
            return {path: name}
    raise OutputError(f"it is not clear what {path} holds; say whose rules to apply with --for")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; returns its exit code."""
    options = tyro.cli(CheckOptions, args=arguments, prog="python -m warpdata.check")
    try:
        findings = check(options.path, options.trainer, multiple=options.multiple)
    except OutputError as error:
        print(f"warpdata: {error}", file=sys.stderr)
        return UNUSABLE
    if options.json:
        print(json.dumps([asdict(finding) for finding in findings], indent=1))
    else:
        for finding in findings:
            print(finding.line())
        if options.rules:
            for code in sorted({finding.code for finding in findings}):
                print(f"{code}: {RULES[code]}")
    return FOUND if findings else CLEAN


if __name__ == "__main__":
    sys.exit(main())
