"""Rasters: what is read as heights, what as no data, how large a pixel is on the ground, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("rasterio")

import rasterio
from affine import Affine
from rasterio.crs import CRS

from warpdata.formats.elevation_products import companion_of, product_of
from warpdata.formats.geotiff import open_raster, pixel_size_m, read_bands, read_tile, write_geotiff

GEOGRAPHIC = CRS.from_epsg(4326)
ARC_SECOND = Affine(1 / 3600, 0, 11, 0, -1 / 3600, 47)


def write(path, values, **fields):
    values = np.asarray(values)
    values = values if values.ndim == 3 else values[None]
    if fields.get("nodata") is not None:
        fields["nodata"] = float(fields["nodata"])
    write_geotiff(path, values, **{"transform": ARC_SECOND, "crs": GEOGRAPHIC, **fields})
    return path


def test_heights_come_back_with_their_place(tmp_path):
    heights = np.arange(12, dtype=np.float32).reshape(3, 4)
    tile = read_tile(write(tmp_path / "a.tif", heights))
    np.testing.assert_array_equal(tile.heights, heights)
    assert tile.transform == ARC_SECOND
    assert tile.crs == GEOGRAPHIC
    assert tile.nodata is None


def test_an_arc_second_at_47_north():
    """By hand: M = 6367.40 km, N cos = 4357.8 km at 47 degrees, times pi / 648000."""
    x, y = pixel_size_m(Affine(1 / 3600, 0, 0, 0, -1 / 3600, 47), GEOGRAPHIC, (0, 0))
    assert x == pytest.approx(21.127, abs=1e-3)
    assert y == pytest.approx(30.881, abs=1e-3)


def test_projected_feet_and_turned_pixels():
    assert pixel_size_m(Affine(30, 0, 5e5, 0, -20, 5e6), CRS.from_epsg(32632), (9, 9)) == (30, 20)
    feet = pixel_size_m(Affine(10, 0, 0, 0, -10, 0), CRS.from_epsg(2229), (9, 9))  # California 5, US survey feet
    assert feet == pytest.approx((3.048006, 3.048006))
    turned = Affine.rotation(30) @ Affine.scale(5, -3)
    assert pixel_size_m(turned, None, (9, 9)) == pytest.approx((5, 3))


@pytest.mark.parametrize(
    ("dtype", "declared", "hole"),
    [
        ("int16", None, -32768),
        ("int16", None, -9999),
        ("int16", 0, 0),
        ("float32", None, np.nan),
        ("float32", None, np.inf),
        ("float64", None, -9999),
        ("float32", -3.4028234663852886e38, -3.4028234663852886e38),
        ("uint16", 65535, 65535),
        ("int32", -9999, -9999),
    ],
)
def test_no_data(tmp_path, dtype, declared, hole):
    values = np.full((3, 4), 7, dtype)
    values[1, 2] = hole
    tile = read_tile(write(tmp_path / "a.tif", values, nodata=declared))
    expected = np.full((3, 4), 7, np.float32)
    expected[1, 2] = np.nan
    np.testing.assert_array_equal(tile.heights, expected)


def test_a_declared_value_wins_over_the_assumed_ones(tmp_path):
    tile = read_tile(write(tmp_path / "a.tif", np.array([[-9999, 5]], np.int16), nodata=-1))
    assert tile.heights.tolist() == [[-9999.0, 5.0]]


def test_copernicus_leaves_its_no_data_undeclared(tmp_path):
    values = np.array([[-32767, 5]], np.float32)
    name = "Copernicus_DSM_COG_10_N47_00_E011_00_DEM.tif"
    assert np.isnan(read_tile(write(tmp_path / name, values)).heights[0, 0])
    assert read_tile(write(tmp_path / "other.tif", values)).heights[0, 0] == -32767


def test_scale_offset_and_feet(tmp_path):
    values = np.array([[10, -32768]], np.int16)
    tile = read_tile(write(tmp_path / "a.tif", values, nodata=-32768, scale_offset_unit=(0.5, 100.0, "ft")))
    assert tile.heights[0, 0] == pytest.approx((10 * 0.5 + 100) * 0.3048)
    assert np.isnan(tile.heights[0, 1])
    with pytest.raises(ValueError, match="'kelvin'"):
        read_tile(write(tmp_path / "a.tif", values, scale_offset_unit=(1.0, 0.0, "kelvin")))


def test_srtm(tmp_path):
    heights = np.full((1201, 1201), 250, ">i2")
    heights[0, 1] = -32768
    (tmp_path / "N47E011.hgt").write_bytes(heights.tobytes())
    tile = read_tile(tmp_path / "N47E011.hgt")
    assert np.isnan(tile.heights[0, 1])
    assert tile.heights[1, 0] == 250
    # The first pixel's centre is the cell's north-western corner.
    assert tile.transform @ (0.5, 0.5) == pytest.approx((11, 48))


@pytest.mark.parametrize("compress", ["lzw", "deflate", "packbits", "zstd", "lerc"])
def test_compressions(tmp_path, compress):
    heights = np.linspace(0, 900, 35, dtype=np.float32).reshape(5, 7)
    profile = dict(driver="GTiff", width=7, height=5, count=1, dtype="float32", transform=ARC_SECOND, crs=GEOGRAPHIC)
    with rasterio.open(tmp_path / "a.tif", "w", compress=compress, **profile) as dataset:
        dataset.write(heights[None])
    np.testing.assert_allclose(read_tile(tmp_path / "a.tif").heights, heights, atol=1e-3)


def test_a_mask_of_a_colour_image_comes_back(tmp_path):
    colours = np.arange(60, dtype=np.float32).reshape(3, 4, 5) / 60
    valid = np.ones((4, 5), bool)
    valid[2, 3] = False
    bands = read_bands(write(tmp_path / "a.tif", colours, valid=valid))
    np.testing.assert_array_equal(bands.values, colours)
    np.testing.assert_array_equal(bands.valid, valid)


def test_several_bands_are_no_heights(tmp_path):
    with pytest.raises(ValueError, match="3 bands; elevation has one"):
        read_tile(write(tmp_path / "a.tif", np.zeros((3, 4, 5), np.float32)))


def test_other_formats_and_names_are_refused(tmp_path):
    inner = write(tmp_path / "inner.tif", np.zeros((4, 5), np.float32))
    (tmp_path / "a.tif").write_text(
        '<VRTDataset rasterXSize="5" rasterYSize="4"><VRTRasterBand dataType="Float32" band="1"><SimpleSource>'
        f"<SourceFilename>{inner}</SourceFilename></SimpleSource></VRTRasterBand></VRTDataset>"
    )
    (tmp_path / "b.tif").write_text("<html>")
    for name in (tmp_path / "a.tif", tmp_path / "b.tif", tmp_path / "no.tif", Path(f"/vsizip{tmp_path}/x.zip")):
        with pytest.raises(ValueError, match=r"cannot be opened|is not a file"), open_raster(name):
            pass


def test_a_huge_header_is_refused_before_memory_is_taken(tmp_path):
    profile = dict(driver="GTiff", count=1, dtype="float32", transform=ARC_SECOND, crs=GEOGRAPHIC, sparse_ok=True)
    with rasterio.open(tmp_path / "a.tif", "w", width=200_000, height=9, **profile):
        pass
    with rasterio.open(
        tmp_path / "b.tif", "w", width=60_000, height=60_000, blockysize=60_000, compress="deflate", **profile
    ):
        pass
    with rasterio.open(tmp_path / "c.tif", "w", width=60_000, height=60_000, tiled=True, **profile):
        pass
    for name, message in (("a.tif", "at most 100,000"), ("b.tif", "blocks of"), ("c.tif", "read at once")):
        with pytest.raises(ValueError, match=message):
            read_tile(tmp_path / name)


def test_equal_rasters_are_equal_bytes(tmp_path):
    heights = np.linspace(0, 900, 35, dtype=np.float32).reshape(5, 7)
    write(tmp_path / "a.tif", heights, nodata=-9999)
    write(tmp_path / "b.tif", heights, nodata=-9999)
    assert (tmp_path / "a.tif").read_bytes() == (tmp_path / "b.tif").read_bytes()


@pytest.mark.parametrize(
    ("name", "product", "companion"),
    [
        ("ALPSMLC30_N047E011_DSM.tif", "ALOS World 3D (AW3D30)", False),
        ("N047E011_AVE_DSM.tif", "ALOS World 3D (AW3D30)", False),
        ("ALPSMLC30_N047E011_MSK.tif", None, True),
        ("N047E011_AVE_STK.tif", None, True),
        ("Copernicus_DSM_COG_10_N47_00_E011_00_DEM.tif", "Copernicus DEM", False),
        ("Copernicus_DSM_COG_10_N47_00_E011_00_WBM.tif", None, True),
        ("n47e011.hgt", "SRTM", False),
        ("N47E011.SRTMGL1.hgt", "SRTM", False),
        ("ASTGTMV003_N47E011_dem.tif", "ASTER GDEM", False),
        ("ASTGTMV003_N47E011_num.tif", None, True),
        ("valley.tif", None, False),
    ],
)
def test_products_by_name(name, product, companion):
    assert getattr(product_of(name), "name", None) == product
    assert (companion_of(name) is not None) == companion
