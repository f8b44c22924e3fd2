"""What a layout is: a function from finished triplets to a tree of files that some trainer reads, and its row."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from warpdata.checks.finding import Finding
from warpdata.config import ExportOptions
from warpdata.formats.manifest import IMAGE_ROLES, MASK_ROLES, Record

PROMPT = "prompt"
"""Role, in a record's files, of the text file that holds its prompt."""


@dataclass(frozen=True, kw_only=True)
class Samples:
    """Finished triplets on disk: what every layout is made from.

    Attributes:
        root: their triplet folder.
        records: sorted by id, numbered from 1.
        link: whether a layout may share files with the folder through hard links; else it copies them.
        cache_dir: the cache with the geometry that they were made from; None for the user's own.
    """

    root: Path
    records: Sequence[Record]
    link: bool
    cache_dir: Path | None = None

    def path(self, record: Record, role: str) -> Path:
        """A sample's file in the triplet folder."""
        return self.root / record.files[role]

    @cached_property
    def common_roles(self) -> list[str]:
        """Pictures and masks that every sample has."""
        return [role for role in IMAGE_ROLES + MASK_ROLES if all(role in record.files for record in self.records)]


@dataclass(frozen=True, kw_only=True)
class LayoutOptions:
    """What a layout is written with.

    Attributes:
        shared: what it has in common with the others.
        own: a value of its row's `options`; None where it has none.
    """

    shared: ExportOptions
    own: Any = None


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


@dataclass(frozen=True, kw_only=True)
class Written:
    """A layout's outcome.

    Attributes:
        records: the samples with their files in this layout.
        files: path below the layout's root -> {"sha256", "bytes"}, of every file that belongs to no sample.
        commands: how to use it, for a person to read.
    """

    records: Sequence[Record]
    files: dict[str, dict[str, Any]]
    commands: str = ""


@dataclass(frozen=True, kw_only=True)
class Shard:
    """A file of several samples.

    Attributes:
        path: below the layout's root.
        records: its samples.
        key: equal only for shards of the same content.
        write: writes its bytes; the same ones every time.
    """

    path: str
    records: Sequence[Record]
    key: str
    write: Callable[[io.RawIOBase], None]


def _nothing(*_: Any) -> None:
    return None


@dataclass(frozen=True, kw_only=True)
class LayoutRow:
    """A layout: what `LAYOUTS` knows of it, and all that the project knows of it.

    Attributes:
        name: what `--layout` calls it.
        about: what it is, in a line.
        write: writes the samples; what is there from a killed run is completed.
        options: dataclass of options that are its own; None where it has none.
        shows_masks: whether masks are among its files; where no layout shows them, none are made.
        shows_points: whether the points are (`--save-ply`).
        needs_reference: whether it can only show triplets that have a reference.
        is_triplet_folder: whether it is the very folder that other layouts are made from.
        uses_shard_options: whether its bytes depend on the options of shards.
        plan: the files it packs samples into, in order, for workers to share out; None where it has none or they have
            to be written by one.
        takes_url: whether `--shard-url` may send these files elsewhere.
        extract: writes one member of such a file to a path of its own, given (file, member, path), False where it
            cannot be read; None where packed samples cannot be taken out again, or none are packed.
        picture: gives the bytes of a packed picture, given (file, sample, role), for looking at; raises a `ViewError`.
            None where `extract` does it, where nothing is packed, or where it cannot be had.
        mark: pattern of what a folder of this layout holds, by which it is known without a `dataset.json`; None where
            it has nothing of the kind. Later rows are tried first.
        check: finds what its trainer would swallow in silence, given (folder, what sides must be multiples of).
        trainers: names besides its own that `check --for` takes for it.
        has_own_folder_flag: whether `export` has a flag `--<name>-dir` for it.
        unavailable: why it cannot be written on this machine, or None.
        refusal: why samples of these roles cannot be written with these options, or None; asked before anything is.
    """

    name: str
    about: str
    write: Callable[[Samples, LayoutOptions, Place], Written]
    options: type | None = None
    shows_masks: bool = False
    shows_points: bool = False
    needs_reference: bool = True
    is_triplet_folder: bool = False
    uses_shard_options: bool = False
    plan: Callable[[Samples, LayoutOptions], list[Shard]] | None = None
    takes_url: bool = False
    extract: Callable[[Path, str, Path], bool] | None = None
    picture: Callable[[Path, Record, str], bytes] | None = None
    mark: str | None = None
    check: Callable[[Path, int], Iterator[Finding]] | None = None
    trainers: tuple[str, ...] = field(default=())
    has_own_folder_flag: bool = False
    unavailable: Callable[[], str | None] = _nothing
    refusal: Callable[[LayoutOptions, Sequence[str]], str | None] = _nothing
