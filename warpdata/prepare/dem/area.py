"""An area's folders and lists by name, and what each stage was told, so that a run goes on or refuses."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from warpdata.errors import OutputError, SourceError, group_reasons
from warpdata.files.atomic import write_atomic
from warpdata.files.bounded_json import dump_json, read_json
from warpdata.sources.dem.tiles import rejected_numbers

Progress = Callable[[int, int], None]
"""Called with how many tiles are done, and of how many."""


def no_progress(done: int, total: int) -> None:
    """Shows nothing."""


@dataclass(frozen=True, kw_only=True)
class Area:
    """The folders of an area below a root; the names are the original's.

    Attributes:
        root: the folder that holds all of them.
        name: of the area, part of every name.
        dry_run: stages do all their work and write nothing, so that they can tell what would come of it.
    """

    root: Path
    name: str
    dry_run: bool = False

    def __post_init__(self) -> None:
        if not re.fullmatch(r"\w[\w. -]*", self.name):
            raise ValueError(f"{self.name!r} cannot name an area; use letters, digits, `-`, `_`, `.` and spaces")

    @property
    def sources(self) -> Path:
        """Rasters of heights, as downloaded."""
        return self.root / f"DataDEM-{self.name}"

    @property
    def cut(self) -> Path:
        """Tiles of heights, before there are images."""
        return self.root / f"preSplitDEM-{self.name}"

    @property
    def downloaded(self) -> Path:
        """Images as the service sent them."""
        return self.root / f"preSplitImages-{self.name}"

    @property
    def heights(self) -> Path:
        """Tiles of heights that have an image."""
        return self.root / f"DEM-{self.name}"

    @property
    def images(self) -> Path:
        """Images on the tiles' grids, with masks."""
        return self.root / "Image" / f"tif-{self.name}"

    @property
    def pictures(self) -> Path:
        """Images of 8 bits."""
        return self.root / "Image" / f"png-stretched-{self.name}"

    @property
    def found_pictures(self) -> Path:
        """Where pictures are: in `pictures`, or at the root, as the original's text has it."""
        at_root = self.root / f"png-stretched-{self.name}"
        return at_root if at_root.is_dir() and not self.pictures.is_dir() else self.pictures

    @property
    def gray(self) -> Path:
        """Heights of 8 bits, for looking."""
        return self.root / f"DEM_255-{self.name}"

    @property
    def metres_png(self) -> Path:
        """Heights as PNGs of 16 bits."""
        return self.root / f"DEM_16-{self.name}"

    @property
    def sheets(self) -> Path:
        """Contact sheets."""
        return self.root / f"sheets-{self.name}"

    def list_file(self, what: str, suffix: str) -> Path:
        """A list of the area: failed, stats, rejected, dataset."""
        return self.root / f"{what}-{self.name}{suffix}"

    def write(self, path: Path, data: bytes | str) -> bool:
        """Write a file whole or not at all, unless it holds this already; whether it was, or in a dry run would be."""
        return not holds(path, data) if self.dry_run else write_if_changed(path, data)

    def rejected(self) -> frozenset[int]:
        """Numbers of the tiles that `png --reject` or a person has rejected."""
        return rejected_numbers(self.list_file("rejected", ".json"))


def numbered(folder: Path, suffixes: tuple[str, ...] = (".tif",)) -> dict[int, Path]:
    """Number -> file, of the files `tile_N` in a folder, in the order of their numbers; empty where it is missing."""
    found: dict[int, Path] = {}
    if folder.is_dir():
        for path in folder.iterdir():
            match = re.fullmatch(r"tile_(\d{1,9})", path.stem)
            if match and path.suffix.lower() in suffixes and path.is_file():
                found[int(match[1])] = path
    return dict(sorted(found.items()))


def need(folder: Path, found: Mapping[int, Path], stage: str) -> None:
    """Raises SourceError where a stage's input is not there, naming the stage that makes it."""
    if not found:
        what = "does not exist" if not folder.is_dir() else "holds no tile_N"
        raise SourceError(f"{folder} {what}; run `warpdata prepare dem {stage}` first, or look at `root` and the area")


