import pytest

from warpdata.render import BACKENDS


@pytest.fixture(params=list(BACKENDS))
def backend(request, device) -> str:
    """Every backend that can render tensors of the device under test."""
    if request.param == "numba" and device.type != "cpu":
        pytest.skip("numba renders tensors in main memory")
    return request.param


@pytest.fixture(params=[name for name in BACKENDS if name != "torch"])
def fast_backend(request, device) -> str:
    """Every backend that is compared with the definition."""
    if request.param == "numba" and device.type != "cpu":
        pytest.skip("numba renders tensors in main memory")
    return request.param
