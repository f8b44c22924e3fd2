"""What is asked of Earth Engine for a tile, and what is written: the official client against a server on loopback.

What these prove: the expression that is sent (collection, days, bands, mask, median), the grid, how often what is asked
again, what is said, how many at a time, which files there are afterwards. What they do not prove: that the service
computes what the expression means to us, and that its own answers look like the stub's. `test_the_service_itself` asks
it, where there are credentials.
"""

from __future__ import annotations

import json

import numpy as np
import pytest

pytest.importorskip("rasterio")
pytest.importorskip("ee")

from affine import Affine

from tests.prepare.dem.download.areas import SECOND, area_of, download, final_files, functions_of
from warpdata.formats.geotiff import open_raster, read_bands, read_tile
from warpdata.prepare.dem.area import numbered
from warpdata.prepare.dem.download import DownloadOptions
from warpdata.prepare.dem.earth_engine import CompositeOptions
from warpdata.prepare.dem.failures import read_failures


def test_what_is_asked_for(area, stub):
    download(area, stub, limit=1)
    (body,) = stub.asked
    calls, text = functions_of(body["expression"]), json.dumps(body["expression"])
    ids = [call["id"]["constantValue"] for call in calls["ImageCollection.load"]]
    assert sorted(ids) == ["COPERNICUS/S2_HARMONIZED", "GOOGLE/CLOUD_SCORE_PLUS/V1/S2_HARMONIZED"]
    (days,) = calls["DateRange"]  # whose end is excluded
    assert {key: day["constantValue"] for key, day in days.items()} == {"start": "2021-01-01", "end": "2024-01-01"}
    (clouds,) = calls["Filter.lessThan"]
    assert (clouds["leftField"], clouds["rightValue"]) == (
        {"constantValue": "CLOUDY_PIXEL_PERCENTAGE"},
        {"constantValue": 20},
    )
    assert '["B4", "B3", "B2"]' in text
    assert '"constantValue": 0.6}' in text
    assert {"Filter.intersects", "reduce.median", "Image.linkCollection", "Image.updateMask", "Image.toFloat"} <= set(
        calls
    )
    (rectangle,) = calls["GeometryConstructors.Rectangle"]
    west, south, east, north = rectangle["coordinates"]["constantValue"]
    assert (west, north) == pytest.approx((11, 47))
    assert (east - west, north - south) == pytest.approx((40 * SECOND, 30 * SECOND))
    assert body["fileFormat"] == "GEO_TIFF"
    assert body["grid"] == {
        "dimensions": {"width": 40, "height": 30},
        "affineTransform": dict(scaleX=SECOND, shearX=0, translateX=11, shearY=0, scaleY=-SECOND, translateY=47),
        "crsCode": "EPSG:4326",
    }


@pytest.mark.parametrize(
    ("mask", "functions", "absent"),
    [("qa60", {"Image.bitwiseAnd", "Image.updateMask"}, "CLOUD_SCORE"), ("none", set(), "updateMask")],
)
def test_other_masks_collections_and_days(area, stub, mask, functions, absent):
    composite = CompositeOptions(collection="S2_SR_HARMONIZED", cloud_mask=mask, dates=("2022-05-01", "2022-05-31"))
    download(area, stub, limit=1, composite=composite)
    text = json.dumps(stub.asked[0]["expression"])
    assert "COPERNICUS/S2_SR_HARMONIZED" in text
    assert '"2022-06-01"' in text
    assert absent not in text
    assert functions <= set(functions_of(stub.asked[0]["expression"]))
    if mask == "qa60":
        assert '"constantValue": 1024' in text
        assert '"constantValue": 2048' in text


def test_what_is_written(area, stub):
    report = download(area, stub)
    assert (report.made, report.kept, report.left_out) == (3, 0, {})
    assert len(final_files(area)) == 9
    for number, path in numbered(area.images).items():
        tile, image = read_tile(area.cut / f"tile_{number}.tif"), read_bands(path)
        assert image.transform == tile.transform
        assert image.values.dtype == np.float32
        assert image.values.shape == (3, 30, 40)
        assert image.valid.all()
        sent = area.downloaded / path.name
        np.testing.assert_array_equal(image.values, read_bands(sent).values)
        assert (area.heights / path.name).read_bytes() == (area.cut / path.name).read_bytes()
        with open_raster(path) as dataset:
            assert [flag.name for flag in dataset.mask_flag_enums[0]] == ["per_dataset"]
    assert read_failures(area) == {}
    facts = json.loads(area.list_file("dataset", ".json").read_text())["download"]
    assert (facts["images"], facts["cloud_mask"], facts["collection"]) == (3, "csplus", "COPERNICUS/S2_HARMONIZED")


def test_a_finer_image_of_a_rotated_projected_tile(tmp_path, stub):
    rotated = Affine(30, 4, 600_000, 3, -29, 5_200_000)
    area = area_of(tmp_path, (0,), transform=rotated, crs="EPSG:32632")
    download(area, stub, rgb_scale=3)
    grid = stub.asked[0]["grid"]
    assert grid["dimensions"] == {"width": 120, "height": 90}
    assert grid["affineTransform"] == dict(
        scaleX=10, shearX=4 / 3, translateX=600_000, shearY=1, scaleY=-29 / 3, translateY=5_200_000
    )
    assert grid["crsCode"] == "EPSG:32632"
    assert len(read_bands(area.images / "tile_0.tif").valid) == 90


def test_a_system_without_a_code_goes_as_text(tmp_path, stub):
    local = "+proj=tmerc +lat_0=47 +lon_0=11.3 +k=1 +x_0=0 +y_0=0 +datum=WGS84 +units=m"
    area = area_of(tmp_path, (0,), transform=Affine(30, 0, 0, 0, -30, 0), crs=local)
    assert download(area, stub).made == 1
    assert "Transverse" in stub.asked[0]["grid"]["crsWkt"]


def test_how_many_at_a_time(tmp_path, stub):
    area = area_of(tmp_path, range(8))
    stub.delay_s = 0.1
    download(area, stub, threads=3)
    assert stub.busiest == 3


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (dict(threads=41), "`threads` is 41; it must be from 1 to 40"),
        (dict(rgb_scale=0), "`rgb_scale` is 0"),
        (dict(limit=0), "`limit` 0"),
        (dict(max_masked=1.0), "`max_masked` is 1"),
    ],
)
def test_unusable_options(options, message):
    with pytest.raises(ValueError, match=message):
        DownloadOptions(**options)


@pytest.mark.parametrize("dates", [("2022-05-31", "2022-05-01"), ("May", "June")])
def test_unusable_days(dates):
    with pytest.raises(ValueError, match="`dates` is"):
        CompositeOptions(dates=dates)
