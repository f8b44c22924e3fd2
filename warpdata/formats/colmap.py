"""COLMAP's sparse models, as text and binary, and its dense depth maps.

Poses take world to camera in OpenCV axes, as ours do; the first pixel's centre is at (0.5, 0.5). Points that images
saw (tracks) are passed over when reading, and not written.
"""

from __future__ import annotations

import io
import os
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, Float32, Float64, UInt8

NO_ERROR = -1.0
"""What a point without a reprojection error has in its place."""

MAX_NAME_BYTES = 4096
MAX_DEPTH_PIXELS = 400_000_000
MAX_TEXT_LINE = 2**24
"""Longest line of a text model that is read: an image's second line lists every point it saw."""

MODELS = {
    "SIMPLE_PINHOLE": (0, 3),
    "PINHOLE": (1, 4),
    "SIMPLE_RADIAL": (2, 4),
    "RADIAL": (3, 5),
    "OPENCV": (4, 8),
    "OPENCV_FISHEYE": (5, 8),
    "FULL_OPENCV": (6, 12),
    "FOV": (7, 5),
    "SIMPLE_RADIAL_FISHEYE": (8, 4),
    "RADIAL_FISHEYE": (9, 5),
    "THIN_PRISM_FISHEYE": (10, 12),
    "RAD_TAN_THIN_PRISM_FISHEYE": (11, 16),
}
"""Camera model -> its number, and how many parameters it has."""

_NAMES = {number: name for name, (number, _) in MODELS.items()}
_POINT = np.dtype(
    [("id", "<u8"), ("xyz", "<f8", 3), ("rgb", "u1", 3), ("error", "<f8"), ("track_length", "<u8")]
)  # packed, as the file has it


@dataclass(frozen=True)
class ColmapCamera:
    """A camera of a model.

    Attributes:
        model: a key of `MODELS`.
        wh: width and height in pixels.
        parameters: as the model orders them; fx, fy, cx, cy of a PINHOLE.
    """

    model: str
    wh: tuple[int, int]
    parameters: tuple[float, ...]


@dataclass(frozen=True)
class ColmapImage:
    """A picture of a model.

    Attributes:
        name: its path below the folder of pictures.
        cam_from_world: its pose.
        camera: number of its camera.
    """

    name: str
    cam_from_world: Float64[np.ndarray, "4 4"]
    camera: int


@dataclass(frozen=True, kw_only=True)
class ColmapModel:
    """A sparse model.

    Attributes:
        cameras: by number.
        images: by number.
        xyz: points in world coordinates.
        rgb: their colours.
    """

    cameras: dict[int, ColmapCamera]
    images: dict[int, ColmapImage]
    xyz: Float64[np.ndarray, "n 3"]
    rgb: UInt8[np.ndarray, "n 3"]


def write_model_text(model: ColmapModel, folder: Path) -> None:
    """Write `cameras.txt`, `images.txt` and `points3D.txt`; numbers have all their digits."""
    lines = ["# CAMERA_ID MODEL WIDTH HEIGHT PARAMS[]"]
    for number, camera in model.cameras.items():
        lines.append(f"{number} {camera.model} {camera.wh[0]} {camera.wh[1]} {_numbers(camera.parameters)}")
    _save_lines(lines, folder / "cameras.txt")

    lines = ["# IMAGE_ID QW QX QY QZ TX TY TZ CAMERA_ID NAME"]
    for number, image in model.images.items():
        pose = image.cam_from_world
        rotation, translation = _numbers(quaternion(pose[:3, :3])), _numbers(pose[:3, 3])
        lines += [f"{number} {rotation} {translation} {image.camera} {image.name}", ""]
    _save_lines(lines, folder / "images.txt")

    lines = ["# POINT3D_ID X Y Z R G B ERROR TRACK[]"]
    for number, (xyz, rgb) in enumerate(zip(model.xyz.tolist(), model.rgb.tolist(), strict=True), 1):
        lines.append(f"{number} {_numbers(xyz)} {rgb[0]} {rgb[1]} {rgb[2]} {NO_ERROR}")
    _save_lines(lines, folder / "points3D.txt")


