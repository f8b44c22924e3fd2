"""Folders of rasters side by side, aligned by name: tile_12 with tile_12, and where one is missing a gap."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from natsort import natsorted

from warpdata.errors import OutputError, ViewError
from warpdata.files.paths import resolve_inside
from warpdata.formats.jpeg_png import encode_picture
from warpdata.prepare.dem.rejected import change_rejected, rejected_list
from warpdata.sources.dem.tiles import TILE_NAME, rejected_numbers
from warpdata.view.kept import Kept
from warpdata.view.rasters import ARRAY_SUFFIXES, GROUND_SUFFIXES, Raster, is_raster_name, read_raster
from warpdata.view.thumbnails import thumbnail

MAX_DEPTH = 4
"""How far below a folder its rasters are looked for."""

MAX_FILES = 1_000_000
"""Most files of a folder that are listed."""

THUMBNAIL_PX = 320
THUMBNAIL_BYTES = 64 * 2**20
RASTER_BYTES = 512 * 2**20
"""Rasters that are kept in memory."""

FIRST = (*GROUND_SUFFIXES, *ARRAY_SUFFIXES, ".png")
"""Of two files with one name the one whose suffix stands here first is shown: it holds values, not their picture."""


class Columns:
    """Rows of rasters, one column a folder. Safe to share between threads.

    Args:
        folders: in the order of the columns.

    Raises:
        OutputError: a folder holds no raster, or too many files.
    """

    kind = "columns"

    def __init__(self, folders: Sequence[Path]):
        self.folders = [folder.resolve() for folder in folders]
        self.title = " | ".join(str(folder) for folder in folders)
        found = [_rasters_in(folder) for folder in self.folders]
        for folder, files in zip(folders, found, strict=True):
            if not files:
                raise OutputError(f"{folder} holds no pictures; give folders of pictures, tiles or depth maps")
        self.names: list[str] = natsorted(set().union(*found))
        self._files = [[files.get(name) for files in found] for name in self.names]
        lists = filter(None, map(rejected_list, self.folders))
        self._list: Path | None = next(lists, None)
        self._thumbnails: Kept[bytes] = Kept(THUMBNAIL_BYTES, len)
        self._rasters: Kept[Raster] = Kept(RASTER_BYTES, lambda raster: raster.values.nbytes + raster.shown.numel())

    def about(self) -> dict[str, Any]:
        """What the page has to know before it shows anything."""
        return {
            "kind": self.kind,
            "title": self.title,
            "columns": _told_apart([str(folder) for folder in self.folders]),
            "rows": len(self.names),
            "marks": None if self._list is None else self._list.name,
            "gaps": sum(None in files for files in self._files),
        }

    def page(self, start: int, count: int, *, only_gaps: bool = False) -> dict[str, Any]:
        """Some rows: their numbers, names, in which columns they have a raster, and whether they are rejected."""
        rejected = self._rejected()
        numbers = [row for row, files in enumerate(self._files) if None in files or not only_gaps]
        return {
            "total": len(numbers),
            "start": start,
            "rows": [
                {
                    "number": row,
                    "name": self.names[row],
                    "there": [file is not None for file in self._files[row]],
                    "rejected": self._tile(row) in rejected,
                }
                for row in numbers[start : start + count]
            ],
        }

    def details(self, row: int) -> dict[str, Any]:
        """A row: its name, what each column shows, and the size on which pixels are counted: the largest one's.

        Raises:
            IndexError: there is no such row.
        """
        columns, sizes = [], []
        for column, file in enumerate(self._row(row)):
            told: dict[str, Any] = {"there": file is not None, "file": None if file is None else file.name}
            if file is not None:
                try:
                    hw = self._raster(row, column).hw
                except ViewError as error:
                    told["problem"] = str(error)
                else:
                    sizes.append(hw)
                    told["size"] = [hw[1], hw[0]]
            columns.append(told)
        height, width = max(sizes, key=lambda hw: hw[0] * hw[1], default=(0, 0))
        return {
            "number": row,
            "name": self.names[row],
            "columns": columns,
            "size": [width, height],
            "rejected": self._tile(row) in self._rejected(),
        }

    def thumbnail(self, row: int, column: int) -> bytes:
        """A small JPEG of a raster.

        Raises:
            IndexError: there is none.
            ViewError: it cannot be read.
        """
        return self._thumbnails.get((row, column), lambda: thumbnail(self._raster(row, column).shown, THUMBNAIL_PX))

    def picture(self, row: int, column: int) -> bytes:
        """A raster as it is shown, as PNG; raises as `thumbnail`."""
        return encode_picture(self._raster(row, column).shown, "png")

    def probe(self, row: int, x: int, y: int) -> dict[str, Any]:
        """Values at one place of a row in each column; in a smaller raster, of the pixel that lies there.

        Args:
            x, y: on the grid of the largest one.

        Raises:
            IndexError: there is no such row.
            ValueError: the place lies outside.
        """
        width, height = self.details(row)["size"]
        if not (0 <= x < width and 0 <= y < height):
            raise ValueError(f"pixel ({x}, {y}) lies outside of {width} x {height}")
        found: list[dict[str, Any] | None] = []
        for column, file in enumerate(self._row(row)):
            try:
                raster = None if file is None else self._raster(row, column)
            except ViewError:
                raster = None
            if raster is None:
                found.append(None)
                continue
            own_y, own_x = ((2 * at + 1) * own // (2 * side) for at, own, side in
                            zip((y, x), raster.hw, (height, width), strict=True))  # fmt: skip
            values = raster.values[:, own_y, own_x].tolist() if raster.valid[own_y, own_x] else []
            found.append({"x": own_x, "y": own_y, "values": values, "says": raster.says(own_x, own_y)})
        return {"x": x, "y": y, "columns": found}

    def mark(self, *, reject: Sequence[int] = (), accept: Sequence[int] = ()) -> int:
        """Reject rows that are tiles of an area, or take that back, in the area's list; on the disk when it returns.

        Returns:
            How many tiles are rejected now.

        Raises:
            IndexError: there is no such row.
            ValueError: no column is a folder `DEM-AREA`, or a row is no `tile_N`.
            SourceError, OutputError: the list is damaged, or cannot be written.
        """
        if self._list is None:
            raise ValueError("only tiles of an area are marked: one column has to be its folder DEM-AREA")
        return len(change_rejected(self._list, reject=self._tiles(reject), accept=self._tiles(accept)))

    def next_unmarked(self, row: int) -> int | None:
        """The next row that is not rejected; None where there is none."""
        rejected = self._rejected()
        return next((one for one in range(row + 1, len(self.names)) if self._tile(one) not in rejected), None)

    def close(self) -> None:
        """Nothing is open."""

    def _rejected(self) -> frozenset[int]:
        return frozenset() if self._list is None else rejected_numbers(self._list)

    def _tile(self, row: int) -> int | None:
        found = TILE_NAME.fullmatch(self.names[row])
        return None if found is None else int(found["number"])

    def _tiles(self, rows: Sequence[int]) -> list[int]:
        for row in rows:
            self._row(row)
            if self._tile(row) is None:
                raise ValueError(f"{self.names[row]} is not called tile_N, and cannot be marked")
        return [self._tile(row) for row in rows]

    def _row(self, row: int) -> list[Path | None]:
        if not 0 <= row < len(self._files):
            raise IndexError(f"there is no row {row}: there are {len(self._files)}")
        return self._files[row]

    def _raster(self, row: int, column: int) -> Raster:
        files = self._row(row)
        file = files[column] if 0 <= column < len(files) else None
        if file is None:
            raise IndexError(f"{self.names[row]} has nothing in column {column}")
        folder = self.folders[column]
        return self._rasters.get(
            (row, column), lambda: read_raster(resolve_inside(folder, str(file.relative_to(folder))))
        )


def _rasters_in(folder: Path) -> dict[str, Path]:
    """Name below the folder, without suffix -> file. Links to folders are not followed, hidden names passed over."""
    found: dict[str, Path] = {}
    for number, file in enumerate(_files_below(folder)):
        if number > MAX_FILES:
            raise OutputError(f"{folder} holds more than {MAX_FILES:,} files; give a folder in it")
        name = file.relative_to(folder).with_suffix("").as_posix()
        if name not in found or _rank(file) < _rank(found[name]):
            found[name] = file
    return found


def _files_below(folder: Path) -> Iterator[Path]:
    for above, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        if len(Path(above).relative_to(folder).parts) >= MAX_DEPTH:
            folders.clear()
        yield from (Path(above) / name for name in sorted(names) if is_raster_name(name))


def _rank(file: Path) -> tuple[int, str]:
    suffix = file.suffix.lower()
    return (FIRST.index(suffix) if suffix in FIRST else len(FIRST), file.name)


def _told_apart(paths: Sequence[str]) -> list[str]:
    """Paths without the beginning that all of them share."""
    if len(paths) == 1:
        return [Path(paths[0]).name]
    common = Path(os.path.commonpath(paths))
    return [Path(path).relative_to(common).as_posix() for path in paths]
