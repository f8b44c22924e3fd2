"""A localised scene of Aerial-MegaDepth: renders and photographs in one metric frame, with dense depth."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path, PurePosixPath

import torch

from warpdata.camera import Camera
from warpdata.errors import SceneError, ViewError, listed
from warpdata.files.paths import check_inside, resolve_inside
from warpdata.files.tree import is_file
from warpdata.formats.colmap import ColmapImage, ModelFiles, read_files
from warpdata.formats.megadepth import LICENSE
from warpdata.sources.depth_map import DepthFile
from warpdata.sources.listing import FolderListing
from warpdata.sources.megadepth.domains import domain_of
from warpdata.sources.megadepth.limited_depth import limited
from warpdata.sources.megadepth.options import MegaDepthOptions
from warpdata.sources.naming import natural_key
from warpdata.sources.readers.aerial_megadepth import DENSE, LOCALIZATION, dense_folders, is_dense
from warpdata.sources.readers.colmap_scene import Model, lens_of, sparse_points, view_names
from warpdata.sources.scene import PictureFile, Scene, View
from warpdata.sources.undistorted import undistorted_view

MODEL, IMAGES, DEPTHS = "sparse-txt", "images", "depths"


def read_scene(root: Path, scene_id: str, options: MegaDepthOptions) -> Scene:
    """The views of `sparse-txt/images.txt` with their depth, see `readers.aerial_megadepth`."""
    dense, notes = _chosen(root, options.layout_name)
    scene = _scene_name(dense, root)
    model_folder = dense / MODEL
    for part in ("cameras.txt", "images.txt"):
        check_inside(root, model_folder / part)
    try:
        files = read_files(model_folder, "text")
    except (OSError, ValueError) as error:
        raise SceneError(f"the model {model_folder} cannot be read: {error}") from error
    views: dict[Path, View] = {}
    numbers: dict[Path, int] = {}
    left_out = {broken.name: broken.reason for broken in files.broken}
    without: list[str] = []
    for number in sorted(files.images, key=lambda number: (natural_key(files.images[number].name), number)):
        image = files.images[number]
        try:
            path = resolve_inside(root, (dense / IMAGES / image.name).relative_to(root).as_posix())
            if not is_file(path):
                raise ViewError(f"its image {path} does not exist")
            views[path] = _view(root, dense, path, image, files, options, scene)
        except (OSError, ViewError) as error:
            left_out[image.name] = str(error)
            continue
        numbers[path] = number
        if views[path].depth is None:
            without.append(image.name)
    if without:
        notes.append(f"{len(without)} of {len(views)} views have no depth in {dense / DEPTHS} ({listed(without)})")
    names = view_names(dense / IMAGES, views)
    model = Model(folder=model_folder, kind="text", files=files)
    points, problems = sparse_points(root, model, tuple((numbers[path], names[path]) for path in views))
    return Scene(
        id=scene_id,
        root=root,
        views=tuple(replace(view, name=names[path]) for path, view in views.items()),
        left_out=left_out,
        scale="metric",
        license=LICENSE,
        notes=(*notes, *problems),
        points=points,
    )


def _view(
    root: Path, dense: Path, path: Path, image: ColmapImage, files: ModelFiles, options: MegaDepthOptions, scene: str
) -> View:
    lens = lens_of(files.cameras[image.camera])
    stored = dense / DEPTHS / f"{PurePosixPath(image.name).with_suffix('')}.h5"
    depth = None
    if is_file(stored):
        check_inside(root, stored)
        depth = limited(DepthFile(path=stored), options, scene, image.name, metric=True)
    view = View(
        name=image.name,
        picture=PictureFile(path),
        camera=Camera(K=lens.K, cam_from_world=torch.from_numpy(image.cam_from_world), hw=lens.hw),
        depth=depth,
        tags=(domain_of(image.name, scene),),
    )
    return undistorted_view(view, lens)


def _chosen(root: Path, layout_name: str) -> tuple[Path, list[str]]:
    """The dense folder that is read, and what a person should know of the choice."""
    found = dense_folders(root)
    if layout_name:
        named = [path for path in found if path.parent.name == layout_name]
        if not named and not is_dense(FolderListing.read(root)):
            there = ", ".join(path.parent.name for path in found) or "none that is complete"
            raise SceneError(f"{root} has no complete `layout_name={layout_name}`; it has {there}")
        found = named or found
    if not found:
        raise SceneError(f"{root} has no folder {LOCALIZATION}/NAME/{DENSE} with images, depths and sparse-txt")
    newest = max(found, key=lambda path: ((path / MODEL / "images.txt").stat().st_mtime_ns, path.parent.name))
    others = [path.parent.name for path in found if path != newest]
    if not others:
        return newest, []
    return newest, [f"{newest.parent.name} is read, the newest; {listed(others)} not: `layout_name` chooses another"]


def _scene_name(dense: Path, root: Path) -> str:
    """What the scene is called, by which its renders are known: the folder that holds `sfm_output_localization`."""
    around = next((path for path in dense.parents if path.name == LOCALIZATION), None)
    return (root if around is None else around.parent).name