def write_model_binary(model: ColmapModel, folder: Path) -> None:
    """Write `cameras.bin`, `images.bin` and `points3D.bin`."""
    data = bytearray(struct.pack("<Q", len(model.cameras)))
    for number, camera in model.cameras.items():
        data += struct.pack("<iiQQ", number, MODELS[camera.model][0], *camera.wh)
        data += struct.pack(f"<{len(camera.parameters)}d", *camera.parameters)
    (folder / "cameras.bin").write_bytes(data)

    data = bytearray(struct.pack("<Q", len(model.images)))
    for number, image in model.images.items():
        pose = image.cam_from_world
        data += struct.pack("<i4d3di", number, *quaternion(pose[:3, :3]), *pose[:3, 3], image.camera)
        data += image.name.encode() + b"\0" + struct.pack("<Q", 0)
    (folder / "images.bin").write_bytes(data)

    rows = np.zeros(len(model.xyz), _POINT)
    rows["id"] = np.arange(1, len(rows) + 1)
    rows["xyz"] = model.xyz
    rows["rgb"] = model.rgb
    rows["error"] = NO_ERROR
    (folder / "points3D.bin").write_bytes(struct.pack("<Q", len(rows)) + rows.tobytes())


def read_model(folder: Path) -> ColmapModel:
    """A sparse model from its binary files, or from its text files where there are none. Points may be missing.

    Raises:
        OSError: a file cannot be read.
        ValueError: one is cut short, promises more than it holds, or has a camera model that is not known.
    """
    try:
        return _read_binary(folder) if (folder / "cameras.bin").exists() else _read_text(folder)
    except (struct.error, IndexError, UnicodeDecodeError, OverflowError) as error:
        raise ValueError(f"{folder} holds no whole COLMAP model ({error})") from error


def encode_depth_map(depth: Float[np.ndarray, "h w"]) -> bytes:
    """A dense depth map (`stereo/depth_maps/*.bin`): planar z in the scene's unit, 0 where there is none."""
    height, width = depth.shape
    return f"{width}&{height}&1&".encode() + depth.astype("<f4").tobytes()


def decode_depth_map(data: bytes) -> Float32[np.ndarray, "h w"]:
    """A dense depth map.

    Raises:
        ValueError: it is none, or it is cut short.
    """
    *words, rest = data.split(b"&", 3)
    if len(words) != 3 or not all(word.isdigit() and len(word) < 10 for word in words):
        raise ValueError("no depth map of COLMAP: expected width&height&channels& at its beginning")
    width, height, channels = map(int, words)
    if channels != 1 or not 0 < width * height <= MAX_DEPTH_PIXELS or len(rest) != 4 * width * height:
        raise ValueError(f"a depth map of {width}x{height}x{channels} does not have {len(rest):,} bytes")
    return np.frombuffer(rest, "<f4").reshape(height, width).astype(np.float32)


def quaternion(rotation: Float64[np.ndarray, "3 3"]) -> Float64[np.ndarray, "4"]:
    """(w, x, y, z) of a rotation matrix, of unit length, w >= 0.

    Of the four ways to solve for it the one with the greatest divisor is taken (Shepperd 1978), so that no rotation
    loses digits.
    """
    m = rotation
    trace = np.trace(m)
    squares = np.array([trace, m[0, 0], m[1, 1], m[2, 2]])
    largest = int(squares.argmax())
    if largest == 0:
        q = np.array([1 + trace, m[2, 1] - m[1, 2], m[0, 2] - m[2, 0], m[1, 0] - m[0, 1]])
    else:
        i = largest - 1
        j, k = (i + 1) % 3, (i + 2) % 3
        q = np.empty(4)
        q[0] = m[k, j] - m[j, k]
        q[1 + i] = 1 + m[i, i] - m[j, j] - m[k, k]
        q[1 + j] = m[j, i] + m[i, j]
        q[1 + k] = m[k, i] + m[i, k]
    q /= np.linalg.norm(q)
    return -q if q[0] < 0 else q


def rotation_matrix(quaternion: Float64[np.ndarray, "4"]) -> Float64[np.ndarray, "3 3"]:
    """The rotation of a quaternion (w, x, y, z), which need not be of unit length.

    Raises:
        ValueError: it is 0 or not finite.
    """
    length = np.linalg.norm(quaternion)
    if not (np.isfinite(length) and length > 0):
        raise ValueError(f"quaternion {quaternion.tolist()} is no rotation")
    w, x, y, z = quaternion / length
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
        ]
    )


def _pose(rotation: Sequence[float], translation: Sequence[float]) -> Float64[np.ndarray, "4 4"]:
    cam_from_world = np.eye(4)
    cam_from_world[:3, :3] = rotation_matrix(np.array(rotation, np.float64))
    cam_from_world[:3, 3] = translation
    return cam_from_world


def _numbers(values: Sequence[float] | Float64[np.ndarray, " n"]) -> str:
    return " ".join(f"{value:.17g}" for value in values)


def _save_lines(lines: list[str], path: Path) -> None:
    path.write_bytes("".join(f"{line}\n" for line in lines).encode())


