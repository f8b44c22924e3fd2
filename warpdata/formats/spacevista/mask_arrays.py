"""Masks of objects in `.npy`: truth values, numbers of objects, or a channel an object. Nothing is unpickled."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Bool

from warpdata.formats.npy import open_npy

FEW_CHANNELS = 16
"""The first axis holds the channels when it is shorter than this and differs from the second."""

MAX_ELEMENTS = 2**30
"""Most elements of an array that is read."""

CONVERT = (
    "it is pickled Python, which can run code and is not read; where you trust it, load it elsewhere and save the "
    "array with numpy.save(path, mask.astype(numpy.uint8))"
)


def read_object_mask(path: Path, object_ids: Sequence[int] | Sequence[bool] | None = None) -> Bool[np.ndarray, "h w"]:
    """Where the objects asked for are.

    Truth values (h, w); whole numbers (h, w), 0 for none; or channels (h, w, k) or (k, h, w), behind any number of axes
    of length 1.

    Args:
        path: of a `.npy`.
        object_ids: numbers of objects, or of channels; or a truth value for each channel. None for all.

    Raises:
        ValueError: it is pickled, damaged, too large, of another shape, or has no such object.
        OSError: it cannot be read.
    """
    if path.suffix.lower() != ".npy":
        raise ValueError(CONVERT if path.suffix.lower() in (".pkl", ".pickle") else f"{path.name} is no .npy")
    try:
        array = open_npy(path)
    except ValueError as error:
        raise ValueError(CONVERT if "object" in str(error).lower() else str(error)) from error
    except EOFError as error:
        raise ValueError(f"it ends too early ({error})") from error
    if array.size > MAX_ELEMENTS:
        raise ValueError(f"it has {array.size:,} elements, more than the {MAX_ELEMENTS:,} that are read")
    if array.dtype.kind not in "bui":
        raise ValueError(f"it holds {array.dtype}, neither truth values nor whole numbers")
    while array.ndim > 2 and array.shape[0] == 1:
        array = array[0]
    if array.ndim == 3 and array.shape[-1] == 1:
        array = array[..., 0]
    if array.ndim == 2:
        return _of_numbers(array, object_ids)
    if array.ndim == 3:
        return _of_channels(_channels_first(array), object_ids)
    raise ValueError(f"its shape is {array.shape}: expected (h, w), (h, w, k) or (k, h, w)")


def _of_numbers(array: np.ndarray, object_ids: Sequence[int] | Sequence[bool] | None) -> Bool[np.ndarray, "h w"]:
    if object_ids is None or array.dtype.kind == "b":
        return array != 0
    if all(isinstance(one, bool) for one in object_ids):
        if len(object_ids) != 1:
            raise ValueError(f"{len(object_ids)} truth values choose among channels, and it has none")
        return (array != 0) & bool(object_ids[0])
    found = np.isin(array, [one for one in object_ids if one != 0])
    if not found.any():
        raise ValueError(f"it holds none of the objects {', '.join(map(str, object_ids))}")
    return found


def _channels_first(array: np.ndarray) -> np.ndarray:
    first, second, last = array.shape
    if first < FEW_CHANNELS and first != second:
        return array
    if first < FEW_CHANNELS and last < FEW_CHANNELS:
        raise ValueError(f"its shape {array.shape} does not tell which axis holds the objects")
    return np.moveaxis(array, -1, 0)


def _of_channels(array: np.ndarray, object_ids: Sequence[int] | Sequence[bool] | None) -> Bool[np.ndarray, "h w"]:
    count = len(array)
    if object_ids is None:
        chosen: Sequence[int] = range(count)
    elif all(isinstance(one, bool) for one in object_ids):
        if len(object_ids) != count:
            raise ValueError(f"{len(object_ids)} truth values choose among {count} channels")
        chosen = [number for number, one in enumerate(object_ids) if one]
    else:
        chosen = [int(one) for one in object_ids]
        if any(not 0 <= one < count for one in chosen):
            raise ValueError(f"it has channels 0 to {count - 1}, and not all of {', '.join(map(str, object_ids))}")
    found = np.zeros(array.shape[1:], dtype=bool)
    for number in chosen:
        found |= array[number] != 0
    return found
