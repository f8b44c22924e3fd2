"""Sparse models read: every count is held against the length of its file before memory is taken."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from jaxtyping import Int64, UInt8

from warpdata.files.tree import file_numbers, is_file, open_file, read_file
from warpdata.formats.colmap.model import MODELS, POINT, ColmapCamera, ColmapModel, ColmapPoints, Kind, ModelFiles

MAX_NAME_BYTES = 4096
MAX_TEXT_LINE = 2**24
"""Longest line of a text model that is read: an image's second line lists every point it saw."""

SUFFIXES: dict[Kind, str] = {"binary": ".bin", "text": ".txt"}
"""Binary files first: where a model is there as both, these are read, as COLMAP does."""

_NAMES = {number: name for name, (number, _) in MODELS.items()}
_TRACK = np.dtype([("image", "<i4"), ("point2D", "<i4")])
_LENGTH_AT = POINT.itemsize - 8


def kinds_in(folder: Path) -> list[Kind]:
    """As what a sparse model lies in a folder; empty where none does."""
    return [
        kind
        for kind, suffix in SUFFIXES.items()
        if all(is_file(folder / f"{part}{suffix}") for part in ("cameras", "images"))
    ]


def read_files(folder: Path, kind: Kind) -> ModelFiles:
    """Cameras and pictures of a sparse model; no points.

    Raises:
        OSError: a file cannot be read.
        ValueError: one is cut short, promises more than it holds, or has a camera model that is not known.
    """
    try:
        return (_binary_files if kind == "binary" else _text_files)(folder)
    except (struct.error, IndexError, OverflowError) as error:
        raise ValueError(f"{folder} holds no whole COLMAP model ({error})") from error


def read_points(file: Path) -> ColmapPoints:
    """The points of a model, from its `points3D.bin` or `points3D.txt`.

    Raises:
        OSError: it cannot be read.
        ValueError: it is cut short, or promises more than it holds.
    """
    try:
        return (_binary_points if file.suffix == ".bin" else _text_points)(file)
    except (struct.error, IndexError, OverflowError) as error:
        raise ValueError(f"{file} is of no whole COLMAP model ({error})") from error


def read_model(folder: Path) -> ColmapModel:
    """A sparse model from its binary files, or from its text files where there are none. Points may be missing.

    Raises:
        OSError: a file cannot be read.
        ValueError: one is damaged, or says of a picture what cannot be.
    """
    kind = next(iter(kinds_in(folder)), "text")
    files = read_files(folder, kind)
    if files.broken:
        raise ValueError(f"{folder}: image {files.broken[0].name}: {files.broken[0].reason}")
    there = folder / f"points3D{SUFFIXES[kind]}"
    points = read_points(there) if is_file(there) else _points([], [], [], [])
    return ColmapModel(cameras=files.cameras, images=files.images, xyz=points.xyz, rgb=points.rgb)


class _Reader:
    """A binary file whose counts are held against what is left of it before anything is taken into memory."""

    def __init__(self, file: io.BufferedIOBase, path: Path):
        self._file, self._path = file, path
        self._length = file_numbers(path).size

    def take(self, format: str) -> tuple:
        """The next values; `struct.error` where the file ends."""
        return struct.unpack(f"<{format}", self._file.read(struct.calcsize(f"<{format}")))

    def count(self, item_bytes: int) -> int:
        """How many items follow that take at least so many bytes each."""
        (count,) = self.take("Q")
        _check_promise(self._path, count, item_bytes, self._length - self._file.tell())
        return count

    def text(self) -> str:
        """Text up to its zero byte."""
        data = bytearray()
        while (byte := self._file.read(1)) not in (b"\0", b""):
            data += byte
            if len(data) > MAX_NAME_BYTES:
                raise ValueError(f"{self._path}: a name of more than {MAX_NAME_BYTES} bytes")
        return data.decode(errors="backslashreplace")  # such a name costs its view, not the scene

    def skip(self, length: int) -> None:
        self._file.seek(length, io.SEEK_CUR)


def _check_promise(file: str | Path, count: int, item_bytes: int, left: int) -> None:
    if count * item_bytes > left:
        raise ValueError(f"{file}: {count:,} entries are promised, and {left:,} bytes are left")


def _binary_files(folder: Path) -> ModelFiles:
    cameras: dict[int, ColmapCamera] = {}
    with open_file(folder / "cameras.bin") as file:
        reader = _Reader(file, folder / "cameras.bin")
        for _ in range(reader.count(24)):
            number, model, width, height = reader.take("iiQQ")
            if model not in _NAMES:
                raise ValueError(f"{file.name}: camera {number} has the unknown model {model}; {_known_models()}")
            name = _NAMES[model]
            cameras[number] = ColmapCamera(name, (width, height), reader.take(f"{MODELS[name][1]}d"))
    files = ModelFiles(cameras=cameras, images={})
    with open_file(folder / "images.bin") as file:
        reader = _Reader(file, folder / "images.bin")
        for _ in range(reader.count(73)):
            number, *numbers, camera = reader.take("i4d3di")
            files.add(number, reader.text(), numbers[:4], numbers[4:], camera)
            reader.skip(24 * reader.count(24))  # x, y and the point of everything it saw
    return files


