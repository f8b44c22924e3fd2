"""Depth in HDF5 files as MegaDepth has it: the data set `depth`, float32 of shape (h, w), 0 where there is none.

Needs h5py (extra `megadepth`). Files are closed whatever happens.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
from jaxtyping import Float32

from warpdata.errors import ViewError
from warpdata.files.atomic import write_atomic
from warpdata.files.tree import local_file

SUFFIXES = (".h5", ".hdf5")
DATASET = "depth"
INSTALL = "reading HDF5 needs h5py: python -m pip install 'warpdata[megadepth]'"


def write_depth_h5(depth: Float32[np.ndarray, "h w"], path: Path, *, about: str) -> None:
    """Write planar z as the data set `depth`, packed; the file appears whole or not at all.

    Args:
        about: what the numbers are; the attribute `description`.
    """
    import h5py

    buffer = io.BytesIO()
    with h5py.File(buffer, "w", track_order=False) as file:
        stored = file.create_dataset(DATASET, data=depth, compression="gzip", compression_opts=9)
        stored.attrs["description"] = about
    write_atomic(path, buffer.getvalue())


def read_depth_h5(path: Path, check_hw: Callable[[tuple[int, int]], None]) -> np.ndarray:
    """The data set `depth`, or the only one there is, of shape (h, w).

    Args:
        check_hw: called with (height, width) before memory is taken; raises to refuse it.

    Raises:
        ViewError: h5py is not installed, or the file holds no such data set of numbers.
        OSError: it is not HDF5, or is damaged.
    """
    try:
        import h5py
    except ModuleNotFoundError as error:
        raise ViewError(f"depth {path} cannot be read: {INSTALL}") from error
    with local_file(path) as local, h5py.File(local, "r") as file:
        names = [DATASET] if DATASET in file else list(file)
        # A link to another file would be followed on access; only what lies in this one is read.
        stored = (
            file[names[0]] if len(names) == 1 and isinstance(file.get(names[0], getlink=True), h5py.HardLink) else None
        )
        if not isinstance(stored, h5py.Dataset):
            raise ViewError(
                f"depth {path} has no data set `{DATASET}`; it holds {', '.join(list(file)[:5]) or 'nothing'}"
            )
        if stored.ndim != 2 or stored.dtype.kind not in "fiu" or stored.external or stored.is_virtual:
            raise ViewError(
                f"depth {path} holds {stored.dtype} of shape {stored.shape}; expected numbers of shape (h, w)"
            )
        check_hw(stored.shape)
        return stored[...]
