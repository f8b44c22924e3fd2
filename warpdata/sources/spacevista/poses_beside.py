"""Cameras of frames from a `transforms.json` or a COLMAP model in the scene's folder, by the frames' file names."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

import torch

from warpdata.camera import Camera
from warpdata.errors import SceneError, ViewError
from warpdata.files.paths import check_inside
from warpdata.files.tree import is_file
from warpdata.formats.transforms import Entry, read_transforms
from warpdata.sources.orientation import undecided
from warpdata.sources.readers.colmap_layout import model_folders
from warpdata.sources.readers.colmap_scene import largest_model, lens_of
from warpdata.sources.scene import View
from warpdata.sources.undistorted import undistorted_view

TRANSFORMS = "transforms.json"

PoseView = Callable[[View], View]
"""Gives a view its camera; raises a `ViewError` where it cannot be used."""


@dataclass(frozen=True, kw_only=True)
class Poses:
    """Cameras by the file name of the frame.

    Attributes:
        of: file name without suffix, small letters -> gives a view its camera.
        notes: what could not be used.
    """

    of: dict[str, PoseView] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def poses_beside(root: Path, folder: Path) -> Poses:
    """The cameras that lie in a scene's folder: of `transforms.json`, else of a COLMAP model; none where neither can be
    used. A frame may be a resized copy of the picture that they are for.

    Args:
        root: the input folder, resolved.
    """
    try:
        if is_file(file := folder / TRANSFORMS):
            check_inside(root, file)
            content = read_transforms(file)
            return Poses(of=_by_name([(entry.file_path, _transforms_pose(entry)) for entry in content.entries]))
        if folder != root and folder.is_dir() and any(True for _ in model_folders(folder)):
            model, _ = largest_model(folder)
            check_inside(root, model.folder)
            images = model.files.images.values()
            return Poses(
                of=_by_name(
                    [
                        (image.name, _colmap_pose(model.files.cameras[image.camera], image.cam_from_world))
                        for image in images
                    ]
                )
            )
    except (OSError, ValueError, SceneError, ViewError) as error:
        return Poses(notes=(f"the cameras in {folder} are not used: {error}",))
    return Poses()


def _by_name(found: list[tuple[str, PoseView]]) -> dict[str, PoseView]:
    """Cameras by file name; those of two pictures of one name belong to neither."""
    poses: dict[str, PoseView] = {}
    twice: set[str] = set()
    for path, pose in found:
        name = PurePosixPath(path.replace("\\", "/")).stem.casefold()
        if name in poses:
            twice.add(name)
        poses[name] = pose
    return {name: pose for name, pose in poses.items() if name not in twice}


def _transforms_pose(entry: Entry) -> PoseView:
    def pose(view: View) -> View:
        hw = entry.hw
        if hw is None:
            if PurePosixPath(entry.file_path).parent.name != Path(view.picture.label).parent.name:
                raise ViewError(
                    f"{TRANSFORMS} gives {entry.file_path} no size (w, h), and it is another copy of the frame"
                )
            if (tag := view.picture.orientation()) != 1:
                raise ViewError(undecided(view.picture.label, tag, "its camera"))
            hw = view.picture.hw()
        return undistorted_view(replace(view, camera=entry.camera(hw)), entry.lens(hw))

    return pose


def _colmap_pose(camera, cam_from_world) -> PoseView:
    def pose(view: View) -> View:
        lens = lens_of(camera)
        placed = Camera(K=lens.K, cam_from_world=torch.from_numpy(cam_from_world), hw=lens.hw)
        return undistorted_view(replace(view, camera=placed), lens)

    return pose
