"""Folders that the original made a thread each, brought together: moved, never overwritten."""

from __future__ import annotations

import errno
import filecmp
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from warpdata.errors import SourceError
from warpdata.files.atomic import output_errors, place_file
from warpdata.prepare.dem.area import Area, Progress, StageReport, no_progress

_TILE = re.compile(r"tile_\d{1,9}\.\w+(\.\w+)*")


@dataclass(frozen=True, kw_only=True)
class MergeOptions:
    """How many folders there are."""

    threads: int
    """Number of threads that the original was run with: its folders end in _0 to _N."""

    def __post_init__(self) -> None:
        if not 1 <= self.threads <= 10_000:
            raise ValueError(f"`threads` is {self.threads}; it must be from 1 to 10000")


def merge_threads(area: Area, options: MergeOptions, *, progress: Progress = no_progress) -> StageReport:
    """Move the tiles of `preSplitImages-<area>_<i>`, `DEM-<area>_<i>` and `Image/tif-<area>_<i>` to the folders without
    a number, and remove what is empty then.

    A tile that is there already is dropped where it is equal. Where it is another, or two threads have different ones,
    all stay where they are and are named. What is no `tile_N` stays too. A run that was ended goes on.

    Raises:
        SourceError: there is no such folder, nor one they go to.
        OutputError: a file cannot be moved.
    """
    report = StageReport(where=area.root)
    finals = (area.downloaded, area.heights, area.images)
    folders = [pair for final in finals for pair in _thread_folders(area, final, options.threads, report)]
    if not folders and not report.left_out:
        if any(final.is_dir() for final in finals):
            report.notes.append("no folder of a thread is left")
            return report
        raise SourceError(
            f"{area.root} holds no {area.downloaded.name}_0 to _{options.threads} of the original, nor its likes; look "
            "at `root`, the area and `threads`"
        )
    found: dict[Path, list[Path]] = {}
    for folder, final in folders:
        for path in _tiles(folder, report):
            found.setdefault(final / path.name, []).append(path)
    moved = dropped = 0
    for done, (target, paths) in enumerate(sorted(found.items()), start=1):
        if reason := _refusal(area, target, paths):
            report.left_out |= {str(path.relative_to(area.root)): reason for path in paths}
        else:
            new = not target.exists()
            moved, dropped = moved + new, dropped + len(paths) - new
            if not area.dry_run:
                _bring(target, paths)
        progress(done, len(found))
    if not area.dry_run:
        report.made, report.kept = moved, dropped
        removed = sum(_removed(folder) for folder, _ in folders)
        report.notes.append(f"{removed} of {len(folders)} folders were empty then, and are removed")
    else:
        report.notes.append(f"{moved} files to move, {dropped} equal ones to drop")
    return report


def _thread_folders(area: Area, final: Path, num_threads: int, report: StageReport) -> Iterator[tuple[Path, Path]]:
    """A thread's folder, and where its files go; folders of other areas and with higher numbers are named."""
    if not final.parent.is_dir():
        return
    found = final.parent.glob(f"{final.name}_*")
    for folder in sorted(found, key=lambda path: (len(path.name), path.name)):
        number = folder.name[len(final.name) + 1 :]
        if not number.isdecimal() or not folder.is_dir():
            continue
        name = str(folder.relative_to(area.root))
        other = Area(root=area.root, name=f"{area.name}_{number}")
        if folder.is_symlink():
            report.left_out[name] = "it is a link to another folder; move its tiles by hand"
        elif other.sources.is_dir() or other.cut.is_dir() or other.list_file("dataset", ".json").is_file():
            report.notes.append(f"{name} belongs to the area {other.name}; passed over")
        elif int(number) > num_threads:
            report.left_out[name] = f"its number is above `threads`, which is {num_threads}"
        else:
            yield folder, final


def _tiles(folder: Path, report: StageReport) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if _TILE.fullmatch(path.name) and path.is_file() and not path.is_symlink():
            yield path
        else:
            report.left_out[str(path.relative_to(report.where))] = "it is not a tile_N; it and its folder stay"


def _refusal(area: Area, target: Path, paths: list[Path]) -> str | None:
    """Why files of a name cannot become one, None where they can."""
    tile = area.cut / target.name
    if target.parent != area.heights and tile.is_file() and filecmp.cmp(tile, paths[0], shallow=False):
        return "it is not an image but a copy of the heights, as the original leaves where a download fails; remove it"
    first, *others = [target, *paths] if target.exists() else paths
    for other in others:
        if not filecmp.cmp(first, other, shallow=False):
            folders = f"{first.parent.name} and {other.parent.name}"
            return f"there are different ones in {folders}; remove or rename one, and run this again"
    return None


def _bring(target: Path, paths: list[Path]) -> None:
    """One of equal files becomes the target, if that is not there, and the others are removed."""
    with output_errors(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        for path in paths:
            if target.exists():
                path.unlink()
                continue
            try:
                os.rename(path, target)
            except OSError as error:
                if error.errno != errno.EXDEV:
                    raise
                place_file(path, target, link=False)
                path.unlink()


def _removed(folder: Path) -> bool:
    """Whether a folder was empty, and is gone."""
    try:
        folder.rmdir()
    except OSError:
        return False
    return True
