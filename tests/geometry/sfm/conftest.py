"""Synthetic photographs, estimated once for all tests that look at the result."""

import importlib.util
import sys
from pathlib import Path

import pytest


def _load_scenes():
    """`scenes.py` beside this file, under a name of its own: test folders are no packages."""
    spec = importlib.util.spec_from_file_location("sfm_test_scenes", Path(__file__).with_name("scenes.py"))
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def scenes():
    """The module that makes synthetic scenes."""
    return _load_scenes()


@pytest.fixture(scope="session")
def photographs(scenes):
    """Cameras on an arc, what they photograph, and the true depth of each."""
    cameras = scenes.path_of_cameras(5)
    taken = [scenes.photograph(camera) for camera in cameras]
    return cameras, [picture for picture, _ in taken], [depth for _, depth in taken]
