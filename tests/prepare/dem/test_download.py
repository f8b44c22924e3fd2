"""Images from Earth Engine: the official client against a server on loopback that misbehaves in many ways.

What this proves: the expression that is sent (collection, days, bands, mask, median), the grid, how often what is asked
again, what is said, how many at a time, which files there are afterwards. What it does not prove: that the service
computes what the expression means to us, and that its own answers look like the stub's. `test_the_service_itself` asks
it, where there are credentials.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("rasterio")
pytest.importorskip("ee")

from affine import Affine
from rasterio.crs import CRS

from tests.prepare.dem.earth_engine_stub import (
    changed,
    cut_short,
    dripping,
    geotiff_of,
    good,
    hanging_up,
    page,
    regridded,
    running_stub,
    silent,
    status,
    too_large_above,
)
from warpdata.errors import OutputError, SourceError
from warpdata.formats.geotiff import open_raster, read_bands, read_tile, write_geotiff
from warpdata.prepare.dem.area import Area, numbered
from warpdata.prepare.dem.attempts import Patience
from warpdata.prepare.dem.download import DownloadOptions, download_images
from warpdata.prepare.dem.earth_engine import CompositeOptions, ServiceOptions
from warpdata.prepare.dem.failures import read_failures
from warpdata.programs.main import main

SECOND = 1 / 3600
WH = (40, 30)
QUICK = Patience(first_wait_s=0.01, longest_wait_s=0.05)


@pytest.fixture(autouse=True)
def nobody_else(monkeypatch):
    """No credentials, proxies or projects of the machine."""
    for name in os.environ:
        if name.lower().endswith("_proxy") or name in ("EARTHENGINE_PROJECT", "GOOGLE_APPLICATION_CREDENTIALS"):
            monkeypatch.delenv(name)
    monkeypatch.setattr("ee.deprecation._FetchDataCatalogStac", dict)  # which the client fetches from elsewhere


@pytest.fixture
def stub():
    with running_stub() as stub:
        yield stub


def area_of(folder: Path, numbers=(0, 3, 10), *, wh=WH, transform=None, crs="EPSG:4326") -> Area:
    area = Area(root=folder, name="x")
    for number in numbers:
        heights = np.random.default_rng(number).uniform(0, 900, wh[::-1]).astype(np.float32)
        place = transform or Affine(SECOND, 0, 11 + number * 0.1, 0, -SECOND, 47)
        write_geotiff(area.cut / f"tile_{number}.tif", heights[None], transform=place, crs=CRS.from_string(crs))
    return area


@pytest.fixture
def area(tmp_path):
    """Tiles with gaps in their numbers."""
    return area_of(tmp_path)


def download(area, stub, *, patience=QUICK, service=None, **options):
    service = ServiceOptions(url=stub.url, **{"timeout": 5.0, **(service or {})})
    return download_images(area, DownloadOptions(service=service, **options), patience=patience)


def final_files(area):
    folders = (area.images, area.heights, area.downloaded)
    return sorted(path.name for folder in folders if folder.is_dir() for path in folder.iterdir())


def functions_of(expression):
    """Names of functions -> their arguments, of all calls in an expression."""
    found: dict[str, list] = {}

    def walk(value):
        if isinstance(value, dict):
            if "functionInvocationValue" in value:
                call = value["functionInvocationValue"]
                found.setdefault(call["functionName"], []).append(call["arguments"])
            for part in value.values():
                walk(part)
        elif isinstance(value, list):
            for part in value:
                walk(part)

    walk(expression)
    return found


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


def by_tile(answers):
    """Each tile's own answer, by its place."""

    def answer(handler, body):
        number = round((body["grid"]["affineTransform"]["translateX"] - 11) / 0.1)
        answers.get(number, good)(handler, body)

    return answer


def requests_by_tile(stub):
    columns = [round((body["grid"]["affineTransform"]["translateX"] - 11) / 0.1) for body in stub.asked]
    return {number: columns.count(number) for number in columns}


def twice(failure):
    """Fails twice, then does as asked."""
    left = [failure, failure]
    return lambda handler, body: (left.pop() if left else good)(handler, body)


