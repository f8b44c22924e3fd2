"""What a layout is: a function from finished triplets to a tree of files that some trainer reads."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from warpdata.config import ExportOptions
from warpdata.files.atomic import place_file, sync_folder, write_atomic
from warpdata.formats.manifest import IMAGE_ROLES, MASK_ROLES, Record

SHARD_LAYOUTS = {"webdataset", "hf-parquet", "litdata"}
"""Layouts that depend on the options of shards."""

PROMPT = "prompt"
"""Role, in a record's files, of the text file that holds its prompt."""


@dataclass(frozen=True, kw_only=True)
class Samples:
    """Finished triplets on disk: what every layout is made from.

    Attributes:
        root: their triplet folder.
        records: sorted by id, numbered from 1.
        link: whether a layout may share files with the folder through hard links; else it copies them.
    """

    root: Path
    records: Sequence[Record]
    link: bool

    def path(self, record: Record, role: str) -> Path:
        """A sample's file in the triplet folder."""
        return self.root / record.files[role]

    @cached_property
    def common_roles(self) -> list[str]:
        """Pictures and masks that every sample has."""
        return [role for role in IMAGE_ROLES + MASK_ROLES if all(role in record.files for record in self.records)]


@dataclass(frozen=True, kw_only=True)
class Written:
    """A layout's outcome.

    Attributes:
        records: the samples with their files in this layout.
        files: path below the layout's root -> {"sha256", "bytes"}, of every file that belongs to no sample.
        commands: how to use it, for a person to read.
    """

    records: Sequence[Record]
    files: dict[str, dict[str, str | int]]
    commands: str = ""


def layout_options(export: ExportOptions, prompts: str) -> dict[str, Any]:
    """JSON, what the bytes of an export depend on besides the triplets; `prompts` is the digest of all texts."""
    options = {"layout": list(export.layout), "prompts": prompts}
    if SHARD_LAYOUTS & set(export.layout):
        options["shards"] = {
            "samples": export.shard_samples,
            "bytes": export.shard_bytes,
            "url": export.shard_url,
            "alias": list(export.shard_alias),
        }
    return options


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a layout is written.

    Attributes:
        root: its folder.
        state: a folder for what the next run needs to know if this one is killed.
        begin: called with paths below the root before files are written there.
    """

    root: Path
    state: Path
    begin: Callable[[Iterable[str]], None]


LayoutWriter = Callable[[Samples, ExportOptions, Place], Written]
"""Writes a layout of the samples. What is there from a killed run is completed."""


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
    """For each record the paths of its three pictures: `{index}`, `{role}` and `{ext}` (with its dot) are filled in."""
    return [
        {role: pattern.format(index=record.index, role=role, ext=record.extension) for role in IMAGE_ROLES}
        for record in samples.records
    ]
