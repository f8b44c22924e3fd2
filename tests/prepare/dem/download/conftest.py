"""A stub of the service, and tiles with gaps in their numbers."""

from __future__ import annotations

import os

import pytest


@pytest.fixture(autouse=True)
def nobody_else(monkeypatch):
    """No credentials, proxies or projects of the machine."""
    for name in os.environ:
        if name.lower().endswith("_proxy") or name in ("EARTHENGINE_PROJECT", "GOOGLE_APPLICATION_CREDENTIALS"):
            monkeypatch.delenv(name)
    monkeypatch.setattr("ee.deprecation._FetchDataCatalogStac", dict)  # which the client fetches from elsewhere


@pytest.fixture
def stub():
    from tests.prepare.dem.download.earth_engine_stub import running_stub

    with running_stub() as stub:
        yield stub


@pytest.fixture
def area(tmp_path):
    """Tiles with gaps in their numbers."""
    from tests.prepare.dem.download.areas import area_of

    return area_of(tmp_path)