def test_what_passes_is_asked_again(tmp_path, stub):
    failures = [
        *(status(code) for code in (408, 429, 500, 502, 503, 504)),
        *(page, cut_short(honest_length=True), cut_short(honest_length=False), hanging_up),
    ]
    area = area_of(tmp_path, range(len(failures)))
    stub.then = by_tile({number: twice(failure) for number, failure in enumerate(failures)})
    report = download(area, stub)
    assert (report.made, report.left_out) == (len(failures), {})
    assert requests_by_tile(stub) == dict.fromkeys(range(len(failures)), 3)


@pytest.mark.parametrize("failure", [silent, dripping])
def test_what_takes_too_long_is_given_up(area, stub, failure):
    stub.answers = [failure]
    start = time.monotonic()
    assert download(area, stub, limit=1, service={"timeout": 0.4}).made == 1
    assert time.monotonic() - start < 5
    assert len(stub.asked) == 2


def test_a_wait_that_is_asked_for_is_kept(area, stub):
    stub.answers = [status(429, **{"Retry-After": "0.3"})]
    start = time.monotonic()
    assert download(area, stub, limit=1, patience=Patience(first_wait_s=0.01)).made == 1
    assert time.monotonic() - start > 0.3


FAILURES = (
    (status(503, "Out of order."), 6, "HTTP 503: Out of order. (6 tries)"),
    (page, 6, "the answer is no TIFF: it says 'Login Please log in' (6 tries)"),
    (cut_short(honest_length=True), 6, "(6 tries)"),
    (status(400, "Image.select: no band B9."), 1, "HTTP 400: Image.select: no band B9."),
    (status(404, "No such project."), 1, "HTTP 404"),
    (regridded(width=1), 1, "the answer is 41 x 30 pixels, and 40 x 30 were asked for"),
    (regridded(height=-1), 1, "the answer is 40 x 29 pixels"),
    (regridded(translateX=0.5), 1, "the answer lies elsewhere"),
    (regridded(translateY=1), 1, "the answer lies elsewhere"),
    (regridded(scaleX=0.0009), 1, "the answer lies elsewhere"),
    (regridded(crsCode="EPSG:32632"), 1, "the answer lies elsewhere"),
    (changed(lambda values: values[:1]), 1, "the answer has 1 bands"),
    (changed(lambda values: np.full_like(values, 0.1)), 1, "the image is constant"),
    (changed(lambda values: np.full_like(values, np.nan)), 1, "the image holds no data"),
    (changed(np.zeros_like), 1, "the image holds no data"),
    (changed(lambda values: np.where(np.arange(40) < 2, 0, values)), 1, "5.0 % of the image is without data"),
)


def test_a_tile_that_fails_is_listed_and_the_others_go_on(tmp_path, stub):
    area = area_of(tmp_path, range(len(FAILURES) + 2))
    stub.then = by_tile({number: failure for number, (failure, _, _) in enumerate(FAILURES)})
    report = download(area, stub)
    assert report.made == 2
    assert final_files(area) == sorted(3 * [f"tile_{number}.tif" for number in (len(FAILURES), len(FAILURES) + 1)])
    requests, found = requests_by_tile(stub), read_failures(area)
    assert list(found) == list(range(len(FAILURES)))
    for number, (_, tries, reason) in enumerate(FAILURES):
        assert reason in found[number]
        assert requests[number] == tries, reason
        assert report.left_out[f"tile_{number}"] == found[number]
    stub.then = good
    assert download(area, stub).made == len(FAILURES)
    assert read_failures(area) == {}


def test_masked_pixels_are_masked_in_the_file(area, stub):
    def hole(values):
        values = values.copy()
        values[:, 3, 5], values[1, 4, 6] = 0, np.nan
        return values

    stub.then = changed(hole)
    download(area, stub, limit=1)
    image = read_bands(area.images / "tile_0.tif")
    assert np.argwhere(~image.valid).tolist() == [[3, 5], [4, 6]]


