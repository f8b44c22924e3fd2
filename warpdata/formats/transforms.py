"""nerfstudio's `transforms.json`: cameras, depth and masks, read as its readers understand it, and written.

`transform_matrix` takes camera to world, with OpenGL axes (y up, z backward) unless `camera_convention` is `opencv`.
Intrinsics and lenses stand at the top or in the frames, which win; `transforms_lens` reads them. `applied_transform`
moved the world before the matrices were written; as any world frame will do, it is not needed. `applied_scale` shrank
the poses but not the depth files, so their unit is multiplied by it. Depth in whole numbers (PNG, `.npy` of integers)
is in millimetres unless `depth_unit_scale_factor` says otherwise; depth in floats (`.npy`, EXR) is in scene units
unless it does.

Splits are `transforms_train.json` and its like, one file a split as NeRF-synthetic scenes have them, or lists called
`train_filenames` in a `transforms.json`. `ply_file_path` names points in the world of the matrices.
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any, Literal

import numpy as np
import torch
from jaxtyping import Float64
from torch import Tensor

from warpdata.camera import Camera, check_camera, invert_rigid
from warpdata.errors import SceneError, ViewError
from warpdata.files.bounded_json import dump_json, read_json
from warpdata.formats.axes import OPENCV_FROM_OPENGL, flip_camera_axes
from warpdata.formats.intrinsics import pinhole_json, share_intrinsics
from warpdata.formats.npy import holds_whole_numbers
from warpdata.formats.transforms_lens import check_lens, intrinsics_of, lens_of, number_of
from warpdata.lens import Lens, LensError

TRANSFORMS_FILE = "transforms.json"

MAX_FRAMES = 1_000_000

SPLITS = ("train", "val", "test")

SPLIT_FILES = {f"transforms_{split}.json": split for split in SPLITS}
"""File of one split of a scene -> the split."""

_MILLIMETRE = 0.001


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One usable entry of the file. Paths are as written, and nothing says that there are such files.

    Attributes:
        name: its `file_path`, or its number where it has none; for messages.
        number: its place in the file.
        file_path: of the picture; the suffix may be missing.
        hw: the picture's height and width, None where the file does not state them.
        cam_from_world: (4, 4), rigid, OpenCV axes.
        depth_path: None where it has no depth.
        mask_path: None where it has no mask.
        values: the entry's own keys over those at the top of the file.
        tags: the splits it belongs to, where the file says so.
    """

    name: str
    number: int
    file_path: str
    hw: tuple[int, int] | None
    cam_from_world: Float64[Tensor, "4 4"]
    depth_path: str | None
    mask_path: str | None
    values: Mapping[str, Any]
    tags: tuple[str, ...] = ()

    def camera(self, hw: tuple[int, int]) -> Camera:
        """Its camera for a picture of this size.

        Raises:
            ViewError: it has none that can be used.
        """
        camera = Camera(K=intrinsics_of(self.values, hw), cam_from_world=self.cam_from_world, hw=hw)
        if (problem := check_camera(camera)) is not None:
            raise ViewError(f"its camera cannot be used: {problem}")
        return camera

    def lens(self, hw: tuple[int, int]) -> Lens:
        """The lens of its camera, for a picture of this size; a pinhole where the file states no distortion.

        Raises:
            ViewError: it states none that can be used.
        """
        try:
            return lens_of(self.values, hw)
        except LensError as error:
            raise ViewError(f"its lens cannot be used: {error}") from error

    def depth_unit(self, path: Path) -> float:
        """What a stored value of 1 is worth in the unit of the poses.

        Args:
            path: of the depth map.

        Raises:
            ViewError: the file states a unit that is none.
        """
        return _depth_unit(self.values, path)


