"""Reaching the service: logging in, credentials, proxies, and the service itself where there are credentials."""

from __future__ import annotations

import os

import numpy as np
import pytest

pytest.importorskip("rasterio")
pytest.importorskip("ee")

from tests.prepare.dem.download.areas import QUICK, area_of, download, final_files
from tests.prepare.dem.download.earth_engine_stub import good, hanging_up, page, running_stub, status
from warpdata.errors import SourceError
from warpdata.formats.geotiff import read_bands
from warpdata.prepare.dem.download import DownloadOptions, download_images
from warpdata.prepare.dem.earth_engine import ServiceOptions
from warpdata.programs.main import main


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