@dataclass(kw_only=True)
class StageReport:
    """What a stage did.

    Attributes:
        made: tiles written.
        kept: tiles that were there already.
        left_out: name -> why it has no result.
        remarks: name -> what a person should know of its result.
        notes: what else a person should know.
        where: folder of the results.
    """

    where: Path
    made: int = 0
    kept: int = 0
    left_out: dict[str, str] = field(default_factory=dict)
    remarks: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def add(self, *, written: bool) -> None:
        """Count a tile that was written, or was there already."""
        self.made += written
        self.kept += not written

    def lines(self, *, dry_run: bool = False) -> Iterator[str]:
        """For a person."""
        there = f", {self.kept:,} {'are' if dry_run else 'were'} there" if self.kept else ""
        yield f"{self.made:,} {'to write' if dry_run else 'written'}{there}: {self.where}"
        for names, what in ((self.left_out, "left out"), (self.remarks, "tiles")):
            for group in group_reasons(names):
                count = f"{len(group.names):,} {what} ({group.listed})" if len(group.names) > 1 else group.names[0]
                yield f"{count}: {group.reason}"
        yield from self.notes


def write_if_changed(path: Path, data: bytes | str) -> bool:
    """Write a file whole or not at all, unless it holds this already; whether it was written."""
    if holds(path, data):
        return False
    write_atomic(path, data)
    return True


def holds(path: Path, data: bytes | str) -> bool:
    """Whether a file is there with these bytes."""
    wanted = data.encode() if isinstance(data, str) else data
    return path.is_file() and path.stat().st_size == len(wanted) and path.read_bytes() == wanted


def begin_stage(area: Area, stage: str, recipe: dict[str, Any], *, overwrite: bool) -> bool:
    """Note what a stage is told, before its first file; whether it was told otherwise before, and starts over.

    A dry run notes nothing, and starts nothing over.

    Raises:
        OutputError: results of other options or other input are there, and `overwrite` is not set.
    """
    path = area.list_file("dataset", ".json")
    told = _told(path)
    entry = told.get(stage)
    before = entry.get("recipe") if isinstance(entry, dict) else None
    if before == recipe:
        return False
    if before is not None and not overwrite:
        changed = sorted(key for key in {*before, *recipe} if before.get(key) != recipe.get(key))
        raise OutputError(
            f"{path} says that `{stage}` was run with another {', '.join(changed)} ({_short(before, changed)} then, "
            f"{_short(recipe, changed)} now); add `overwrite=True` to make it anew, or choose another `root`"
        )
    if area.dry_run:
        return False
    write_atomic(path, dump_json({**told, stage: {"recipe": recipe, "complete": False}}, indent=1) + "\n")
    return before is not None


def end_stage(area: Area, stage: str, facts: Mapping[str, Any]) -> None:
    """Note that a stage is complete, with facts of the data set; not in a dry run."""
    if area.dry_run:
        return
    path = area.list_file("dataset", ".json")
    told = _told(path)
    ended = {**told, stage: {**told.get(stage, {}), "complete": True, **facts}}
    text = dump_json(ended, indent=1) + "\n"
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        write_atomic(path, text)


def is_complete(area: Area, stage: str) -> bool:
    """Whether a stage has ended with what it was told last."""
    entry = _told(area.list_file("dataset", ".json")).get(stage)
    return isinstance(entry, dict) and entry.get("complete") is True


def _told(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        value = read_json(path)
    except ValueError as error:
        raise SourceError(f"{path} cannot be read ({error}); restore or remove it") from error
    if not isinstance(value, dict):
        raise SourceError(f"{path} is not a JSON object; restore or remove it")
    return value


def _short(recipe: dict[str, Any], keys: list[str]) -> str:
    text = ", ".join(dump_json(recipe.get(key)) for key in keys)
    return text if len(text) <= 80 else f"{text[:77]}..."