def test_a_grid_too_large_is_halved_and_put_together(tmp_path, stub):
    area = area_of(tmp_path, (0,), wh=(520, 300))
    stub.then = too_large_above(140)
    assert download(area, stub).made == 1
    sizes = [tuple(body["grid"]["dimensions"].values()) for body in stub.asked]
    assert sizes[:3] == [(520, 300), (260, 260), (130, 130)]
    assert all(max(wh) <= 130 for wh in sizes[2:])
    whole = json.loads(json.dumps(stub.asked[0]["grid"]))
    path = tmp_path / "whole.tif"
    path.write_bytes(geotiff_of(whole))
    np.testing.assert_allclose(
        read_bands(area.images / "tile_0.tif").values, read_bands(path).values, rtol=0, atol=2e-6
    )


def test_too_large_even_for_the_smallest_block(area, stub):
    stub.then = too_large_above(0)
    report = download(area, stub, limit=1)
    assert report.left_out["tile_0"] == "HTTP 400: User memory limit exceeded. (even for 40 x 40 pixels)"


def test_what_no_request_may_hold_is_asked_for_in_blocks(tmp_path, stub, monkeypatch):
    monkeypatch.setattr("warpdata.prepare.dem.image_grid.MAX_REQUEST_BYTES", 12 * 20 * 20)
    area = area_of(tmp_path, (0,), wh=(50, 30))
    download(area, stub)
    sizes = sorted(tuple(body["grid"]["dimensions"].values()) for body in stub.asked)
    assert sizes == [(10, 10), (10, 20), (20, 10), (20, 10), (20, 20), (20, 20)]


def test_again_asks_for_nothing_and_other_options_are_refused(area, stub):
    download(area, stub)
    before = {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in area.root.rglob("*") if path.is_file()}
    stub.asked.clear()
    assert download(area, stub).kept == 3
    assert stub.asked == []
    assert before == {p: (p.stat().st_mtime_ns, p.read_bytes()) for p in area.root.rglob("*") if p.is_file()}
    with pytest.raises(OutputError, match="another rgb_scale"):
        download(area, stub, rgb_scale=2)
    assert download(area, stub, rgb_scale=2, overwrite=True).made == 3
    assert read_bands(area.images / "tile_3.tif").valid.shape == (60, 80)


def test_which_tiles(area, stub):
    assert download(area, stub, start_index=1, limit=1).made == 1
    assert list(numbered(area.images)) == [3]
    assert download(area, stub, start_index=1, limit=1).kept == 1
    with pytest.raises(SourceError, match="tiles 0 to 10, and `start_index` is 11"):
        download(area, stub, start_index=11)


def test_how_many_at_a_time(tmp_path, stub):
    area = area_of(tmp_path, range(8))
    stub.delay_s = 0.1
    download(area, stub, threads=3)
    assert stub.busiest == 3


def test_what_was_received_before_a_run_was_ended_is_used(area, stub):
    download(area, stub)
    (area.images / "tile_3.tif").unlink()
    (area.downloaded / "tile_10.tif").write_bytes(b"II*\0torn")
    (area.images / "tile_10.tif").unlink()
    stub.asked.clear()
    assert download(area, stub).made == 2
    assert len(stub.asked) == 1


def test_killed_and_run_again_ends_with_the_same_files(tmp_path, stub):
    area, other = area_of(tmp_path / "a", range(6)), area_of(tmp_path / "b", range(6))
    stub.delay_s = 0.3
    line = [*("-m", "warpdata.prepare", "dem", "download", "x", "--threads", "1"), "--url", stub.url, "--root"]
    child = subprocess.Popen([sys.executable, *line, str(area.root)], stderr=subprocess.DEVNULL)
    while len(numbered(area.images)) < 2:
        assert child.poll() is None, "it ended by itself"
        time.sleep(0.02)
    child.kill()
    child.wait()
    assert 2 <= len(numbered(area.images)) < 6
    stub.delay_s = 0
    assert download(area, stub).kept >= 2
    download(other, stub)

    def is_result(path):
        return path.is_file() and path.suffix != ".part"

    def tree(root):
        return {path.relative_to(root): path.read_bytes() for path in root.rglob("*") if is_result(path)}

    assert tree(area.root) == tree(other.root)