@dataclass(frozen=True, kw_only=True)
class Transforms:
    """What the file says.

    Attributes:
        entries: in the order of the file.
        left_out: `file_path` of the other entries -> why they cannot be used.
        scale: metric only where the file says so (`scale_type`).
        license: the file's own `license`, if it has one.
        points: path of the file of points, as written; None where it has none.
    """

    entries: list[Entry]
    left_out: dict[str, str]
    scale: Literal["metric", "arbitrary"]
    license: str | None
    points: str | None = None


def read_transforms(file: Path) -> Transforms:
    """Read a `transforms.json`, or the file of a split; opens no other file.

    Raises:
        SceneError: it is no such JSON, or states a lens that is not known for all frames.
    """
    return transforms_of(read_object(file), file)


def transforms_of(content: dict[str, Any], file: Path) -> Transforms:
    """What the content of a file says, in nerfstudio's keys.

    Args:
        content: is changed.
        file: that it is from, for messages and its split.

    Raises:
        SceneError: as for `read_transforms`.
    """
    frames = content.pop("frames", None)
    if not isinstance(frames, list):
        raise SceneError(f"{file} has no list called frames; export it again, or remove it to use the images alone")
    if len(frames) > MAX_FRAMES:
        raise SceneError(f"{file} lists {len(frames):,} frames, more than the {MAX_FRAMES:,} of a scene; split it")
    try:
        check_lens(content)
    except ViewError as error:
        raise SceneError(f"{file}: {error}") from error

    entries: list[Entry] = []
    left_out: dict[str, str] = {}
    splits = _splits(content, file)
    for number, frame in enumerate(frames):
        name = _entry_name(frame, number)
        try:
            if not isinstance(frame, dict):
                raise ViewError(f"expected an object, found {frame!r:.80}")
            entry = _read_entry(name, number, ChainMap(frame, content))
            entries.append(replace(entry, tags=splits.get(_plain(entry.file_path), splits.get(None, ()))))
        except ViewError as error:
            left_out[name if name not in left_out else f"{name} (entry {number})"] = str(error)
    return Transforms(
        entries=entries,
        left_out=left_out,
        scale="metric" if content.get("scale_type") == "metric" else "arbitrary",
        license=content["license"] if isinstance(content.get("license"), str) else None,
        points=content["ply_file_path"] if isinstance(content.get("ply_file_path"), str) else None,
    )


def _splits(content: Mapping[str, Any], file: Path) -> dict[str | None, tuple[str, ...]]:
    """Path of a picture, or None for all that are not named -> its splits."""
    if file.name in SPLIT_FILES:
        return {None: (SPLIT_FILES[file.name],)}
    splits: dict[str | None, tuple[str, ...]] = {}
    for split in SPLITS:
        names = content.get(f"{split}_filenames")
        for name in names if isinstance(names, list) else ():
            if isinstance(name, str):
                splits[_plain(name)] = (*splits.get(_plain(name), ()), split)
    return splits


def _plain(path: str) -> str:
    """A path as other writers of the same one spell it."""
    return PurePosixPath(path.replace("\\", "/")).as_posix()


def read_object(file: Path) -> dict[str, Any]:
    """The object that a JSON file of cameras holds.

    Raises:
        SceneError: it cannot be read, or holds something else.
    """
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


def _read_entry(name: str, number: int, values: Mapping[str, Any]) -> Entry:
    check_lens(values)
    depth_key = next((key for key in ("depth_file_path", "depth_path") if values.get(key)), None)
    return Entry(
        name=name,
        number=number,
        file_path=_text(values, "file_path"),
        hw=_stated_hw(values),
        cam_from_world=_pose(values),
        depth_path=None if depth_key is None else _text(values, depth_key),
        mask_path=_text(values, "mask_path") if values.get("mask_path") else None,
        values=values,
    )


def _stated_hw(values: Mapping[str, Any]) -> tuple[int, int] | None:
    if "w" not in values or "h" not in values:
        return None
    height, width = number_of(values, "h"), number_of(values, "w")
    if not (height >= 1 and width >= 1 and height.is_integer() and width.is_integer()):
        raise ViewError(f"w = {values['w']} and h = {values['h']} are no image size in pixels")
    return int(height), int(width)


