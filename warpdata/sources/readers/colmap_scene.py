"""A scene from a folder with a COLMAP model."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

import torch

from warpdata.camera import Camera
from warpdata.config import MAX_IMAGE_PIXELS
from warpdata.errors import SceneError, ViewError, listed
from warpdata.files.paths import check_inside, resolve_inside
from warpdata.files.tree import is_file
from warpdata.formats.colmap import ColmapCamera, ColmapImage, Kind, ModelFiles, kinds_in, read_files
from warpdata.formats.colmap.model import PANORAMA
from warpdata.formats.colmap.read import SUFFIXES
from warpdata.lens import Lens, LensError
from warpdata.sources.lookup import Lookup
from warpdata.sources.naming import natural_key, unique_names
from warpdata.sources.points import ColmapModelPoints
from warpdata.sources.readers.colmap_layout import (
    dense_workspaces,
    depth_folders,
    depth_of,
    mask_folders,
    mask_of,
    model_folders,
    picture_folder,
)
from warpdata.sources.readers.unlisted import unlisted_pictures
from warpdata.sources.scene import DepthFile, MaskFile, PictureFile, Scene, View
from warpdata.sources.undistorted import undistorted_view


@dataclass(frozen=True, kw_only=True)
class Model:
    """A sparse model of a scene.

    Attributes:
        kind: the files it is read from; where there are both, the binary ones.
        notes: what a person should know of how it was read.
    """

    folder: Path
    kind: Kind
    files: ModelFiles
    notes: tuple[str, ...] = ()


def read_scene(root: Path, scene_id: str) -> Scene:
    """The pictures of the model that has most of them, see `readers.colmap`."""
    model, notes = largest_model(root)
    images = model.files.images
    pictures = picture_folder(root, model.folder, [image.name for image in images.values()])
    found = _Found(root, pictures, model)
    for number in sorted(images, key=lambda number: (natural_key(images[number].name), number)):
        found.add(number, images[number])
    for broken in model.files.broken:
        found.refuse(broken.name, broken.reason)
    names = view_names(pictures, found.views)
    points, problems = sparse_points(
        root, model, tuple((number, names[path]) for path, number in found.numbers.items())
    )
    return Scene(
        id=scene_id,
        root=root,
        views=tuple(replace(view, name=names[path]) for path, view in found.views.items()),
        left_out=found.left_out,
        notes=(*notes, *found.notes(), *problems),
        points=points,
    )


def largest_model(root: Path) -> tuple[Model, list[str]]:
    """The model with most pictures, the first of several, and notes about it and the others.

    Raises:
        SceneError: none can be read.
        OSError: a folder cannot be listed.
    """
    models: list[Model] = []
    unread: dict[Path, str] = {}
    for folder in model_folders(root):
        try:
            models.append(_model(root, folder))
        except (OSError, ValueError, ViewError) as error:
            unread[folder] = str(error)
    if not models:
        reasons = "; ".join(unread.values()) or f"there is none in {root}"
        raise SceneError(f"no COLMAP model can be read: {reasons}; `source` images takes the pictures alone")
    best = max(models, key=lambda model: len(model.files.images))
    notes = [f"the model in {folder} is not used: {reason}" for folder, reason in unread.items()]
    others = [model for model in models if model is not best]
    if others:
        sizes = ", ".join(f"{model.folder} with {_images(model.files)}" for model in others)
        notes.append(
            f"of {len(models)} models the one with most pictures is used, {best.folder} with {_images(best.files)}; "
            f"{sizes} {'is' if len(others) == 1 else 'are'} not"
        )
    return best, [*best.notes, *notes]


def _model(root: Path, folder: Path) -> Model:
    kind, *others = kinds_in(folder)
    for part in ("cameras", "images"):
        check_inside(root, folder / f"{part}{SUFFIXES[kind]}")
    files = read_files(folder, kind)
    notes = []
    for other in others:
        count = len(read_files(folder, other).images)
        if count != len(files.images):
            notes.append(
                f"{folder} holds a {kind} model of {_images(files)} and a {other} model of {count}: the {kind} one is "
                "used; remove the one that is out of date"
            )
    return Model(folder=folder, kind=kind, files=files, notes=tuple(notes))


def sparse_points(
    root: Path, model: Model, views: tuple[tuple[int, str], ...]
) -> tuple[ColmapModelPoints | None, list[str]]:
    """The points of a model, None where it has no file of them, and why they are not used although it has.

    Args:
        views: number of an image in the model, and the name of its view.
    """
    path = model.folder / f"points3D{SUFFIXES[model.kind]}"
    try:
        check_inside(root, path)
    except ViewError as error:
        return None, [f"its points are not used: {error}"]
    return (ColmapModelPoints(path, views) if is_file(path) else None), []


def _images(files: ModelFiles) -> str:
    return f"{len(files.images)} picture{'' if len(files.images) == 1 else 's'}"


@dataclass
class _Found:
    """Collects the views of a scene.

    Attributes:
        pictures: the folder that the model's names are below.
        views: by the path of their picture, still without their names in the scene.
        numbers: of the views' images in the model.
    """

    root: Path
    pictures: Path
    model: Model
    views: dict[Path, View] = field(default_factory=dict)
    numbers: dict[Path, int] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._lookup = Lookup(self.root, None)
        self._masks = mask_folders(self.root, self.model.folder, self.pictures)
        self._depths = depth_folders(self.root, self.model.folder)
        self._spoken_of: set[Path] = set()
        self._names: set[str] = set()
        self._without: dict[str, list[str]] = {"mask": [], "depth": []}

    def add(self, number: int, image: ColmapImage) -> None:
        """Take an image of the model, or name it with the reason why not."""
        try:
            path = self._picture(image.name)
            self._spoken_of.add(path)
            if path in self.views:
                raise ViewError(
                    f"its picture {path} is that of image {self.numbers[path]} too; the first of the two is used"
                )
            self.views[path] = self._view(path, image)
            self.numbers[path] = number
            self._names.add(image.name)
        except (OSError, ViewError) as error:
            self.leave_out(image.name, str(error), number)

    def refuse(self, name: str, reason: str) -> None:
        """Name an image that the model itself says nothing usable of; its picture is known to be one of the model."""
        self.leave_out(name, reason)
        try:
            self._spoken_of.add(self._picture(name))
        except (OSError, ViewError):
            pass  # there is none

    def leave_out(self, name: str, reason: str, number: int | None = None) -> None:
        if name in self.left_out or name in self._names:
            name = f"{name} (image {len(self.left_out) if number is None else number})"
        self.left_out[name] = reason

    def _picture(self, name: str) -> Path:
        resolve_inside(self.root, name)  # plain, whatever the folder of pictures is
        return self._lookup.picture((self.pictures / name.replace("\\", "/")).relative_to(self.root).as_posix())

    def _view(self, path: Path, image: ColmapImage) -> View:
        lens = lens_of(self.model.files.cameras[image.camera])
        mask = self._part("mask", mask_of(self._masks, image.name), image.name)
        depth = self._part("depth", depth_of(self._depths, image.name), image.name)
        view = View(
            name=image.name,
            picture=PictureFile(path),
            camera=Camera(K=lens.K, cam_from_world=torch.from_numpy(image.cam_from_world), hw=lens.hw),
            mask=None if mask is None else MaskFile(mask),
            depth=None if depth is None else DepthFile(path=depth),
        )
        return undistorted_view(view, lens)

    def _part(self, what: str, path: Path | None, name: str) -> Path | None:
        if path is None:
            self._without[what].append(name)
        else:
            check_inside(self.root, path)
            self._spoken_of.add(path)
        return path

    def notes(self) -> list[str]:
        """What lies there besides and is not used, and what views lack that others have."""
        notes = list(unlisted_pictures(self.views, self._spoken_of, f"the model {self.model.folder}"))
        for what, folders in (("mask", self._masks), ("depth", self._depths)):
            without = self._without[what]
            if folders and without:
                which = f"{len(without)} pictures ({listed(without)})" if len(without) < len(self.views) else "pictures"
                notes.append(f"{which} have no {what} in {folders[0]}")
        if not self._depths and (dense := dense_workspaces(self.root)):
            notes.append(
                f"{dense[0]} holds undistorted pictures with dense depth, which are not used with this model: give it "
                "as `input_dir` to use them"
            )
        return notes


def lens_of(camera: ColmapCamera) -> Lens:
    """The lens of a camera.

    Raises:
        ViewError: it is none.
    """
    width, height = camera.wh
    if min(camera.wh) < 1 or width * height > MAX_IMAGE_PIXELS:
        raise ViewError(f"its camera is for {width}x{height} pixels; 1 to {MAX_IMAGE_PIXELS:,} are allowed")
    if camera.model == PANORAMA:
        raise ViewError(f"its camera is {PANORAMA}: it shows all directions, and a pinhole cannot; cut views out of it")
    try:
        return Lens(model=camera.model, parameters=camera.parameters, hw=(height, width))
    except LensError as error:
        raise ViewError(f"its camera cannot be used: {error}") from error


def view_names(pictures: Path, views: dict[Path, View]) -> dict[Path, str]:
    """Names from the stems of pictures; from their folders too where stems alone are not unique, as those of rigs."""
    paths = {view.name: path for path, view in views.items()}
    stems = {name: PurePosixPath(name).stem for name in paths}
    if len({stem.casefold() for stem in stems.values()}) < len(stems):
        stems = {name: str(PurePosixPath(name).with_suffix("")) for name in paths}
    return {paths[name]: unique for name, unique in unique_names(stems).items()}
