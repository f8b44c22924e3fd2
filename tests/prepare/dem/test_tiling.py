"""Tiles of heights: which windows, in which order, where they lie, which are dropped, and that a killed run goes on."""

from __future__ import annotations

import json

import numpy as np
import pytest

pytest.importorskip("rasterio")

from affine import Affine
from rasterio.crs import CRS

from warpdata.errors import OutputError, SourceError
from warpdata.formats.geotiff import open_raster, read_tile, write_geotiff
from warpdata.prepare.dem.area import Area, numbered
from warpdata.prepare.dem.tiling import TileOptions, cut_area, fill_holes

UTM = Affine(30, 0, 600_000, 0, -30, 5_200_000)


def area_of(folder, **rasters):
    area = Area(root=folder, name="x")
    for name, (values, fields) in rasters.items():
        write_geotiff(
            area.sources / f"{name}.tif", values[None], **{"transform": UTM, "crs": CRS.from_epsg(32632), **fields}
        )
    return area


def rows_of(area):
    return [json.loads(line) for line in (area.cut / "tiles.jsonl").read_text().splitlines()]


@pytest.fixture
def lopsided(tmp_path):
    """1300 x 900 of int16 with a no-data corner, a block of zeros, and a marked pixel; a second file after it."""
    values = np.random.default_rng(0).integers(1, 900, (900, 1300)).astype(np.int16)
    values[:5, :7] = -32768
    values[300:600, 400:800] = 0
    values[301, 850] = 7777
    second = np.full((300, 400), 12.5, np.float32)
    second[0, 0] = 13
    return area_of(tmp_path, a=(values, {}), b=(second, {}))


def test_which_windows_and_in_which_order(lopsided):
    report = cut_area(lopsided, TileOptions(tile=(400, 300)))
    rows = rows_of(lopsided)
    # Three columns of three; the first window has no data, the fifth is all zeros; 100 columns stick out.
    windows = [[0, 300], [0, 600], [400, 0], [400, 600], [800, 0], [800, 300], [800, 600]]
    assert [row["window"] for row in rows] == [[*w, 400, 300] for w in windows] + [[0, 0, 400, 300]]
    assert [row["source"] for row in rows] == ["a.tif"] * 7 + ["b.tif"]
    assert [row["index"] for row in rows] == list(numbered(lopsided.cut)) == list(range(8))
    assert set(rows[0]) == {*("index", "source", "window", "crs", "bounds", "min", "max", "nodata_fraction", "sha256")}
    assert (rows[7]["min"], rows[7]["max"]) == (12.5, 13)
    assert any("1 windows flat dropped" in note for note in report.notes)


def test_a_marked_pixel_stays_where_it_is(lopsided):
    cut_area(lopsided, TileOptions(tile=(400, 300)))
    tile = read_tile(numbered(lopsided.cut)[5])
    row, column = np.argwhere(tile.heights == 7777)[0]
    assert tile.transform @ (column, row) == UTM @ (850, 301)
    assert rows_of(lopsided)[5]["bounds"] == [624_000.0, 5_182_000.0, 636_000.0, 5_191_000.0]
    with open_raster(numbered(lopsided.cut)[5]) as dataset:
        assert (dataset.dtypes[0], dataset.compression.name, dataset.width) == ("int16", "deflate", 400)


def test_flat_and_holed_tiles_when_asked_for(lopsided):
    cut_area(lopsided, TileOptions(tile=(400, 300), keep_flat=True, max_nodata=0.01, fill=True))
    rows = rows_of(lopsided)
    assert len(rows) == 10
    assert rows[0]["nodata_fraction"] == pytest.approx(35 / 120_000)
    assert not np.isnan(read_tile(numbered(lopsided.cut)[0]).heights).any()


def test_allowed_holes_stay_holes_and_are_declared(lopsided):
    cut_area(lopsided, TileOptions(tile=(400, 300), max_nodata=0.01))
    tile = read_tile(numbered(lopsided.cut)[0])
    assert tile.nodata == -32768
    assert np.isnan(tile.heights[:5, :7]).all()
    assert np.isnan(tile.heights).sum() == 35