def _pose(entry: Mapping[str, Any]) -> torch.Tensor:
    """`cam_from_world` in OpenCV axes."""
    try:
        world_from_cam = torch.tensor(entry.get("transform_matrix"), dtype=torch.float64)
    except (TypeError, ValueError, RuntimeError, OverflowError) as error:
        raise ViewError(f"its transform_matrix is not a matrix of numbers ({error})") from error
    if world_from_cam.shape == (16,):
        world_from_cam = world_from_cam.reshape(4, 4)
    if world_from_cam.shape == (3, 4):
        world_from_cam = torch.cat([world_from_cam, torch.tensor([[0, 0, 0, 1]], dtype=torch.float64)])
    if world_from_cam.shape != (4, 4):
        raise ViewError(f"its transform_matrix has shape {tuple(world_from_cam.shape)}, expected 4x4")
    convention = str(entry.get("camera_convention", "opengl")).lower()
    if convention == "opengl":
        world_from_cam = world_from_cam @ torch.from_numpy(OPENCV_FROM_OPENGL)
    elif convention != "opencv":
        raise ViewError(f"camera_convention {convention!r} is not known; use opengl (the default) or opencv")
    last_row = world_from_cam[3].tolist()
    if last_row != [0, 0, 0, 1]:
        raise ViewError(f"the last row of its transform_matrix is {last_row}, expected [0, 0, 0, 1]")
    return invert_rigid(world_from_cam)


def _depth_unit(entry: Mapping[str, Any], path: Path) -> float:
    scale_key = next((key for key in ("depth_unit_scale_factor", "integer_depth_scale") if key in entry), None)
    if scale_key is not None:
        unit = number_of(entry, scale_key)
    else:
        unit = _MILLIMETRE if _in_whole_numbers(path) else 1.0
    unit *= number_of(entry, "applied_scale") if "applied_scale" in entry else 1.0
    if not unit > 0:
        raise ViewError(f"the unit of its depth is {unit}; it must be positive")
    return unit


def _in_whole_numbers(path: Path) -> bool:
    suffix = path.suffix.lower()
    return suffix == ".png" or (suffix == ".npy" and holds_whole_numbers(path))


def _text(entry: Mapping[str, Any], key: str) -> str:
    value = entry.get(key)
    if not isinstance(value, str):
        raise ViewError(f"its {key} is {value!r:.80}, expected a path")
    return value


@dataclass(frozen=True, kw_only=True)
class WrittenFrame:
    """One entry of a file that is written.

    Attributes:
        image: path of its picture below the scene's folder.
        depth: path of its depth map, a 16-bit PNG of thousandths; None where it has none.
        K: of the picture, in pixels.
        world_from_cam: its pose, in OpenCV axes.
        hw: size of the picture.
    """

    image: str
    depth: str | None
    K: Float64[np.ndarray, "3 3"]
    world_from_cam: Float64[np.ndarray, "4 4"]
    hw: tuple[int, int]


def transforms_text(frames: Sequence[WrittenFrame], *, scale: Literal["metric", "arbitrary"], ply: str) -> str:
    """The text of a `transforms.json`: camera to world in OpenGL axes, no distortion.

    Args:
        ply: path of the file of points below the scene's folder.
    """
    entries = []
    for frame in frames:
        entry: dict[str, Any] = {
            "file_path": frame.image,
            "transform_matrix": flip_camera_axes(frame.world_from_cam).tolist(),
        }
        if frame.depth is not None:
            entry["depth_file_path"] = frame.depth
        entries.append(entry)
    no_distortion = dict.fromkeys(("k1", "k2", "p1", "p2"), 0.0)
    shared, entries = share_intrinsics([pinhole_json(frame.K, frame.hw) | no_distortion for frame in frames], entries)
    content = {"camera_model": "OPENCV", "ply_file_path": ply, "scale_type": scale, **shared, "frames": entries}
    return dump_json(content, indent=1) + "\n"
