"""Fixtures of the geometry tests."""

import pytest
import torch


@pytest.fixture
def one_thread():
    """Tensors as small as those of tests lose more to waiting threads than they gain."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
