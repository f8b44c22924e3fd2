"""Cameras, depth and masks from nerfstudio's `transforms.json`, as its readers understand it.

`transform_matrix` takes camera to world, with OpenGL axes (y up, z backward) unless `camera_convention` is `opencv`.
Intrinsics stand at the top or in the frames, which win. `applied_transform` moved the world before the matrices were
written; as any world frame will do, it is not needed. `applied_scale` shrank the poses but not the depth files, so
their unit is multiplied by it. Depth in whole numbers (PNG, `.npy` of integers) is in millimetres unless
`depth_unit_scale_factor` says otherwise; depth in floats (`.npy`, EXR) is in scene units unless it does.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch

from warpdata.camera import Camera, check_camera, invert_rigid
from warpdata.errors import SceneError, ViewError
from warpdata.files.bounded_json import read_json
from warpdata.files.paths import check_inside, resolve_inside
from warpdata.formats.npy import holds_whole_numbers
from warpdata.sources.decode import image_size, orientation
from warpdata.sources.orientation import undecided
from warpdata.sources.picture_names import IMAGE_SUFFIXES
from warpdata.sources.scene import DepthFile

TRANSFORMS_FILE = "transforms.json"

_MILLIMETRE = 0.001
_OPENCV_FROM_OPENGL = torch.diag(torch.tensor([1.0, -1.0, -1.0, 1.0], dtype=torch.float64))

_PERSPECTIVE_MODELS = frozenset(
    {"PINHOLE", "SIMPLE_PINHOLE", "SIMPLE_RADIAL", "RADIAL", "OPENCV", "FULL_OPENCV", "PERSPECTIVE"}
)
"""Camera models that are a pinhole when all their distortion coefficients are 0."""
_DISTORTION_KEYS = ("k1", "k2", "k3", "k4", "k5", "k6", "p1", "p2", "distortion_params")

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Frame:
    """One usable entry of the file: like a `View`, but without a name."""

    path: Path
    camera: Camera
    depth: DepthFile | None
    mask: Path | None


@dataclass(frozen=True, kw_only=True)
class Transforms:
    """What the file says.

    Attributes:
        frames: in the order of the file.
        left_out: `file_path` of the other entries -> why they cannot be used.
        scale: metric only where the file says so (`scale_type`).
        license: the file's own `license`, if it has one.
    """

    frames: list[Frame]
    left_out: dict[str, str]
    scale: Literal["metric", "arbitrary"]
    license: str | None


def read_transforms(root: Path, image_folder: Path) -> Transforms:
    """Read the scene's `transforms.json`. Opens no image, except the headers of those whose size it does not give.

    Args:
        root: the scene's folder, resolved.
        image_folder: where images are looked for by their base name when they are not where the file says.

    Raises:
        SceneError: the file is no such JSON, or describes lenses other than an ideal pinhole for all frames.
    """
    file = root / TRANSFORMS_FILE
    content = _read_json(file)
    entries = content.pop("frames", None)
    if not isinstance(entries, list):
        raise SceneError(f"{file} has no list called frames; export it again, or remove it to use the images alone")
    try:
        _check_lens(content)
    except ViewError as error:
        raise SceneError(f"{file}: {error}") from error

    frames: dict[Path, Frame] = {}
    left_out: dict[str, str] = {}
    for number, entry in enumerate(entries):
        name = _entry_name(entry, number)
        try:
            if not isinstance(entry, dict):
                raise ViewError(f"expected an object, found {entry!r:.80}")
            frame = _read_frame(root, image_folder, {**content, **entry})
            if frame.path in frames:
                raise ViewError("its image is listed more than once; the first entry is used")
            frames[frame.path] = frame
        except (OSError, ViewError) as error:
            left_out[name if name not in left_out else f"{name} (entry {number})"] = str(error)
    return Transforms(
        frames=list(frames.values()),
        left_out=left_out,
        scale="metric" if content.get("scale_type") == "metric" else "arbitrary",
        license=content["license"] if isinstance(content.get("license"), str) else None,
    )


def _read_json(file: Path) -> dict[str, Any]:
    try:
        content = read_json(file)
    except (OSError, ValueError) as error:
        raise SceneError(
            f"{file} cannot be read as JSON ({error}); repair it, or remove it to use the images alone"
        ) from error
    if not isinstance(content, dict):
        raise SceneError(f"{file} holds {type(content).__name__}, expected an object; export it again")
    return content


def _entry_name(entry: Any, number: int) -> str:
    path = entry.get("file_path") if isinstance(entry, dict) else None
    return path if isinstance(path, str) and path else f"frame {number}"


def _read_frame(root: Path, image_folder: Path, entry: Mapping[str, Any]) -> Frame:
    _check_lens(entry)
    path = _find_image(root, image_folder, _text(entry, "file_path"))
    camera = Camera(K=_intrinsics(entry, hw := _picture_hw(entry, path)), cam_from_world=_pose(entry), hw=hw)
    if (problem := check_camera(camera)) is not None:
        raise ViewError(f"its camera cannot be used: {problem}")
    mask = resolve_inside(root, _text(entry, "mask_path")) if entry.get("mask_path") else None
    return Frame(path=path, camera=camera, depth=_depth_file(root, entry), mask=mask)


def _check_lens(entry: Mapping[str, Any]) -> None:
    """Refuse what a pinhole camera cannot describe: splats would be bent against their target."""
    advice = "undistort the images first (for example with COLMAP's image_undistorter)"
    model = entry.get("camera_model")
    if entry.get("is_fisheye") or (model is not None and str(model).upper() not in _PERSPECTIVE_MODELS):
        raise ViewError(f"camera model {model or 'fisheye'} is not supported; {advice}")
    for key in _DISTORTION_KEYS:
        value = entry.get(key)
        if value and (not isinstance(value, list) or any(value)):
            raise ViewError(f"the lens is distorted ({key} = {value}); {advice}")


def _find_image(root: Path, image_folder: Path, file_path: str) -> Path:
    """The image an entry means: where it says, there with a suffix added, or by base name in the image folder."""
    said = resolve_inside(root, file_path)
    for place in (said, resolve_inside(root, (image_folder.relative_to(root) / said.name).as_posix())):
        for candidate in (place, *(place.with_name(place.name + suffix) for suffix in sorted(IMAGE_SUFFIXES))):
            if candidate.is_file():
                check_inside(root, candidate)
                return candidate
    raise ViewError(f"its image {said} does not exist")


def _picture_hw(entry: Mapping[str, Any], path: Path) -> tuple[int, int]:
    if "w" not in entry or "h" not in entry:
        if (tag := orientation(path)) != 1:
            raise ViewError(undecided(path, tag, "its camera"))
        return image_size(path)
    height, width = _number(entry, "h"), _number(entry, "w")
    if not (height >= 1 and width >= 1 and height.is_integer() and width.is_integer()):
        raise ViewError(f"w = {entry['w']} and h = {entry['h']} are no image size in pixels")
    return int(height), int(width)


def _intrinsics(entry: Mapping[str, Any], hw: tuple[int, int]) -> torch.Tensor:
    height, width = hw
    if "fl_x" in entry:
        focal_x = _number(entry, "fl_x")
    elif "camera_angle_x" in entry:
        focal_x = width / (2 * math.tan(_angle(entry, "camera_angle_x") / 2))
    else:
        raise ViewError("it has neither fl_x nor camera_angle_x, so its focal length is not known")
    if "fl_y" in entry:
        focal_y = _number(entry, "fl_y")
    elif "camera_angle_y" in entry:
        focal_y = height / (2 * math.tan(_angle(entry, "camera_angle_y") / 2))
    else:
        focal_y = focal_x
    centre_x = _number(entry, "cx") if "cx" in entry else width / 2
    centre_y = _number(entry, "cy") if "cy" in entry else height / 2
    return torch.tensor([[focal_x, 0, centre_x], [0, focal_y, centre_y], [0, 0, 1]], dtype=torch.float64)


def _pose(entry: Mapping[str, Any]) -> torch.Tensor:
    """`cam_from_world` in OpenCV axes."""
    try:
        world_from_cam = torch.tensor(entry.get("transform_matrix"), dtype=torch.float64)
    except (TypeError, ValueError, RuntimeError, OverflowError) as error:
        raise ViewError(f"its transform_matrix is no matrix of numbers ({error})") from error
    if world_from_cam.shape == (3, 4):
        world_from_cam = torch.cat([world_from_cam, torch.tensor([[0, 0, 0, 1]], dtype=torch.float64)])
    if world_from_cam.shape != (4, 4):
        raise ViewError(f"its transform_matrix has shape {tuple(world_from_cam.shape)}, expected 4x4")
    convention = str(entry.get("camera_convention", "opengl")).lower()
    if convention == "opengl":
        world_from_cam = world_from_cam @ _OPENCV_FROM_OPENGL
    elif convention != "opencv":
        raise ViewError(f"camera_convention {convention!r} is not known; use opengl (the default) or opencv")
    last_row = world_from_cam[3].tolist()
    if last_row != [0, 0, 0, 1]:
        raise ViewError(f"the last row of its transform_matrix is {last_row}, expected [0, 0, 0, 1]")
    return invert_rigid(world_from_cam)


def _depth_file(root: Path, entry: Mapping[str, Any]) -> DepthFile | None:
    key = next((key for key in ("depth_file_path", "depth_path") if entry.get(key)), None)
    if key is None:
        return None
    path = resolve_inside(root, _text(entry, key))
    scale_key = next((key for key in ("depth_unit_scale_factor", "integer_depth_scale") if key in entry), None)
    if scale_key is not None:
        unit = _number(entry, scale_key)
    else:
        unit = _MILLIMETRE if _in_whole_numbers(path) else 1.0
    unit *= _number(entry, "applied_scale") if "applied_scale" in entry else 1.0
    if not unit > 0:
        raise ViewError(f"the unit of its depth is {unit}; it must be positive")
    return DepthFile(path=path, unit=unit)


def _in_whole_numbers(path: Path) -> bool:
    suffix = path.suffix.lower()
    return suffix == ".png" or (suffix == ".npy" and holds_whole_numbers(path))


def _text(entry: Mapping[str, Any], key: str) -> str:
    value = entry.get(key)
    if not isinstance(value, str):
        raise ViewError(f"its {key} is {value!r:.80}, expected a path")
    return value


def _angle(entry: Mapping[str, Any], key: str) -> float:
    angle = _number(entry, key)
    if not 0 < angle < math.pi:
        raise ViewError(f"{key} is {angle}, expected an angle between 0 and pi")
    return angle


def _number(entry: Mapping[str, Any], key: str) -> float:
    value = entry[key]
    try:
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
            raise ViewError(f"{key} is {value!r:.80}, expected a finite number")
        return float(value)
    except OverflowError as error:
        raise ViewError(f"{key} is too large a number") from error
