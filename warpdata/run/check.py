"""What trainers would swallow in silence, found by the rules of the layout that a folder has."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from warpdata.checks.finding import Finding
from warpdata.checks.folders import check_aitoolkit, check_modelscope, check_musubi, check_triplets
from warpdata.checks.manifest import check_manifest
from warpdata.checks.metadata import check_diffsynth, check_imagefolder, check_sharegpt
from warpdata.checks.shards import check_webdataset
from warpdata.errors import OutputError
from warpdata.writers.output.existing import find_exports
from warpdata.writers.output.journal import STATE_FOLDER

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