def test_below_the_sea_is_no_reason_to_drop(tmp_path):
    values = -np.arange(1, 17, dtype=np.int16).reshape(4, 4)
    area = area_of(tmp_path, a=(values, {}))
    cut_area(area, TileOptions(tile=(4, 4)))
    assert len(rows_of(area)) == 1


def test_holes_are_filled_between_their_borders():
    values = np.tile(np.arange(9.0), (7, 1))
    missing = np.zeros((7, 9), bool)
    missing[3, 4] = True
    assert fill_holes(np.where(missing, 0, values), missing)[3, 4] == pytest.approx(4, abs=1e-12)


def test_holes_are_weighted_by_inverse_distance():
    values, missing = np.zeros((1, 5)), np.array([[False, True, True, True, False]])
    values[0, 4] = 8
    assert fill_holes(values, missing)[0].tolist() == pytest.approx([0, 2, 4, 6, 8])


def test_a_filled_field_does_not_depend_on_how_it_lies():
    rng = np.random.default_rng(0)
    values, missing = rng.normal(size=(11, 7)), rng.random((11, 7)) < 0.7
    filled = fill_holes(values, missing)
    assert (filled[~missing] == values[~missing]).all()
    for turn in (lambda a: a.T, lambda a: a[::-1], lambda a: a[:, ::-1]):
        np.testing.assert_allclose(fill_holes(turn(values), turn(missing)), turn(filled), atol=1e-12)


def test_holes_out_of_sight_are_filled_too():
    missing = np.ones((4, 5), bool)
    missing[0, 0] = False
    np.testing.assert_allclose(fill_holes(np.full((4, 5), 3.0), missing), 3, rtol=1e-12)


def state(folder):
    return {path.name: (path.stat().st_mtime_ns, path.read_bytes()) for path in folder.rglob("*") if path.is_file()}


def test_again_changes_nothing_and_other_options_are_refused(lopsided):
    cut_area(lopsided, TileOptions(tile=(400, 300)))
    before = state(lopsided.root)
    assert cut_area(lopsided, TileOptions(tile=(400, 300))).made == 0
    assert state(lopsided.root) == before
    with pytest.raises(OutputError, match="another tile"):
        cut_area(lopsided, TileOptions(tile=(200, 300)))
    cut_area(lopsided, TileOptions(tile=(650, 450), overwrite=True))
    assert list(numbered(lopsided.cut)) == list(range(len(rows_of(lopsided))))


def test_what_is_missing_or_damaged_is_made_again(lopsided):
    cut_area(lopsided, TileOptions(tile=(400, 300)))
    before = {name: data for name, (_, data) in state(lopsided.cut).items()}
    numbered(lopsided.cut)[2].unlink()
    numbered(lopsided.cut)[4].write_bytes(b"torn")
    assert cut_area(lopsided, TileOptions(tile=(400, 300))).made == 2
    assert {name: data for name, (_, data) in state(lopsided.cut).items()} == before


def test_broken_files_cost_themselves(lopsided):
    (lopsided.sources / "broken.tif").write_bytes(b"II*\0")
    (lopsided.sources / "N47E011_AVE_MSK.tif").write_bytes((lopsided.sources / "a.tif").read_bytes())
    write_geotiff(lopsided.sources / "rgb.tif", np.zeros((3, 400, 400), np.uint8), transform=UTM, crs=None)
    write_geotiff(lopsided.sources / "tiny.tif", np.zeros((1, 1, 1), np.uint8), transform=UTM, crs=None)
    report = cut_area(lopsided, TileOptions(tile=(400, 300)))
    assert sorted(report.left_out) == ["broken.tif", "rgb.tif", "tiny.tif"]
    assert any("N47E011_AVE_MSK.tif belongs to ALOS" in note for note in report.notes)
    assert len(rows_of(lopsided)) == 8


def test_nothing_to_cut(tmp_path):
    with pytest.raises(SourceError, match="does not exist"):
        cut_area(Area(root=tmp_path, name="x"), TileOptions())
    with pytest.raises(ValueError, match="cannot name an area"):
        Area(root=tmp_path, name="../x")