def test_a_service_that_is_down_ends_the_run(tmp_path, stub, monkeypatch):
    monkeypatch.setattr("warpdata.prepare.dem.download.GIVE_UP_AFTER", 4)
    area = area_of(tmp_path, range(30))
    stub.answers, stub.then = [good], status(403, "Project is not registered.")
    with pytest.raises(
        SourceError, match=r"4 tiles in a row failed.*HTTP 403: Project is not registered.*1 are finished"
    ):
        download(area, stub, threads=1)
    assert list(read_failures(area)) == [1, 2, 3, 4]
    assert list(numbered(area.images)) == [0]


def test_logging_in_is_tried_again(area, stub):
    stub.starts = [status(503), page, hanging_up]
    assert download(area, stub).made == 3


def test_a_service_that_is_not_there(area):
    with running_stub() as stub:
        url = stub.url
    with pytest.raises(SourceError, match=f"{url} cannot be used: the connection failed"):
        download_images(area, DownloadOptions(service=ServiceOptions(url=url)), patience=QUICK)
    assert final_files(area) == []


def test_a_proxy_carries_everything(area, stub):
    with running_stub() as proxy:
        proxy.then = good
        report = download(area, stub, service={"proxy": proxy.url})
    assert report.made == 3
    assert stub.asked == []
    assert len(proxy.asked) == 3


def test_without_credentials(area, monkeypatch, tmp_path, capsys):
    for name in ("HOME", "USERPROFILE", "APPDATA", "CLOUDSDK_CONFIG"):
        monkeypatch.setenv(name, str(tmp_path / "nobody"))
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    assert main(["prepare", "dem", "download", "x", "--root", str(area.root), "--project", "some-project"]) == 2
    error = capsys.readouterr().err
    assert "Earth Engine needs credentials: none that work were found" in error
    assert "earthengine authenticate" in error
    assert not area.list_file("dataset", ".json").exists()
    key = tmp_path / "key.json"
    key.write_text("{}")
    with pytest.raises(SourceError, match=r"key\.json cannot be used"):
        download_images(area, DownloadOptions(service=ServiceOptions(service_account_key=key)))


def test_a_dry_run_asks_for_nothing(area, capsys):
    assert main(["prepare", "dem", "download", "x", "--root", str(area.root), "--dry-run", "--rgb-scale", "2"]) == 0
    said = capsys.readouterr().err
    assert "3 of 3 tiles to download: COPERNICUS/S2_HARMONIZED" in said
    assert "tile_0: 80 x 60 pixels, 0.1 MB in 1 requests" in said
    assert final_files(area) == []


def test_tiles_that_cannot_be_asked_for_cost_themselves(area, stub):
    write_geotiff(area.cut / "tile_4.tif", np.ones((1, 3, 3)), transform=Affine(1, 0, 0, 0, -1, 0), crs=None)
    (area.cut / "tile_5.tif").write_bytes(b"II*\0")
    report = download(area, stub)
    assert report.made == 3
    assert "has no CRS" in report.left_out["tile_4"]
    assert "cannot be opened" in report.left_out["tile_5"]


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


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (dict(timeout=0.0), "`timeout` is 0"),
        (dict(url="ftp://x"), "write an address"),
        (dict(url="http://example.com"), "credentials go to https addresses only"),
    ],
)
def test_unusable_services(options, message):
    with pytest.raises(ValueError, match=message):
        ServiceOptions(**options)


@pytest.mark.parametrize("dates", [("2022-05-31", "2022-05-01"), ("May", "June")])
def test_unusable_days(dates):
    with pytest.raises(ValueError, match="`dates` is"):
        CompositeOptions(dates=dates)


@pytest.mark.skipif(
    "WARPDATA_EARTHENGINE" not in os.environ, reason="set WARPDATA_EARTHENGINE to a project to ask the service"
)
def test_the_service_itself(tmp_path):
    """One small tile in the Alps: an image that is brighter in summer than black, on the grid, and not constant."""
    area = area_of(tmp_path, (0,), wh=(64, 48))
    project = os.environ["WARPDATA_EARTHENGINE"]
    assert download_images(area, DownloadOptions(service=ServiceOptions(project=project))).made == 1
    image = read_bands(area.images / "tile_0.tif")
    assert 0.005 < np.median(image.values[:, image.valid]) < 1
