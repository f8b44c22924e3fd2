"""Any raster that people keep side by side: pictures, tiles of heights, depth maps; its values, and how it looks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Shaped, UInt8
from PIL import Image
from torch import Tensor

from warpdata.config import MAX_IMAGE_PIXELS
from warpdata.errors import ViewError
from warpdata.formats.exr import read_depth_exr
from warpdata.formats.geotiff import METRES_OF_UNIT, open_raster, read_bands, read_heights, unit_of
from warpdata.formats.npy import open_npy
from warpdata.sources.decode import load_image
from warpdata.sources.picture_names import is_image_name

STRETCH = (2.0, 98.0)
"""Percentiles of what is no picture that become black and white."""

ARRAY_SUFFIXES = (".npy", ".exr")
GROUND_SUFFIXES = (".tif", ".tiff")


@dataclass(frozen=True, kw_only=True)
class Raster:
    """A raster in memory.

    Attributes:
        values: of every pixel, as the file means them.
        valid: where there is a value.
        unit: of the values: "m", or "" where it is not known or they are colours.
        shown: what it looks like; values that are no colours are stretched between their percentiles.
    """

    values: Shaped[np.ndarray, "bands h w"]
    valid: Bool[np.ndarray, "h w"]
    unit: str
    shown: UInt8[Tensor, "3 h w"]

    @property
    def hw(self) -> tuple[int, int]:
        """Height and width."""
        return self.values.shape[1], self.values.shape[2]

    def says(self, x: int, y: int) -> str:
        """A pixel's value in words."""
        if not self.valid[y, x]:
            return "no data"
        values = self.values[:, y, x].tolist()
        if self.values.dtype == np.uint8:
            return ("RGB " if len(values) == 3 else "") + " ".join(map(str, values))
        written = " ".join(f"{value:.6g}" for value in values)
        return f"{written} {self.unit}".strip()


def is_raster_name(name: str) -> bool:
    """Whether a file name is that of a raster that can be shown. Hidden files are none."""
    return is_image_name(name) or (not name.startswith(".") and Path(name).suffix.lower() in ARRAY_SUFFIXES)


def read_raster(path: Path) -> Raster:
    """A raster from its file; sizes are checked before memory is taken, and nothing is unpickled.

    Raises:
        ViewError: it is missing, damaged, too large, or of a kind that is not shown.
    """
    readers: dict[str, Callable[[Path], Raster]] = {".npy": _read_npy, ".exr": _read_exr, ".png": _read_png}
    readers |= dict.fromkeys(GROUND_SUFFIXES, _read_tiff)
    read = readers.get(path.suffix.lower(), _read_picture)
    try:
        return read(path)
    except ViewError:
        raise
    except Exception as error:  # readers raise anything on damaged files
        raise ViewError(f"{path} cannot be read ({error}); copy it again or remove it") from error


def _read_picture(path: Path) -> Raster:
    shown = load_image(path)
    return Raster(values=shown.numpy(), valid=np.ones(shown.shape[1:], bool), unit="", shown=shown)


def _read_png(path: Path) -> Raster:
    with Image.open(path, formats=("PNG",)) as image:
        wide = image.mode.startswith("I")
        _check_size(path, (image.height, image.width))
        if wide:
            values = np.array(image)[None]
            return _stretched(values, np.ones(values.shape[1:], bool))
    return _read_picture(path)


def _read_tiff(path: Path) -> Raster:
    try:
        with open_raster(path) as dataset:
            bands, kind = dataset.count, np.dtype(dataset.dtypes[0])
            is_picture = kind == np.uint8
            in_metres = bands == 1 and not is_picture and (dataset.units[0] or "m").strip().lower() in METRES_OF_UNIT
            if in_metres:
                unit_of(dataset)
                heights = read_heights(dataset)
    except ImportError:
        return _read_picture(path)
    if is_picture:
        return _read_picture(path)
    if in_metres:
        return _stretched(heights[None], np.isfinite(heights), "m")
    found = read_bands(path)
    return _stretched(found.values, found.valid)


def _read_npy(path: Path) -> Raster:
    stored = open_npy(path)
    if stored.ndim == 3 and stored.shape[-1] in (1, 3) and stored.shape[0] not in (1, 3):
        stored = np.moveaxis(stored, -1, 0)
    stored = stored[None] if stored.ndim == 2 else stored
    if stored.ndim != 3 or len(stored) not in (1, 3) or stored.dtype.kind not in "fiu":
        raise ViewError(f"{path} holds {stored.dtype} of shape {stored.shape}; shown are (h, w) and (h, w, 3)")
    _check_size(path, stored.shape[1:])
    values = np.array(stored)
    valid = np.isfinite(values).all(0)
    if values.dtype == np.uint8 and len(values) == 3:
        return Raster(values=values, valid=valid, unit="", shown=torch.from_numpy(values))
    return _stretched(values, valid)


def _read_exr(path: Path) -> Raster:
    depth = read_depth_exr(path, lambda hw: _check_size(path, hw))
    return _stretched(depth[None], np.isfinite(depth) & (depth > 0))


def _check_size(path: Path, hw: tuple[int, ...]) -> None:
    if min(hw) < 1 or hw[0] * hw[1] > MAX_IMAGE_PIXELS:
        raise ViewError(f"{path} says it is {hw[1]}x{hw[0]} pixels; 1 to {MAX_IMAGE_PIXELS:,} are allowed")


def _stretched(values: Shaped[np.ndarray, "bands h w"], valid: Bool[np.ndarray, "h w"], unit: str = "") -> Raster:
    """Grey, or colour of the first three bands, between percentiles of all of them; black where there is no value."""
    bands = values[:3] if len(values) >= 3 else values[:1]
    known = bands[:, valid].astype(np.float64)
    low, high = np.percentile(known, STRETCH) if known.size else (0.0, 1.0)
    with np.errstate(invalid="ignore", over="ignore"):
        levels = np.clip((bands.astype(np.float64) - low) / max(high - low, 1e-12), 0, 1)
    levels = np.where(valid, np.nan_to_num(levels) * 254 + 1, 0).astype(np.uint8)
    shown = torch.from_numpy(np.broadcast_to(levels, (3, *levels.shape[1:])).copy())
    return Raster(values=values, valid=valid, unit=unit, shown=shown)
