"""MegaDepth as downloaded: every sub-scene is a scene, its photographs those that are in its model and on disk."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from pathlib import Path

import torch

from warpdata.camera import Camera
from warpdata.config import SourceOptions
from warpdata.errors import SceneError, SourceError, ViewError, listed
from warpdata.files.paths import check_inside, resolve_inside
from warpdata.files.tree import is_file, is_folder
from warpdata.formats.colmap import ColmapImage, ModelFiles, read_files
from warpdata.formats.megadepth import (
    LICENSE,
    MODELS,
    dense_folder,
    depth_path,
    model_folder,
    photo_path,
)
from warpdata.formats.megadepth_cameras import undistorted_intrinsics
from warpdata.sources.depth_map import DepthFile
from warpdata.sources.listing import FolderListing
from warpdata.sources.megadepth.domains import PHOTO
from warpdata.sources.megadepth.limited_depth import limited
from warpdata.sources.megadepth.options import MegaDepthOptions
from warpdata.sources.naming import named_files, natural_key
from warpdata.sources.scene import PictureFile, Scene, View
from warpdata.sources.select import select_views


class MegaDepthSource:
    """The sub-scenes of MegaDepth. See `Source`.

    Args:
        options: whose `input_dir` holds `MegaDepth_v1_SfM` and `phoenix`.
    """

    def __init__(self, options: SourceOptions, own: MegaDepthOptions):
        self._options, self._own = options, own
        self._root = options.input_dir.resolve()

    def scene_ids(self) -> list[str]:
        return sorted(self._parts, key=natural_key)

    def state(self, scene_id: str) -> str | None:
        self._found(scene_id)
        return None

    def scene(self, scene_id: str) -> Scene:
        scene, subscene = self._found(scene_id)
        folder = model_folder(self._root, scene, subscene)
        try:
            files = read_files(folder, "text")
        except (OSError, ValueError) as error:
            raise SceneError(f"the model {folder} of scene {scene_id} cannot be read: {error}") from error
        there = FolderListing.read(dense_folder(self._root, scene, subscene) / "imgs").pictures
        by_name = {image.name: image for image in files.images.values()}
        views: dict[Path, View] = {}
        left_out = {broken.name: broken.reason for broken in files.broken if broken.name in there}
        for name in there:
            if name in left_out:
                continue
            try:
                path = photo_path(self._root, scene, subscene, name)
                resolve_inside(self._root, path.relative_to(self._root).as_posix())
                if name not in by_name:
                    raise ViewError(f"the model {folder} does not have it")
                views[path] = self._view(path, by_name[name], files, scene, subscene)
            except (OSError, ValueError, ViewError) as error:
                left_out[name] = str(error)
        without = [path.name for path, view in views.items() if view.depth is None]
        notes = [f"{len(without)} of {len(views)} photographs have no depth ({listed(without)})"] if without else []
        named = named_files(self._root, views)
        return Scene(
            id=scene_id,
            root=self._root,
            views=select_views([replace(views[path], name=name) for name, path in named], self._options),
            left_out=left_out,
            license=LICENSE,
            notes=tuple(notes),
        )

    def _view(self, path: Path, image: ColmapImage, files: ModelFiles, scene: str, subscene: str) -> View:
        picture = PictureFile(path)
        hw = picture.hw()
        stored = depth_path(self._root, scene, subscene, image.name)
        depth = None
        if is_file(stored):
            check_inside(self._root, stored)
            depth = limited(DepthFile(path=stored), self._own, f"{scene}/{subscene}", image.name, metric=False)
        camera = Camera(
            K=torch.from_numpy(undistorted_intrinsics(files.cameras[image.camera], hw)),
            cam_from_world=torch.from_numpy(image.cam_from_world),
            hw=hw,
        )
        return View(name=image.name, picture=picture, camera=camera, depth=depth, tags=(PHOTO,))

    def _found(self, scene_id: str) -> tuple[str, str]:
        if scene_id not in self._parts:
            raise ValueError(f"{self._root} holds no scene {scene_id!r}; `scene_ids()` lists them")
        return self._parts[scene_id]

    @cached_property
    def _parts(self) -> dict[str, tuple[str, str]]:
        """Id -> scene and sub-scene."""
        found: dict[str, tuple[str, str]] = {}
        for scene in FolderListing.read(self._root / MODELS).folders:
            models = model_folder(self._root, scene, "")
            for subscene in FolderListing.read(models).folders if is_folder(models) else ():
                if is_folder(dense_folder(self._root, scene, subscene) / "imgs"):
                    found[f"{scene}_{subscene}"] = (scene, subscene)
        if not found:
            raise SourceError(
                f"{self._root} has no sub-scene with both {model_folder(Path(), 'SCENE', 'SUB')} and "
                f"{dense_folder(Path(), 'SCENE', 'SUB') / 'imgs'}; unpack both archives of MegaDepth side by side"
            )
        return found
