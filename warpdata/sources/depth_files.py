"""Depth maps from disk: 16-bit PNG, `.npy`, OpenEXR, HDF5 and COLMAP's `.bin`.

What stands for "no depth": 0, negative and not finite numbers, and by the type that the file stores, never by value
alone: the type's largest number (65535 in 16 bits unsigned, 65504 in half floats, 4294967295, 3.4e38), which sensors
and renderers write there, and 1e10 in floats of 32 and 64 bits, which Blender does. So 65535.0 or 65504.0 in a float32
file is a depth.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float
from PIL import Image
from torch import Tensor

from warpdata.config import MAX_IMAGE_PIXELS
from warpdata.errors import ViewError
from warpdata.files.tree import file_numbers, is_file, open_file, read_file
from warpdata.formats.colmap import decode_depth_map
from warpdata.formats.exr import read_depth_exr
from warpdata.formats.hdf5_depth import SUFFIXES, read_depth_h5
from warpdata.formats.npy import open_npy
from warpdata.sources.scene import DepthFile

DEPTH_SUFFIXES = (".png", ".npy", ".exr")
"""Types to which people can convert depth."""

COLMAP_SUFFIX = ".bin"

_BLENDER_NOTHING = 1e10


def load_depth(file: DepthFile) -> Float[Tensor, "h w"]:
    """Planar z-depth in scene units as float32; 0 where the file holds 0, a negative or no finite number.

    Sizes are checked before memory is taken; nothing is unpickled.

    Raises:
        ViewError: the file is missing, damaged, too large, or holds no single depth channel.
    """
    readers = {".png": _read_png, ".npy": _read_npy, ".exr": _read_exr, COLMAP_SUFFIX: _read_colmap}
    readers |= dict.fromkeys(SUFFIXES, _read_h5)
    read = readers.get(file.path.suffix.lower())
    if read is None:
        raise ViewError(f"depth {file.path} has an unknown type; convert it to one of {', '.join(DEPTH_SUFFIXES)}")
    if not is_file(file.path):
        raise ViewError(f"depth {file.path} does not exist")
    try:
        stored = read(file.path)
    except ViewError:
        raise
    except Exception as error:  # readers raise anything on damaged files
        raise ViewError(f"depth {file.path} cannot be read ({error}); copy it again or remove it") from error
    with np.errstate(over="ignore", invalid="ignore"):
        depth = stored.astype(np.float32) * np.float32(file.unit)
    depth[~(np.isfinite(depth) & (depth > 0)) | _stands_for_none(stored)] = 0
    return torch.from_numpy(depth)


def _check_size(path: Path, hw: tuple[int, int]) -> None:
    if min(hw) < 1 or hw[0] * hw[1] > MAX_IMAGE_PIXELS:
        raise ViewError(f"depth {path} says it is {hw[1]}x{hw[0]} pixels; 1 to {MAX_IMAGE_PIXELS:,} are allowed")


def _stands_for_none(stored: np.ndarray) -> Bool[np.ndarray, "h w"]:
    """Where a number is the one that its type keeps for "nothing measured"."""
    if stored.dtype.kind in "iu":
        return stored == np.iinfo(stored.dtype).max
    none = stored == np.finfo(stored.dtype).max
    if stored.dtype.itemsize > 2:
        none |= (stored == np.finfo(np.float32).max) | (stored == stored.dtype.type(_BLENDER_NOTHING))
    return none


def _read_png(path: Path) -> np.ndarray:
    with open_file(path) as file, Image.open(file, formats=("PNG",)) as image:
        _check_size(path, (image.height, image.width))
        if not image.mode.startswith("I"):
            raise ViewError(
                f"depth {path} is a PNG of mode {image.mode}; depth needs one channel of 16 bits: export it so (a "
                "picture of depth, coloured or in 8 bits, has lost it)"
            )
        return np.array(image).astype(np.uint16)  # some versions of Pillow give 16 bits as 32


def _read_npy(path: Path) -> np.ndarray:
    stored = open_npy(path)
    if stored.ndim == 3:
        stored = stored.squeeze(axis=0 if stored.shape[0] == 1 else -1)
    if stored.ndim != 2 or stored.dtype.kind not in "fiu" or stored.dtype.itemsize < 2:
        raise ViewError(
            f"depth {path} holds {stored.dtype} of shape {stored.shape}; expected numbers of shape (h, w), of 16 bits "
            "at least"
        )
    _check_size(path, stored.shape)
    return stored


def _read_exr(path: Path) -> np.ndarray:
    return read_depth_exr(path, lambda hw: _check_size(path, hw))


def _read_h5(path: Path) -> np.ndarray:
    return read_depth_h5(path, lambda hw: _check_size(path, hw))


def _read_colmap(path: Path) -> np.ndarray:
    if (length := file_numbers(path).size) > 4 * MAX_IMAGE_PIXELS + 64:
        raise ViewError(f"depth {path} has {length:,} bytes; {MAX_IMAGE_PIXELS:,} pixels are allowed")
    stored = decode_depth_map(read_file(path))
    _check_size(path, stored.shape)
    return stored
