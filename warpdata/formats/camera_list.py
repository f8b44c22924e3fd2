"""Lists of cameras without pictures, in nerfstudio's keys: those to render, and those that were rendered.

A list is a `transforms.json` whose frames need no `file_path`; intrinsics may be missing, in all frames or in some.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from warpdata.camera import Camera, check_camera
from warpdata.errors import SceneError, ViewError, grouped_reasons
from warpdata.files.bounded_json import dump_json, read_json
from warpdata.formats.axes import flip_camera_axes
from warpdata.formats.intrinsics import pinhole_json, share_intrinsics
from warpdata.formats.transforms import Entry, transforms_of
from warpdata.lens import LensError

MAX_CAMERAS = 100_000
"""Longer lists are refused."""

FILE_NAME = re.compile(r"[\w][\w. -]{0,199}")
"""Names of cameras that name files."""


def read_cameras(file: Path, like: Camera) -> list[Camera]:
    """All cameras of a list, in its order; one that cannot be used fails the list.

    Args:
        like: whose intrinsics and size those frames have that state no focal length.

    Raises:
        ValueError: the file is no such list, or one of its cameras cannot be used.
    """
    return [camera for _, camera in _read(file, like, "opengl")]


def read_named_cameras(file: Path) -> dict[str, Camera]:
    """The cameras of a list in WAI's manner: OpenCV axes unless it says else, each frame with its intrinsics.

    Names are `frame_name`, or else the stem of `file_path`, or else the frame's number.

    Raises:
        ValueError: the file is no such list, one of its cameras cannot be used, or two have one name.
    """
    cameras: dict[str, Camera] = {}
    for number, (frame, camera) in enumerate(_read(file, None, "opencv")):
        path = frame.get("file_path")
        name = frame.get("frame_name", PurePosixPath(path).stem if isinstance(path, str) else f"{number:06d}")
        if not isinstance(name, str) or not FILE_NAME.fullmatch(name):
            raise ValueError(f"{file}: frame {number} is named {name!r:.80}, which can name no file")
        if name in cameras:
            raise ValueError(f"{file}: two frames are named {name!r}; give each a frame_name of its own")
        cameras[name] = camera
    return cameras


def _read(
    file: Path, like: Camera | None, axes: Literal["opengl", "opencv"]
) -> Iterator[tuple[dict[str, Any], Camera]]:
    try:
        content = read_json(file)
    except (OSError, ValueError) as error:
        raise ValueError(f"the cameras in {file} cannot be read: {error}") from error
    frames = content.get("frames") if isinstance(content, dict) else None
    if not (isinstance(frames, list) and 0 < len(frames) <= MAX_CAMERAS):
        found = f"{len(frames):,}" if isinstance(frames, list) else "none"
        raise ValueError(
            f"{file} is not a list of cameras: expected an object with 1 to {MAX_CAMERAS:,} frames, each with a "
            f"transform_matrix, as in a transforms.json; found {found}"
        )
    numbered = [
        {**frame, "file_path": f"frame {number}"} if isinstance(frame, dict) else frame
        for number, frame in enumerate(frames)
    ]
    try:
        entries = transforms_of({"camera_convention": axes, **content, "frames": numbered}, file)
    except SceneError as error:
        raise ValueError(str(error)) from error
    found, refused = [], dict(entries.left_out)
    for entry in entries.entries:
        try:
            found.append((frames[entry.number], _camera(entry, like)))
        except ViewError as error:
            refused[entry.name] = str(error)
    if refused:
        raise ValueError(f"{file} holds cameras that cannot be used: {grouped_reasons(refused)}")
    yield from found


def _camera(entry: Entry, like: Camera | None) -> Camera:
    """The camera of an entry; where it states a distorted lens, the pinhole inside, which scenes are read through.

    Raises:
        ViewError: it cannot be used.
    """
    if like is None and entry.hw is None:
        raise ViewError("it has no w and h, so the size of its picture is not known")
    if like is not None and not {"fl_x", "camera_angle_x"} & entry.values.keys():
        camera = replace(like, cam_from_world=entry.cam_from_world)
        if (problem := check_camera(camera)) is not None:
            raise ViewError(f"its camera cannot be used: {problem}")
        return camera
    hw = entry.hw or like.hw
    camera, lens = entry.camera(hw), entry.lens(hw)
    if lens.is_pinhole:
        return camera
    try:
        inside = lens.undistortion
    except LensError as error:
        raise ViewError(f"its lens cannot be used: {error}") from error
    return replace(camera, K=inside.K, hw=inside.hw)


def cameras_text(cameras: Sequence[Camera], entries: Sequence[dict[str, Any]], about: dict[str, Any]) -> str:
    """The text of a list of cameras: camera to world in OpenGL axes, no distortion.

    Args:
        entries: what else each frame says, such as the path of its picture.
        about: what else the list says.
    """
    poses = [flip_camera_axes(camera.world_from_cam.numpy()).tolist() for camera in cameras]
    frames = [{**entry, "transform_matrix": pose} for entry, pose in zip(entries, poses, strict=True)]
    intrinsics = [pinhole_json(camera.K.numpy(), camera.hw) for camera in cameras]
    shared, frames = share_intrinsics(intrinsics, frames)
    return dump_json({"camera_model": "PINHOLE", **about, **shared, "frames": frames}, indent=1) + "\n"
