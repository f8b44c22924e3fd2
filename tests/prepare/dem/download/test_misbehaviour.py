"""A service that misbehaves in many ways: what is asked again, for how much less, and what is given up."""

from __future__ import annotations

import json
import time

import numpy as np
import pytest

pytest.importorskip("rasterio")
pytest.importorskip("ee")

from affine import Affine

from tests.prepare.dem.download.areas import area_of, by_tile, download, final_files, requests_by_tile, twice
from tests.prepare.dem.download.earth_engine_stub import (
    changed,
    cut_short,
    dripping,
    geotiff_of,
    good,
    hanging_up,
    page,
    regridded,
    silent,
    status,
    too_large_above,
)
from warpdata.errors import SourceError
from warpdata.formats.geotiff import read_bands, write_geotiff
from warpdata.prepare.dem.area import numbered
from warpdata.prepare.dem.attempts import Patience
from warpdata.prepare.dem.failures import read_failures


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
    (page, 6, "the answer is not a TIFF: it says 'Login Please log in' (6 tries)"),
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


def test_tiles_that_cannot_be_asked_for_cost_themselves(area, stub):
    write_geotiff(area.cut / "tile_4.tif", np.ones((1, 3, 3)), transform=Affine(1, 0, 0, 0, -1, 0), crs=None)
    (area.cut / "tile_5.tif").write_bytes(b"II*\0")
    report = download(area, stub)
    assert report.made == 3
    assert "has no CRS" in report.left_out["tile_4"]
    assert "cannot be opened" in report.left_out["tile_5"]