def _binary_points(path: Path) -> ColmapPoints:
    """A walk along the file finds where each point begins; then columns are taken out of it, all points at once."""
    if (length := file_numbers(path).size) < 8:
        raise ValueError(f"{path} is of no whole COLMAP model: it has {length} bytes")
    buffer = read_file(path)
    data = np.frombuffer(buffer, np.uint8)
    (count,) = struct.unpack_from("<Q", buffer)
    _check_promise(path, count, POINT.itemsize, len(data) - 8)
    starts, lengths = np.empty(count, np.int64), np.empty(count, np.int64)
    start, length_at = 8, struct.Struct("<Q").unpack_from
    for index in range(count):
        (length,) = length_at(buffer, start + _LENGTH_AT)
        end = start + POINT.itemsize + 8 * length
        if end > len(data):
            raise ValueError(f"{path}: {length:,} images of point {index + 1} are promised, and the file ends")
        starts[index], lengths[index] = start, length
        start = end
    if not count:
        return _points([], [], [], [])
    rows = _taken(data, starts, POINT)
    before = np.cumsum(lengths) - lengths
    in_track = np.arange(lengths.sum()) - np.repeat(before, lengths)
    tracks = _taken(data, np.repeat(starts + POINT.itemsize, lengths) + 8 * in_track, _TRACK)
    return _points(rows["xyz"], rows["rgb"], np.repeat(np.arange(count), lengths), tracks["image"])


def _taken(data: UInt8[np.ndarray, " bytes"], starts: Int64[np.ndarray, " n"], row: np.dtype) -> np.ndarray:
    """The rows that begin at some places of a file."""
    if not len(starts):
        return np.empty(0, row)
    return np.lib.stride_tricks.sliding_window_view(data, row.itemsize)[starts].view(row)[:, 0]


def _text_files(folder: Path) -> ModelFiles:
    cameras: dict[int, ColmapCamera] = {}
    path = folder / "cameras.txt"
    for line in _lines(path):
        if not line:
            continue
        number, model, width, height, *parameters = _words(path, line, 4)
        if model not in MODELS:
            raise ValueError(f"{path}: camera {number} has the unknown model {model}; {_known_models()}")
        if len(parameters) != MODELS[model][1]:
            raise ValueError(
                f"{path}: camera {number} has {len(parameters)} parameters, {model} has {MODELS[model][1]}"
            )
        cameras[int(number)] = ColmapCamera(model, (int(width), int(height)), tuple(map(float, parameters)))
    files = ModelFiles(cameras=cameras, images={})
    path = folder / "images.txt"
    lines = _lines(path)
    for line in lines:
        if not line:
            continue
        number, *numbers, camera, name = _words(path, line, 10, at_most=10)
        pose = [float(word) for word in numbers]
        files.add(int(number), name, pose[:4], pose[4:], int(camera))
        seen = next(lines, "").rsplit(maxsplit=1)  # x, y and the point of everything it saw
        if seen and not seen[-1].lstrip("-").isdigit():
            raise ValueError(
                f"{path}: the line after that of {name} does not list the points it saw; every image has two lines, of "
                "which the second may be empty"
            )
    return files


def _text_points(path: Path) -> ColmapPoints:
    xyz, rgb, track_point, track_image = [], [], [], []
    for line in _lines(path):
        if not line:
            continue
        words = _words(path, line, 8)
        images = words[8::2]
        track_point += [len(xyz)] * len(images)
        track_image += [int(word) for word in images]
        xyz.append([float(word) for word in words[1:4]])
        rgb.append([int(word) for word in words[4:7]])
    return _points(xyz, rgb, track_point, track_image)


def _lines(path: Path) -> Iterator[str]:
    """Lines of a text file but for comments; those that are empty count, for an image may have seen nothing."""
    with io.TextIOWrapper(open_file(path), encoding="utf-8-sig", errors="backslashreplace") as file:
        while line := file.readline(MAX_TEXT_LINE):
            if len(line) == MAX_TEXT_LINE:
                raise ValueError(f"{path}: a line of more than {MAX_TEXT_LINE:,} characters")
            if not line.startswith("#"):
                yield line.strip()


def _words(path: Path, line: str, at_least: int, *, at_most: int = 0) -> list[str]:
    words = line.split(maxsplit=at_most - 1)
    if len(words) < at_least:
        raise ValueError(f"{path}: a line has {len(words)} words, expected {at_least}: {line:.80}")
    return words


def _points(xyz, rgb, track_point, track_image) -> ColmapPoints:
    return ColmapPoints(
        xyz=np.array(xyz, np.float64).reshape(-1, 3),
        rgb=np.array(rgb, np.uint8).reshape(-1, 3),
        track_point=np.array(track_point, np.int64),
        track_image=np.array(track_image, np.int64),
    )


def _known_models() -> str:
    return f"known are {', '.join(MODELS)}"
