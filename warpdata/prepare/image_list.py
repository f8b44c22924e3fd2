"""Lists of MegaDepth photographs: from the published `.npz`, which is a pickle, to JSON without running what it says.

The file is one array of no dimensions and of objects: a dictionary of (scene, sub-scene) to file names. It is read with
an unpickler that knows the three names such an array is made of and refuses all others.
"""

from __future__ import annotations

import csv
import io
import pickle
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from warpdata.errors import SourceError
from warpdata.files.bounded_json import dump_json, read_json, read_text

MAX_BYTES = 256 * 2**20
"""Unpacked; larger lists are not read."""
MAX_NAMES = 10_000_000
MEMBER = "data.npy"

ARRAY_NAMES = {
    ("numpy.core.multiarray", "_reconstruct"),
    ("numpy._core.multiarray", "_reconstruct"),
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
}
"""What an array of objects names in its pickle, by old and new versions of NumPy."""


@dataclass(frozen=True, kw_only=True)
class SubScene:
    """Photographs of one sub-scene, by file name."""

    scene: str
    subscene: str
    images: tuple[str, ...]


def read_image_list(path: Path) -> tuple[SubScene, ...]:
    """A list from `.json`, `.csv` (scene, subscene, image) or the published `.npz`.

    Raises:
        SourceError: it is none of these, holds something else, or is too large.
        OSError: it cannot be read.
    """
    readers = {".json": _from_json, ".csv": _from_csv, ".npz": _from_npz}
    if path.suffix.lower() not in readers:
        raise SourceError(f"{path} is not a list of images: .json, .csv and .npz are read")
    try:
        rows = readers[path.suffix.lower()](path)
        return tuple(_checked(rows))
    except (ValueError, KeyError, TypeError) as error:
        raise SourceError(f"{path} is not a list of images: {error}") from error


def image_list_json(scenes: Iterable[SubScene]) -> str:
    """The list as JSON, the form that everything else reads."""
    rows = [{"scene": one.scene, "subscene": one.subscene, "images": list(one.images)} for one in scenes]
    return dump_json({"version": 1, "scenes": rows}, indent=1) + "\n"


Rows = Iterable[tuple[Any, Any, Any]]
"""Scene, sub-scene and names, not yet checked."""


def _checked(rows: Rows) -> Iterable[SubScene]:
    count = 0
    for scene, subscene, images in rows:
        if not isinstance(images, list | tuple):
            raise ValueError(f"the names of {scene!r}, {subscene!r} are {type(images).__name__}, not a list")
        count += len(images)
        if count > MAX_NAMES:
            raise ValueError(f"it has more than {MAX_NAMES:,} names")
        for name in (scene, subscene, *images):
            if type(name) is not str or not name or "/" in name or "\\" in name or name in (".", "..") or "\0" in name:
                raise ValueError(f"{name!r} is not the name of a scene or a file")
        yield SubScene(scene=scene, subscene=subscene, images=tuple(images))


def _from_json(path: Path) -> Rows:
    content = read_json(path)
    if not isinstance(content, dict) or content.get("version") != 1 or not isinstance(content.get("scenes"), list):
        raise ValueError("it has no `version` 1 and list `scenes`")
    return [(row["scene"], row["subscene"], row["images"]) for row in content["scenes"]]


def _from_csv(path: Path) -> Rows:
    reader = csv.DictReader(io.StringIO(read_text(path)), strict=True)
    if reader.fieldnames != ["scene", "subscene", "image"]:
        raise ValueError(f"its first line is {reader.fieldnames}, expected scene,subscene,image")
    found: dict[tuple[str, str], list[str]] = {}
    for row in reader:
        found.setdefault((row["scene"], row["subscene"]), []).append(row["image"])
    return [(*key, images) for key, images in found.items()]


def _from_npz(path: Path) -> Rows:
    try:
        with zipfile.ZipFile(path) as archive:
            member = archive.getinfo(MEMBER)
            if member.file_size > MAX_BYTES:
                raise ValueError(f"it unpacks to {member.file_size:,} bytes, more than {MAX_BYTES:,}")
            with archive.open(member) as file:
                data = file.read(MAX_BYTES + 1)
    except (zipfile.BadZipFile, KeyError, NotImplementedError, RuntimeError) as error:
        raise ValueError(f"it is no archive with {MEMBER} ({error})") from error
    if len(data) > MAX_BYTES:
        raise ValueError(f"it unpacks to more than {MAX_BYTES:,} bytes")
    stream = io.BytesIO(data)
    version = np.lib.format.read_magic(stream)
    readers = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    if version not in readers:
        raise ValueError(f"its array is of version {version}")
    shape, _, dtype = readers[version](stream)
    if shape != () or dtype != np.dtype(object):
        raise ValueError(f"its array is {dtype} of shape {list(shape)}, expected one object")
    try:
        value = _ArrayUnpickler(stream).load()
    except (pickle.UnpicklingError, EOFError, MemoryError, AttributeError, IndexError, RecursionError) as error:
        raise ValueError(f"it is not read any further: {error}") from error
    if isinstance(value, np.ndarray) and value.shape == () and value.dtype == np.dtype(object):
        value = value.item()
    if not isinstance(value, dict):
        raise ValueError(f"it holds {type(value).__name__}, expected a dictionary")
    for key in value:
        if not isinstance(key, tuple) or len(key) != 2:
            raise ValueError(f"its key {key!r} is not a scene and a sub-scene")
    return [(*key, images) for key, images in value.items()]


class _ArrayUnpickler(pickle.Unpickler):
    """Knows arrays of objects, and refuses whatever else a pickle may name."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in ARRAY_NAMES:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}, which a list of names does not need")
        return _empty_array if name == "_reconstruct" else getattr(np, name)

    def persistent_load(self, pid: Any) -> NoReturn:
        raise pickle.UnpicklingError("it asks for an object from outside")


def _empty_array(kind: type, shape: Any, typecode: Any) -> np.ndarray:
    """NumPy's `_reconstruct`, for the empty arrays that are filled afterwards alone: another could be of any size."""
    if kind is not np.ndarray or shape not in ((0,), ()):
        raise pickle.UnpicklingError(f"it asks for an array of shape {shape!r}")
    return np.ndarray(shape, dtype=object if shape == () else np.int8)
