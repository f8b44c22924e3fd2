"""Scenes from folders of images, with the cameras and depth of a `transforms.json` where there is one.

    input/                 or, for a single scene,     input/
      scene1/                                            image1.jpg
        image1.jpg                                       image2.jpg
      scene2/
        transforms.json    (optional)
        images/
          image1.png

Hidden files and folders are ignored. Listing opens no image.
"""

from __future__ import annotations

import logging
import os
from functools import cached_property
from pathlib import Path, PurePosixPath

from warpdata.config import SourceOptions
from warpdata.errors import SceneError, SourceError, ViewError
from warpdata.files.paths import check_inside
from warpdata.formats.transforms import TRANSFORMS_FILE, Transforms, read_transforms
from warpdata.sources.naming import natural_key, unique_names
from warpdata.sources.picture_names import is_image_name
from warpdata.sources.scene import Scene, View
from warpdata.sources.select import select_views

IMAGE_FOLDER_PREFIX = "images"
"""A scene's images lie in the first folder whose name starts so (`images`, `images_4`) and that holds any, else
directly in the scene's."""

logger = logging.getLogger(__name__)


class FolderSource:
    """A folder with one sub-folder a scene, or with one scene. See `Source`."""

    def __init__(self, options: SourceOptions) -> None:
        self._options = options

    def scene_ids(self) -> list[str]:
        return sorted(self._folders, key=natural_key)

    def scene_folder(self, scene_id: str) -> Path:
        if scene_id not in self._folders:
            raise ValueError(f"{self._options.input_dir} holds no scene {scene_id!r}; `scene_ids()` lists them")
        return self._folders[scene_id]

    def scene(self, scene_id: str) -> Scene:
        root = self.scene_folder(scene_id).resolve()
        try:
            image_folder = _image_folder(root)
            if (root / TRANSFORMS_FILE).is_file():
                transforms = read_transforms(root, image_folder)
                views, left_out = _name_frames(root, transforms), transforms.left_out
                scale, license = transforms.scale, transforms.license
            else:
                views, left_out = _list_images(root, image_folder)
                scale, license = "arbitrary", None
        except (OSError, ViewError) as error:
            raise SceneError(f"scene {scene_id} cannot be listed: {error}") from error
        if not views:
            raise SceneError(f"scene {scene_id} has no usable image in {image_folder}{_first_reason(left_out)}")
        return Scene(
            id=scene_id,
            root=root,
            views=select_views(views, self._options),
            left_out=left_out,
            scale=scale,
            license=license,
        )

    @cached_property
    def _folders(self) -> dict[str, Path]:
        """Scene id -> its folder."""
        top = self._options.input_dir
        try:
            if _is_scene(top, also_images=False):
                return _by_id([top.resolve()])
            with os.scandir(top) as entries:
                folders = [Path(entry) for entry in entries if entry.is_dir() and not entry.name.startswith(".")]
            scenes = [folder for folder in folders if _is_scene(folder)]
            if scenes:
                return _by_id(scenes)
            if _is_scene(top):
                return _by_id([top.resolve()])
        except FileNotFoundError as error:
            raise SourceError(f"input folder {top} does not exist; give another with --input-dir") from error
        except OSError as error:
            raise SourceError(f"input folder {top} cannot be read ({error}); give another with --input-dir") from error
        raise SourceError(
            f"no scene in {top}: expected images in it or in its sub-folders (directly, or in a folder `images`)"
        )


def _by_id(folders: list[Path]) -> dict[str, Path]:
    """Scene id -> folder, for folders of different names."""
    ids = unique_names({folder.name: folder.name for folder in folders})
    return {ids[folder.name]: folder for folder in folders}


def _is_scene(folder: Path, *, also_images: bool = True) -> bool:
    """Whether a folder holds a `transforms.json`, a folder of images, or (`also_images`) images directly."""
    try:
        with os.scandir(folder) as entries:
            return any(
                entry.name == TRANSFORMS_FILE
                or (also_images and is_image_name(entry.name))
                or (_is_image_folder_name(entry.name, exactly=not also_images) and entry.is_dir())
                for entry in entries
            )
    except PermissionError as error:
        logger.warning("%s is left out: %s", folder, error)
        return False


def _is_image_folder_name(name: str, *, exactly: bool = False) -> bool:
    lower = name.lower()
    return lower == IMAGE_FOLDER_PREFIX if exactly else lower.startswith(IMAGE_FOLDER_PREFIX)


def _image_folder(root: Path) -> Path:
    with os.scandir(root) as entries:
        names = [entry.name for entry in entries if _is_image_folder_name(entry.name) and entry.is_dir()]
    for name in sorted(names, key=natural_key):
        check_inside(root, root / name)
        if any(is_image_name(file) for file in os.listdir(root / name)):
            return root / name
    return root


def _list_images(root: Path, folder: Path) -> tuple[list[View], dict[str, str]]:
    """The images directly in a folder, and the ones that are links to somewhere else."""
    left_out: dict[str, str] = {}
    paths: list[Path] = []
    with os.scandir(folder) as entries:
        for entry in entries:
            if not is_image_name(entry.name):
                continue
            try:
                if entry.is_symlink():
                    check_inside(root, Path(entry))
                if entry.is_file():
                    paths.append(Path(entry))
                elif not entry.is_dir():
                    raise ViewError(f"{entry.path} is no file that can be opened")
            except (OSError, ViewError) as error:
                left_out[entry.name] = str(error)
    return [View(name=name, path=path) for name, path in _named(root, paths)], left_out


def _name_frames(root: Path, transforms: Transforms) -> list[View]:
    frames = {frame.path: frame for frame in transforms.frames}
    return [
        View(name=name, path=path, camera=frames[path].camera, depth=frames[path].depth, mask=frames[path].mask)
        for name, path in _named(root, list(frames))
    ]


def _named(root: Path, paths: list[Path]) -> list[tuple[str, Path]]:
    """Unique names for images, in natural order of their paths below the scene's folder."""
    by_key = {path.relative_to(root).as_posix(): path for path in paths}
    names = unique_names({key: PurePosixPath(key).stem for key in by_key})
    return [(names[key], by_key[key]) for key in sorted(by_key, key=natural_key)]


def _first_reason(left_out: dict[str, str]) -> str:
    if not left_out:
        return "; it is empty"
    name, reason = next(iter(left_out.items()))
    return f"; {len(left_out)} left out, the first, {name}, because: {reason}"
