"""What importing loads, and that the public names are where they are said to be."""

import subprocess
import sys

import pytest

import warpdata.training

HEAVY = ["torch", "lightning", "numba", "warp", "numpy", "pycolmap", "onnxruntime", "jsonargparse"]


def loaded_by(statement):
    code = f"import sys; {statement}; print(*[name for name in {HEAVY} if name in sys.modules])"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()


def test_importing_warpdata_loads_nothing_heavy():
    assert loaded_by("import warpdata") == []
    assert loaded_by("import warpdata.training") == []


def test_a_dataset_needs_no_trainer():
    assert set(loaded_by("from warpdata.training import WarpDataset, Triplet, Pair")) <= {"torch", "numpy"}


@pytest.mark.parametrize("name", warpdata.training.__all__)
def test_public_names_are_there(name):
    assert getattr(warpdata.training, name).__name__ == name
    assert name in dir(warpdata.training)


def test_other_names_are_not():
    with pytest.raises(AttributeError, match="has no attribute 'WarpLoaders'"):
        _ = warpdata.training.WarpLoaders
