"""Contact sheets: every tile a row, every folder of the area a column, to look at many at once."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from warpdata.formats.geotiff import check_installed, read_bands, read_tile
from warpdata.prepare.dem.area import (
    Area,
    Progress,
    StageReport,
    need,
    no_progress,
    numbered,
)
from warpdata.prepare.dem.colour import ColourOptions, coloured
from warpdata.prepare.dem.stretch import StretchOptions, stretch

_GAP, _LABEL, _TITLE, _FONT_PX = 8, 18, 26, 13
_PAPER, _INK, _RED, _EMPTY = (255, 255, 255), (30, 30, 30), (200, 0, 0), (225, 225, 225)


@dataclass(frozen=True, kw_only=True)
class SheetOptions:
    """How sheets are laid out."""

    rows: int = 8
    """Tiles on a sheet."""
    cell: int = 256
    """Longer side of a picture in pixels."""

    def __post_init__(self) -> None:
        if not 1 <= self.rows <= 100 or not 32 <= self.cell <= 1024:
            raise ValueError(f"`rows` is {self.rows}, `cell` {self.cell}; they must be 1 to 100, and 32 to 1024")


@dataclass(frozen=True, kw_only=True)
class _Column:
    """A folder, and how a file of it becomes a picture with a label."""

    title: str
    files: dict[int, Path]
    show: Callable[[Path], tuple[Image.Image, str]]


def make_sheets(area: Area, options: SheetOptions, *, progress: Progress = no_progress) -> StageReport:
    """Write `sheets-<area>/sheet_0.jpg`, ... of all tiles that have heights, by number; what is rejected is in red.

    Raises:
        SourceError: there are no tiles.
    """
    check_installed()
    tiles = numbered(area.heights) or numbered(area.cut)
    need(area.heights, tiles, "tile")
    shown = area.heights if numbered(area.heights) else area.cut
    pictures = area.found_pictures
    columns = [
        _Column(title=shown.name, files=tiles, show=_heights),
        _Column(title=area.images.name, files=numbered(area.images), show=_reflectance),
        _Column(title=pictures.name, files=numbered(pictures, (".png",)), show=_picture),
        _Column(title=area.gray.name, files=numbered(area.gray), show=_gray),
    ]
    columns = [column for column in columns if column.files]
    report, rejected, numbers = StageReport(where=area.sheets), area.rejected(), list(tiles)
    for first in range(0, len(numbers), options.rows):
        part = numbers[first : first + options.rows]
        data = _sheet(part, columns, rejected, options, report)
        report.add(written=area.write(area.sheets / f"sheet_{first // options.rows}.jpg", data))
        progress(first + len(part), len(numbers))
    for path in area.sheets.glob("sheet_*.jpg"):  # of a run with more tiles
        number = path.stem.removeprefix("sheet_")
        if number.isdecimal() and int(number) * options.rows >= len(numbers) and not area.dry_run:
            path.unlink()
    return report


def _sheet(
    numbers: list[int], columns: list[_Column], rejected: frozenset[int], options: SheetOptions, report: StageReport
) -> bytes:
    step_x, step_y = options.cell + _GAP, options.cell + _LABEL + _GAP
    sheet = Image.new("RGB", (_GAP + step_x * len(columns), _TITLE + step_y * len(numbers)), _PAPER)
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(_FONT_PX)
    for at, column in enumerate(columns):
        left = _GAP + step_x * at
        draw.text((left, 5), column.title, _INK, font)
        for row, number in enumerate(numbers):
            top = _TITLE + step_y * row
            label, ink = f"tile_{number}", _RED if number in rejected else _INK
            try:
                if number not in column.files:
                    raise ValueError("missing")
                picture, said = column.show(column.files[number])
            except (ValueError, OSError) as error:
                draw.rectangle((left, top, left + options.cell, top + options.cell), _EMPTY)
                said = "missing" if number not in column.files else "cannot be read"
                if number in column.files:
                    report.left_out[f"{column.title}/{column.files[number].name}"] = str(error)
            else:
                picture.thumbnail((options.cell, options.cell), Image.Resampling.BOX)
                sheet.paste(picture, (left, top), picture if picture.mode == "RGBA" else None)
            note = "  rejected" if number in rejected else ""
            draw.text((left, top + options.cell + 1), f"{label}  {said}{note}", ink, font)
    data = io.BytesIO()
    sheet.save(data, format="jpeg", quality=88)
    return data.getvalue()


def _heights(path: Path) -> tuple[Image.Image, str]:
    heights = read_tile(path).heights.astype(np.float64)
    valid = np.isfinite(heights)
    picture = Image.fromarray(coloured(heights, valid, ColourOptions()))
    return picture, f"({heights[valid].min():.0f}, {heights[valid].max():.0f} m)"


def _reflectance(path: Path) -> tuple[Image.Image, str]:
    bands = read_bands(path)
    if len(bands.values) < 3:
        raise ValueError(f"{path} has {len(bands.values)} bands; an image has red, green and blue")
    mode = "raw" if bands.values.dtype == np.uint8 else "reflectance"
    stretched = stretch(bands.values[:3], bands.valid, StretchOptions(mode=mode, stretch=0.0))
    alpha = 255 * bands.valid[None].astype(np.uint8)
    return Image.fromarray(np.concatenate([stretched.pixels, alpha]).transpose(1, 2, 0).copy()), ""


def _picture(path: Path) -> tuple[Image.Image, str]:
    with Image.open(path) as image:
        return image.convert("RGBA"), ""


def _gray(path: Path) -> tuple[Image.Image, str]:
    bands = read_bands(path)
    return Image.fromarray(np.stack([bands.values[0].astype(np.uint8)] * 3, axis=2)), ""
