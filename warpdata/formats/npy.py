"""Arrays in `.npy` files, whose header tells type and shape before memory is taken. Nothing is unpickled."""

from __future__ import annotations

from pathlib import Path

import numpy as np


def open_npy(path: Path) -> np.ndarray:
    """The array, still on disk.

    Raises:
        OSError, ValueError, EOFError: it cannot be read, is no `.npy`, holds Python objects, or is shorter than said.
    """
    return np.lib.format.open_memmap(path, mode="r")


def holds_whole_numbers(path: Path) -> bool:
    """Whether a file is an array of integers, by its header; False as well where it cannot be read."""
    try:
        return open_npy(path).dtype.kind in "iu"
    except Exception:  # numpy raises anything on a damaged header; whoever reads the array says what is wrong
        return False
