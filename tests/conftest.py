"""Shared fixtures: the device under test, the folder of reference data, and the `--slow` switch."""

from pathlib import Path

import pytest
import torch
from hypothesis import settings

# No deadline: a shared machine may be slow. Derandomised: a failure seen once is seen again.
settings.register_profile("warpdata", deadline=None, derandomize=True, max_examples=50)
settings.load_profile("warpdata")

SHARED = Path(__file__).resolve().parents[2] / "shared"


def pytest_addoption(parser):
    parser.addoption("--slow", action="store_true", help="also run the tests that take minutes")


def pytest_collection_modifyitems(config, items):
    if config.getoption("--slow"):
        return
    skip = pytest.mark.skip(reason="takes minutes; run with --slow")
    for item in items:
        if "slow" in item.keywords:
            item.add_marker(skip)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The reference data beside the checkout; what needs it is skipped where it is absent."""
    if not SHARED.is_dir():
        pytest.skip("the reference data folder is not beside this checkout")
    return SHARED


@pytest.fixture(scope="session")
def device() -> torch.device:
    """CUDA where there is one; the same tests run on the CPU elsewhere."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")