class _Reader:
    """A binary file whose counts are held against what is left of it before anything is taken into memory."""

    def __init__(self, file: io.BufferedReader):
        self._file = file
        self._length = os.fstat(file.fileno()).st_size

    def take(self, format: str) -> tuple:
        """The next values; `struct.error` where the file ends."""
        return struct.unpack(f"<{format}", self._file.read(struct.calcsize(f"<{format}")))

    def count(self, item_bytes: int) -> int:
        """How many items follow that take at least so many bytes each."""
        (count,) = self.take("Q")
        left = self._length - self._file.tell()
        if count * item_bytes > left:
            raise ValueError(f"{self._file.name}: {count:,} entries are promised, and {left:,} bytes are left")
        return count

    def text(self) -> str:
        """Text up to its zero byte."""
        data = bytearray()
        while (byte := self._file.read(1)) not in (b"\0", b""):
            data += byte
            if len(data) > MAX_NAME_BYTES:
                raise ValueError(f"{self._file.name}: a name of more than {MAX_NAME_BYTES} bytes")
        return data.decode()

    def skip(self, length: int) -> None:
        self._file.seek(length, os.SEEK_CUR)


def _read_binary(folder: Path) -> ColmapModel:
    cameras, images = {}, {}
    with (folder / "cameras.bin").open("rb") as file:
        reader = _Reader(file)
        for _ in range(reader.count(24)):
            number, model, width, height = reader.take("iiQQ")
            if model not in _NAMES:
                raise ValueError(f"{file.name}: camera {number} has the unknown model {model}")
            name = _NAMES[model]
            cameras[number] = ColmapCamera(name, (width, height), reader.take(f"{MODELS[name][1]}d"))
    with (folder / "images.bin").open("rb") as file:
        reader = _Reader(file)
        for _ in range(reader.count(73)):
            number, *pose, camera = reader.take("i4d3di")
            images[number] = ColmapImage(reader.text(), _pose(pose[:4], pose[4:]), camera)
            reader.skip(24 * reader.count(24))  # x, y and the point of everything it saw
    xyz, rgb = [], []
    if (folder / "points3D.bin").exists():
        with (folder / "points3D.bin").open("rb") as file:
            reader = _Reader(file)
            for _ in range(reader.count(_POINT.itemsize)):
                _, *values, _ = reader.take("Q3d3Bd")
                xyz.append(values[:3])
                rgb.append(values[3:])
                reader.skip(8 * reader.count(8))
    return _model(cameras, images, xyz, rgb)


def _read_text(folder: Path) -> ColmapModel:
    cameras, images = {}, {}
    for number, model, width, height, *parameters in _words(folder / "cameras.txt"):
        if model not in MODELS or len(parameters) != MODELS[model][1]:
            raise ValueError(f"{folder / 'cameras.txt'}: camera {number} is {model} {' '.join(parameters)}")
        cameras[int(number)] = ColmapCamera(model, (int(width), int(height)), tuple(map(float, parameters)))
    lines = _lines(folder / "images.txt")
    for line in lines:
        if not line:
            continue
        number, *pose, camera, name = line.split(maxsplit=9)
        images[int(number)] = ColmapImage(
            name, _pose(list(map(float, pose[:4])), list(map(float, pose[4:]))), int(camera)
        )
        next(lines, None)  # everything it saw
    xyz, rgb = [], []
    if (folder / "points3D.txt").exists():
        for _, x, y, z, red, green, blue, *_ in _words(folder / "points3D.txt"):
            xyz.append((float(x), float(y), float(z)))
            rgb.append((int(red), int(green), int(blue)))
    return _model(cameras, images, xyz, rgb)


def _lines(path: Path) -> Iterator[str]:
    """Lines of a text file but for comments; those that are empty count, for an image may have seen nothing."""
    with path.open(encoding="utf-8") as file:
        while line := file.readline(MAX_TEXT_LINE):
            if len(line) == MAX_TEXT_LINE:
                raise ValueError(f"{path}: a line of more than {MAX_TEXT_LINE:,} characters")
            if not line.startswith("#"):
                yield line.strip()


def _words(path: Path) -> Iterator[list[str]]:
    return (line.split() for line in _lines(path) if line)


def _model(cameras: dict, images: dict, xyz: list, rgb: list) -> ColmapModel:
    for image in images.values():
        if image.camera not in cameras:
            raise ValueError(f"image {image.name} has the camera {image.camera}, which the model lacks")
    return ColmapModel(
        cameras=cameras,
        images=images,
        xyz=np.array(xyz, np.float64).reshape(-1, 3),
        rgb=np.array(rgb, np.uint8).reshape(-1, 3),
    )
