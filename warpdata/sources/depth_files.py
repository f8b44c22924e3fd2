"""Depth maps from disk: 16-bit PNG, `.npy` and OpenEXR."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import OpenEXR
import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor

from warpdata.config import MAX_IMAGE_PIXELS
from warpdata.errors import ViewError
from warpdata.sources.scene import DepthFile

DEPTH_SUFFIXES = (".png", ".npy", ".exr")
_EXR_MAGIC = b"\x76\x2f\x31\x01"
_EXR_CHANNELS = ("Z", "Y", "R")
"""Names of a depth channel, after the last dot, the likeliest first."""


def load_depth(file: DepthFile) -> Float[Tensor, "h w"]:
    """Planar z-depth in scene units as float32; 0 where the file holds 0, a negative or no finite number.

    Sizes are checked before memory is taken; nothing is unpickled.

    Raises:
        ViewError: the file is missing, damaged, too large, or holds no single depth channel.
    """
    readers = {".png": _read_png, ".npy": _read_npy, ".exr": _read_exr}
    read = readers.get(file.path.suffix.lower())
    if read is None:
        raise ViewError(f"depth {file.path} has an unknown type; convert it to one of {', '.join(DEPTH_SUFFIXES)}")
    if not file.path.is_file():
        raise ViewError(f"depth {file.path} does not exist")
    try:
        stored = read(file.path)
    except ViewError:
        raise
    except Exception as error:  # readers raise anything on damaged files
        raise ViewError(f"depth {file.path} cannot be read ({error}); copy it again or remove it") from error
    with np.errstate(over="ignore", invalid="ignore"):
        depth = stored.astype(np.float32) * np.float32(file.unit)
    depth[~(np.isfinite(depth) & (depth > 0))] = 0
    return torch.from_numpy(depth)


def _check_size(path: Path, hw: tuple[int, int]) -> None:
    if min(hw) < 1 or hw[0] * hw[1] > MAX_IMAGE_PIXELS:
        raise ViewError(f"depth {path} says it is {hw[1]}x{hw[0]} pixels; 1 to {MAX_IMAGE_PIXELS:,} are allowed")


def _read_png(path: Path) -> np.ndarray:
    with Image.open(path, formats=("PNG",)) as image:
        _check_size(path, (image.height, image.width))
        if not image.mode.startswith("I"):
            raise ViewError(f"depth {path} is a PNG of mode {image.mode}; depth needs one channel of 16 bits")
        return np.array(image)


def _read_npy(path: Path) -> np.ndarray:
    stored = np.lib.format.open_memmap(path, mode="r")  # reads the header, checks the file's length; never unpickles
    if stored.ndim == 3:
        stored = stored.squeeze(axis=0 if stored.shape[0] == 1 else -1)
    if stored.ndim != 2 or stored.dtype.kind not in "fiu":
        raise ViewError(f"depth {path} holds {stored.dtype} of shape {stored.shape}; expected numbers of shape (h, w)")
    _check_size(path, stored.shape)
    return stored


def _read_exr(path: Path) -> np.ndarray:
    with path.open("rb") as file:
        if file.read(4) != _EXR_MAGIC:  # the library would write about it on stderr
            raise ViewError(f"depth {path} is no OpenEXR file; export it again")
    names: list[str] = []
    with OpenEXR.File(str(path), separate_channels=True, header_only=True) as file:
        for part in file.parts:
            first, last = part.header["dataWindow"]
            if not np.array_equal((first, last), part.header["displayWindow"]):
                raise ViewError(f"depth {path} stores a part of its picture only; export the whole picture")
            _check_size(path, (int(last[1]) - int(first[1]) + 1, int(last[0]) - int(first[0]) + 1))
            names += [channel.name for channel in part.header["channels"]]
    name = _depth_channel(names)
    if name is None:
        raise ViewError(f"depth {path} has the channels {sorted(names)}; expected one, or one called Z, Y or R")
    with OpenEXR.File(str(path), separate_channels=True) as file:
        for part in file.parts:
            if name in part.channels:  # the library leaves channels out that it cannot decode
                return part.channels[name].pixels
    raise ViewError(f"depth {path} cannot be read (its pixels are damaged); copy it again or remove it")


def _depth_channel(names: list[str]) -> str | None:
    for wanted in _EXR_CHANNELS:
        found = [name for name in names if name.split(".")[-1] == wanted]
        depth = [name for name in found if "depth" in name.lower()] or found
        if len(depth) == 1:
            return depth[0]
    return names[0] if len(names) == 1 else None
