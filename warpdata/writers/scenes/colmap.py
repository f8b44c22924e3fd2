"""COLMAP: a sparse model as text and binary, dense depth maps, and the pictures, all undistorted pinholes."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
from jaxtyping import Float64

from warpdata.formats.ply import PointCloud
from warpdata.writers.scenes.frames import PointSampler, SceneFrame, SceneFrames, save_image, save_text

PINHOLE = 1
NO_ERROR = -1.0
"""What a point without a reprojection error has in its place."""


def write_colmap(frames: SceneFrames, root: Path) -> None:
    """Write `images/`, `sparse/0/*.txt` and `.bin`, and `stereo/depth_maps/`.

    Points come from the depth maps and have no tracks.
    """
    sampler = PointSampler(len(frames))
    cameras: dict[tuple, int] = {}
    images: list[tuple[int, str, np.ndarray, np.ndarray, int]] = []
    for frame in frames:
        name = f"{frame.name}.jpg"
        save_image(frame.image, root / "images" / name)
        _save_depth(frame, root / "stereo" / "depth_maps" / f"{name}.geometric.bin")
        sampler.add(frame)
        height, width = frame.camera.hw
        camera = cameras.setdefault((width, height, *frame.pinhole), len(cameras) + 1)
        pose = frame.cam_from_world
        images.append((len(images) + 1, name, quaternion(pose[:3, :3]), pose[:3, 3], camera))
    if not images:
        return
    model = root / "sparse" / "0"
    model.mkdir(parents=True)
    _write_text(model, cameras, images, sampler.cloud())
    _write_binary(model, cameras, images, sampler.cloud())


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


def _save_depth(frame: SceneFrame, path: Path) -> None:
    height, width = frame.depth.shape
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(f"{width}&{height}&1&".encode() + frame.depth.numpy().astype("<f4").tobytes())


def _write_text(model: Path, cameras: dict, images: list, points: PointCloud) -> None:
    lines = ["# CAMERA_ID MODEL WIDTH HEIGHT PARAMS[]"]
    for (width, height, *pinhole), number in cameras.items():
        lines.append(f"{number} PINHOLE {width} {height} {_numbers(pinhole)}")
    save_text("\n".join(lines) + "\n", model / "cameras.txt")

    lines = ["# IMAGE_ID QW QX QY QZ TX TY TZ CAMERA_ID NAME"]
    for number, name, rotation, translation, camera in images:
        lines += [f"{number} {_numbers(rotation)} {_numbers(translation)} {camera} {name}", ""]
    save_text("\n".join(lines) + "\n", model / "images.txt")

    lines = ["# POINT3D_ID X Y Z R G B ERROR TRACK[]"]
    for number, (xyz, rgb) in enumerate(zip(points.xyz.tolist(), points.rgb.tolist(), strict=True), 1):
        lines.append(f"{number} {_numbers(xyz)} {rgb[0]} {rgb[1]} {rgb[2]} {NO_ERROR}")
    save_text("\n".join(lines) + "\n", model / "points3D.txt")


def _numbers(values) -> str:
    return " ".join(f"{value:.17g}" for value in values)


def _write_binary(model: Path, cameras: dict, images: list, points: PointCloud) -> None:
    data = bytearray(struct.pack("<Q", len(cameras)))
    for (width, height, *pinhole), number in cameras.items():
        data += struct.pack("<iiQQ4d", number, PINHOLE, width, height, *pinhole)
    (model / "cameras.bin").write_bytes(data)

    data = bytearray(struct.pack("<Q", len(images)))
    for number, name, rotation, translation, camera in images:
        data += struct.pack("<i4d3di", number, *rotation, *translation, camera)
        data += name.encode() + b"\0" + struct.pack("<Q", 0)
    (model / "images.bin").write_bytes(data)

    record = np.dtype(
        [("id", "<u8"), ("xyz", "<f8", 3), ("rgb", "u1", 3), ("error", "<f8"), ("track_length", "<u8")]
    )  # packed, as the file has it
    rows = np.zeros(len(points.xyz), record)
    rows["id"] = np.arange(1, len(rows) + 1)
    rows["xyz"] = points.xyz.numpy()
    rows["rgb"] = points.rgb.numpy()
    rows["error"] = NO_ERROR
    (model / "points3D.bin").write_bytes(struct.pack("<Q", len(rows)) + rows.tobytes())
