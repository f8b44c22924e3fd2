"""Images to pictures, heights to bytes, 16 bits and colours: what is written, what is left alone, what is refused."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("rasterio")

from affine import Affine
from rasterio.crs import CRS

from warpdata.errors import OutputError, SourceError
from warpdata.formats.geotiff import open_raster, read_bands, write_geotiff
from warpdata.prepare.dem.area import Area
from warpdata.prepare.dem.colour import ColourOptions, colour_files, coloured
from warpdata.prepare.dem.gray import GrayOptions, make_gray
from warpdata.prepare.dem.pictures import PictureOptions, make_pictures
from warpdata.prepare.dem.stretch import StretchOptions

PLACE = {"transform": Affine(30, 0, 600_000, 0, -30, 5_200_000), "crs": CRS.from_epsg(32632)}
HW = (5, 8)


@pytest.fixture
def area(tmp_path):
    """Numbers with a gap, as after a rejection: an image, one with a mask and four bands, a black one, a grey one."""
    area = Area(root=tmp_path, name="x")
    rng = np.random.default_rng(0)
    image = rng.uniform(0, 0.4, (4, *HW)).astype(np.float32)
    valid = np.ones(HW, bool)
    valid[0, :3] = False
    write_geotiff(area.images / "tile_0.tif", image[:3], **PLACE)
    write_geotiff(area.images / "tile_3.tif", image, **PLACE, valid=valid)
    write_geotiff(area.images / "tile_10.tif", np.zeros((3, *HW), np.float32), **PLACE)
    write_geotiff(area.images / "tile_11.tif", image[:1], **PLACE)
    for number, heights in ((0, rng.uniform(-4, 900, HW)), (3, np.full(HW, 12.0)), (10, rng.uniform(5, 800, HW))):
        write_geotiff(area.heights / f"tile_{number}.tif", heights[None].astype(np.float32), **PLACE, nodata=-9999.0)
    return area


def pixels(path):
    return np.asarray(Image.open(path))


def test_pictures_and_their_statistics(area):
    before = {path: path.read_bytes() for path in area.images.iterdir()}
    report = make_pictures(area, PictureOptions(stretch=StretchOptions(mode="reflectance")))
    assert {path: path.read_bytes() for path in area.images.iterdir()} == before
    assert sorted(path.name for path in area.pictures.iterdir()) == ["tile_0.png", "tile_10.png", "tile_3.png"]
    assert list(report.left_out) == ["tile_11.tif"]
    assert "has 1 band; an image has red, green and blue" in report.left_out["tile_11.tif"]
    masked = pixels(area.pictures / "tile_3.png")
    assert masked.shape == (*HW, 4)
    assert (masked[0, :3] == 0).all()
    assert (masked[1:, :, 3] == 255).all()
    rows = [json.loads(line) for line in area.list_file("stats", ".jsonl").read_text().splitlines()]
    assert [row["index"] for row in rows] == [0, 3, 10]
    assert rows[1]["masked"] == pytest.approx(3 / 40)
    values = read_bands(area.images / "tile_0.tif").values.astype(float)
    assert rows[0]["mean_before"] == pytest.approx((values * [[[0.299]], [[0.587]], [[0.114]]]).sum(axis=0).mean())
    assert rows[0]["std"] == pytest.approx((pixels(area.pictures / "tile_0.png") @ [0.299, 0.587, 0.114]).std())
    assert (rows[2]["mean"], rows[2]["saturated"]) == (0, 1)


def test_again_changes_nothing_and_what_is_missing_is_made(area):
    make_pictures(area, PictureOptions())
    (area.pictures / "tile_3.png").unlink()
    (area.pictures / "tile_0.png").write_bytes(b"torn")
    report = make_pictures(area, PictureOptions())
    assert (report.made, report.kept) == (2, 1)
    with pytest.raises(OutputError, match=r"run with another mode, stretch .*; add `overwrite=True`"):
        make_pictures(area, PictureOptions(stretch=StretchOptions(mode="reflectance")))
    make_pictures(area, PictureOptions(stretch=StretchOptions(mode="reflectance"), overwrite=True))


def test_rejection_is_by_a_condition_and_keeps_what_a_person_rejected(area):
    area.list_file("rejected", ".json").write_text("[3]")
    report = make_pictures(area, PictureOptions(reject="std < 3 or masked > 0.5"))
    assert area.rejected() == {3, 10}
    assert "1 of 3 tiles rejected by 'std < 3 or masked > 0.5'" in report.notes
    make_pictures(area, PictureOptions(reject="masked > 0.5"))
    assert area.rejected() == {3}
    with pytest.raises(ValueError, match="brightness"):
        PictureOptions(reject="brightness < 3")


def test_captions_are_facts(area):
    report = make_pictures(area, PictureOptions(captions=True))
    text = (area.pictures / "tile_3.txt").read_text()
    assert text.startswith("Satellite image of 0.2 by 0.1 km at 46.9")
    assert "elevation 12 to 12 m, 12 m on average, relief 0 m; 100 % above sea level." in text
    assert not [name for name in report.left_out if name.endswith(".txt")]


def test_gray_goes_over_tiles_with_a_picture_that_are_not_rejected(area):
    with pytest.raises(SourceError, match="run `warpdata prepare dem png` first"):
        make_gray(area, GrayOptions())
    make_pictures(area, PictureOptions(reject="std < 3"))
    report = make_gray(area, GrayOptions())
    assert sorted(path.name for path in area.gray.iterdir()) == ["tile_0.tif", "tile_3.tif"]
    assert report.remarks == {"tile_3.tif": "it is flat, all 0"}
    with open_raster(area.gray / "tile_0.tif") as dataset, open_raster(area.heights / "tile_0.tif") as heights:
        found, given = dataset.read(1), heights.read(1).astype(float)
        assert dataset.transform == heights.transform
    assert (found.min(), found.max()) == (0, 255)
    exact = (given - given.min()) / (given.max() - given.min()) * 255
    assert np.abs(found - exact).max() <= 0.5


def test_a_range_keeps_tiles_comparable_and_16_bits_keep_metres(area):
    make_pictures(area, PictureOptions())
    report = make_gray(area, GrayOptions(range=(0.0, 1000.0), metres_png=100.0, seed_rounding=True))
    with open_raster(area.gray / "tile_3.tif") as dataset:
        assert (dataset.read(1) == 3).all()  # 12 m of 1000 is 3.06 of 255
    with Image.open(area.metres_png / "tile_3.png") as image:
        assert image.text == {"unit": "metre", "scale": "100", "nodata": "0"}
        assert (np.asarray(image) == 1200).all()
    assert "do not fit into 0 to 65535; choose another `metres_png`" in report.left_out["tile_0.tif"]


def test_heights_without_data_are_0_and_masked(area):
    heights = np.full(HW, 7.0, np.float32)
    heights[0], heights[1, 1] = 9, -9999
    write_geotiff(area.heights / "tile_0.tif", heights[None], **PLACE, nodata=-9999.0)
    make_pictures(area, PictureOptions())
    make_gray(area, GrayOptions())
    found = read_bands(area.gray / "tile_0.tif")
    assert found.valid.sum() == heights.size - 1
    assert found.values[0, 1, 1] == 0
    assert (found.values[0, 0] == 255).all()


def test_colours_ignore_what_is_missing(tmp_path):
    heights = np.array([[[0.0, 50.0, 100.0], [-9999.0, 100.0, np.nan]]], np.float32)
    write_geotiff(tmp_path / "h" / "tile_7.tif", heights, **PLACE, nodata=-9999.0)
    report = colour_files(tmp_path / "h", None, ColourOptions())
    assert (report.made, report.where) == (1, tmp_path / "h_color")
    found = pixels(tmp_path / "h_color" / "tile_7_color.png")
    assert found[0].tolist() == [[94, 79, 162, 255], [255, 255, 191, 255], [158, 1, 66, 255]]  # inverted Spectral
    assert found[1, [0, 2]].tolist() == [[0, 0, 0, 0]] * 2
    assert colour_files(tmp_path / "h", None, ColourOptions()).kept == 1


@pytest.mark.parametrize(
    ("cmap", "first", "last"),
    [
        ("gray", (0, 0, 0), (255, 255, 255)),
        ("spectral", (158, 1, 66), (94, 79, 162)),
        ("terrain", (51, 51, 153), (255, 255, 255)),
        ("inferno", (0, 0, 4), (252, 255, 164)),
        ("viridis", (68, 1, 84), (253, 231, 37)),
    ],
)
def test_maps_run_from_their_first_colour_to_their_last(cmap, first, last):
    values, valid = np.array([[3.0, 9.0]]), np.ones((1, 2), bool)
    found = coloured(values, valid, ColourOptions(cmap=cmap, invert=False))
    assert np.abs(found[0, :, :3].astype(int) - [first, last]).max() <= 1
    turned = coloured(values, valid, ColourOptions(cmap=cmap))
    assert (turned[0, ::-1] == found[0]).all()


def test_what_cannot_be_coloured_is_named(tmp_path):
    write_geotiff(tmp_path / "rgb.tif", np.random.default_rng(0).random((3, 4, 5)).astype(np.float32), **PLACE)
    Image.fromarray(np.full((4, 5, 3), 9, np.uint8)).save(tmp_path / "grey.png")
    report = colour_files(tmp_path, tmp_path / "out", ColourOptions())
    assert report.made == 1
    assert "has 3 bands that differ" in report.left_out["rgb.tif"]
    with pytest.raises(SourceError, match="does not exist"):
        colour_files(tmp_path / "gone.tif", None, ColourOptions())
    (tmp_path / "empty").mkdir()
    with pytest.raises(SourceError, match="holds no raster"):
        colour_files(tmp_path / "empty", None, ColourOptions())
