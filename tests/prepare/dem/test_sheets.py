"""Contact sheets: which picture is where, what is missing, rejected or broken, and that old sheets do not stay."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("rasterio")

from affine import Affine
from rasterio.crs import CRS

from warpdata.errors import SourceError
from warpdata.formats.geotiff import write_geotiff
from warpdata.prepare.dem.area import Area
from warpdata.prepare.dem.sheets import SheetOptions, make_sheets
from warpdata.programs.main import main

PLACE = {"transform": Affine(30, 0, 600_000, 0, -30, 5_200_000), "crs": CRS.from_epsg(32632)}
CELL, STEP_X, STEP_Y, TITLE, GAP = 64, 72, 90, 26, 8


@pytest.fixture
def area(tmp_path):
    """Three tiles with gaps in their numbers; images of one colour each, that of tile_7 missing."""
    area = Area(root=tmp_path, name="x")
    for number in (2, 7, 11):
        heights = np.linspace(5, 900, 80 * 80, dtype=np.float32).reshape(1, 80, 80)
        write_geotiff(area.heights / f"tile_{number}.tif", heights, **PLACE)
        write_geotiff(area.gray / f"tile_{number}.tif", np.full((1, 80, 80), 20 * number, np.uint8), **PLACE)
    for number, colour in ((2, (200, 10, 30)), (11, (5, 150, 40))):
        pixels = np.broadcast_to(np.array(colour, np.uint8)[:, None, None], (3, 80, 80)).copy()
        write_geotiff(area.images / f"tile_{number}.tif", pixels, **PLACE)
    return area


def sheet(area, number=0):
    return np.asarray(Image.open(area.sheets / f"sheet_{number}.jpg").convert("RGB")).astype(int)


def colour_at(pixels, column, row):
    return pixels[TITLE + STEP_Y * row + CELL // 2, GAP + STEP_X * column + CELL // 2]


def test_what_is_where(area):
    report = make_sheets(area, SheetOptions(rows=2, cell=CELL))
    assert (report.made, report.left_out) == (2, {})
    first, second = sheet(area), sheet(area, 1)
    assert first.shape == (TITLE + 2 * STEP_Y, GAP + 3 * STEP_X, 3)  # heights, images, grey
    assert second.shape == (TITLE + STEP_Y, GAP + 3 * STEP_X, 3)
    for pixels, column, row, colour in (
        (first, 1, 0, (200, 10, 30)),
        (first, 1, 1, (225, 225, 225)),
        (first, 2, 0, (40, 40, 40)),
        (first, 2, 1, (140, 140, 140)),
        (second, 1, 0, (5, 150, 40)),
    ):
        np.testing.assert_allclose(colour_at(pixels, column, row), colour, atol=6)
    top, bottom = first[TITLE + 2, GAP + 5], first[TITLE + CELL - 3, GAP + 5]
    assert top[2] > top[0]  # the lowest has the last colour of the map, violet
    assert bottom[0] > bottom[2]


def test_again_is_the_same_and_old_sheets_go(area):
    make_sheets(area, SheetOptions(rows=1, cell=CELL))
    assert make_sheets(area, SheetOptions(rows=1, cell=CELL)).kept == 3
    make_sheets(area, SheetOptions(rows=2, cell=CELL))
    assert sorted(path.name for path in area.sheets.iterdir()) == ["sheet_0.jpg", "sheet_1.jpg"]


def test_what_is_rejected_is_red(area):
    def red(pixels):
        label = pixels[TITLE + CELL : TITLE + CELL + 18, GAP:]
        return int(((label[..., 0] > 150) & (label[..., 1] < 90)).sum())

    make_sheets(area, SheetOptions(cell=CELL))
    assert red(sheet(area)) == 0
    area.list_file("rejected", ".json").write_text("[2]")
    make_sheets(area, SheetOptions(cell=CELL))
    assert red(sheet(area)) > 20


def test_broken_files_cost_themselves(area):
    (area.images / "tile_11.tif").write_bytes(b"II*\0")
    report = make_sheets(area, SheetOptions(rows=3, cell=CELL))
    assert list(report.left_out) == ["tif-x/tile_11.tif"]
    np.testing.assert_allclose(colour_at(sheet(area), 1, 2), 225, atol=6)


def test_by_command(area, tmp_path, capsys):
    assert main(["prepare", "dem", "sheet", "x", "--root", str(area.root), "--cell", "64"]) == 0
    assert "1 written" in capsys.readouterr().err
    with pytest.raises(SourceError, match="does not exist"):
        make_sheets(Area(root=tmp_path, name="y"), SheetOptions())
    with pytest.raises(ValueError, match="`rows` is 0"):
        SheetOptions(rows=0)
