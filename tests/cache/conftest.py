"""A scene of known geometry and an empty cache."""

from pathlib import Path

import pytest

from tests.cache.known import make_scene
from warpdata.cache import GeometryCache
from warpdata.sources.scene import Scene


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return make_scene(tmp_path / "scene")


@pytest.fixture
def cache(tmp_path: Path) -> GeometryCache:
    return GeometryCache(tmp_path / "cache")
