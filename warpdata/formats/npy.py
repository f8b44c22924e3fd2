"""Arrays in `.npy` files, whose header tells type and shape before memory is taken. Nothing is unpickled."""

from __future__ import annotations

import io
import math
from pathlib import Path

import numpy as np

from warpdata.files.tree import archive_around, open_file


def open_npy(path: Path) -> np.ndarray:
    """The array, still on disk, or in memory where its file is in an archive.

    Raises:
        OSError, ValueError, EOFError: it cannot be read, is no `.npy`, holds Python objects, or is shorter than said.
    """
    if archive_around(path) is None:
        return np.lib.format.open_memmap(path, mode="r")
    with open_file(path) as file:
        shape, is_fortran, dtype = _header(file)
        data = file.read(math.prod(shape) * dtype.itemsize)
    return np.frombuffer(data, dtype, math.prod(shape)).reshape(shape, order="F" if is_fortran else "C")


def holds_whole_numbers(path: Path) -> bool:
    """Whether a file is an array of integers, by its header; False as well where it cannot be read."""
    try:
        with open_file(path) as file:
            return _header(file)[2].kind in "iu"
    except Exception:  # numpy raises anything on a damaged header; whoever reads the array says what is wrong
        return False


def _header(file: io.IOBase) -> tuple[tuple[int, ...], bool, np.dtype]:
    """Shape, whether columns come first, and type; the array's bytes follow.

    Raises:
        ValueError: it is no `.npy`, or holds Python objects or fields with names of their own.
    """
    version = np.lib.format.read_magic(file)
    readers = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    if version not in readers:
        raise ValueError(f"it is of version {version}, which plain arrays of numbers have no need of")
    shape, is_fortran, dtype = readers[version](file)
    if dtype.hasobject or dtype.itemsize == 0:
        raise ValueError(f"it holds {dtype}, no numbers")
    return shape, is_fortran, dtype
