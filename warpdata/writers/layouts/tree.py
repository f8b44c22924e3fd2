"""Layouts in which every sample keeps files of its own: pictures linked or copied, captions and lists beside them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from warpdata.files.atomic import place_file, sync_folder, write_atomic
from warpdata.formats.manifest import IMAGE_ROLES
from warpdata.writers.layouts.layout import PROMPT, Place, Samples, Written


@dataclass(frozen=True, kw_only=True)
class Tree:
    """A layout in which every sample keeps files of its own.

    Attributes:
        files: for each record, role -> path below the root, of the pictures that the layout shows.
        prompts: for each record, where its prompt goes as a text file; None where it has none.
        texts: path below the root -> content, of the files of the whole.
        commands: how to use it.
    """

    files: Sequence[dict[str, str]]
    prompts: Sequence[str | None]
    texts: dict[str, str] = field(default_factory=dict)
    commands: str = ""


def write_tree(samples: Samples, tree: Tree, place: Place) -> Written:
    """Write a tree: pictures linked or copied, then texts. Captions are UTF-8 without a line end.

    Raises:
        OutputError: a file cannot be written; names it.
    """
    prompts = [path for path in tree.prompts if path is not None]
    root = place.root
    place.begin([*(path for files in tree.files for path in files.values()), *prompts, *tree.texts])
    records, folders = [], {root}
    for record, files, prompt in zip(samples.records, tree.files, tree.prompts, strict=True):
        for role, path in files.items():
            place_file(samples.path(record, role), root / path, link=samples.link)
            folders.add((root / path).parent)
        sha256 = {role: record.sha256[role] for role in files}
        lengths = {role: record.bytes[role] for role in files}
        if prompt is not None:
            about = write_text(root / prompt, record.prompt or "")
            folders.add((root / prompt).parent)
            files = files | {PROMPT: prompt}
            sha256[PROMPT], lengths[PROMPT] = about["sha256"], about["bytes"]
        records.append(replace(record, files=files, sha256=sha256, bytes=lengths))
    files = {path: write_text(root / path, text) for path, text in tree.texts.items()}
    for folder in sorted(folders | {(root / path).parent for path in tree.texts}):
        sync_folder(folder)
    return Written(records=records, files=files, commands=tree.commands)


def write_text(path: Path, text: str) -> dict[str, str | int]:
    """Write a text file whole, and say what `dataset.json` keeps about it."""
    data = text.encode()
    write_atomic(path, data)
    return {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}


def image_paths(samples: Samples, pattern: str) -> list[dict[str, str]]:
    """For each record the paths of its pictures: `{index}`, `{role}` and `{ext}` (with its dot) are filled in."""
    return [
        {
            role: pattern.format(index=record.index, role=role, ext=record.extension)
            for role in IMAGE_ROLES
            if role in record.files
        }
        for record in samples.records
    ]


def controls(paths: dict[str, str]) -> list[str]:
    """What a sample shows beside its target: the splat, and the reference if there is one."""
    return [paths[role] for role in ("splats", "reference") if role in paths]
