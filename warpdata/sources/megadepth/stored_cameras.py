"""Pictures with a camera as `.npz` and depth as `.exr` beside each: MegaDepth processed, and the training format."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch

from warpdata.camera import Camera
from warpdata.errors import SceneError, ViewError, listed
from warpdata.files.paths import check_inside
from warpdata.formats.megadepth import LICENSE
from warpdata.formats.pose_npz import META, pixel_centre, read_pose
from warpdata.sources.depth_map import DepthFile
from warpdata.sources.listing import FolderListing
from warpdata.sources.megadepth.domains import PHOTO, domain_of
from warpdata.sources.megadepth.limited_depth import limited
from warpdata.sources.megadepth.options import MegaDepthOptions
from warpdata.sources.naming import named_files
from warpdata.sources.picture_names import is_image_name
from warpdata.sources.scene import PictureFile, Scene, View


def read_processed(root: Path, scene_id: str, options: MegaDepthOptions) -> Scene:
    """MegaDepth as `prepare megadepth` writes it: the first pixel's centre at 0, in an arbitrary unit."""
    return _read(root, scene_id, options, own_centre=0.0, metric=False)


def read_training(root: Path, scene_id: str, options: MegaDepthOptions) -> Scene:
    """The training format of Aerial-MegaDepth: the first pixel's centre at 0.5, in metres."""
    return _read(root, scene_id, options, own_centre=0.5, metric=True)


def _read(root: Path, scene_id: str, options: MegaDepthOptions, *, own_centre: float, metric: bool) -> Scene:
    listing = FolderListing.read(root)
    try:
        said = pixel_centre(root)
    except (OSError, ValueError) as error:
        raise SceneError(str(error)) from error
    shift = 0.5 - (own_centre if said is None else said)
    notes = (
        [] if said is not None else [f"the first pixel's centre is taken to be at {own_centre:g}; no {META} says it"]
    )
    views: dict[Path, View] = {}
    left_out: dict[str, str] = {}
    for name in filter(is_image_name, listing.pictures):
        base = name.rpartition(".")[0]
        path = root / name
        try:
            if f"{base}.npz" not in listing.files:
                raise ViewError(f"it has no camera {base}.npz beside it")
            for part in (path, root / f"{base}.npz", root / f"{base}.exr"):
                check_inside(root, part)
            depth = None
            if f"{base}.exr" in listing.files:
                file = DepthFile(path=root / f"{base}.exr")
                depth = limited(file, options, _scene_of(root, metric), name, metric=metric)
            tag = domain_of(name, root.name) if metric else PHOTO
            views[path] = View(
                name=name,
                picture=PictureFile(path),
                camera=_camera(path, root / f"{base}.npz", shift),
                depth=depth,
                tags=(tag,),
            )
        except (OSError, ValueError, ViewError) as error:
            left_out[name] = str(error)
    if without := [path.name for path, view in views.items() if view.depth is None]:
        notes.append(f"{len(without)} of {len(views)} views have no depth beside them ({listed(without)})")
    names = {path: name for name, path in named_files(root, views)}
    return Scene(
        id=scene_id,
        root=root,
        views=tuple(replace(views[path], name=name) for path, name in names.items()),
        left_out=left_out,
        scale="metric" if metric else "arbitrary",
        license=LICENSE,
        notes=tuple(notes),
    )


def _scene_of(root: Path, metric: bool) -> str:
    return root.name if metric else f"{root.parent.name}/{root.name}"


def _camera(picture: Path, file: Path, shift: float) -> Camera:
    K, world_from_cam = read_pose(file)
    K[:2, 2] += shift
    return Camera(
        K=torch.from_numpy(K),
        cam_from_world=torch.linalg.inv(torch.from_numpy(world_from_cam)),
        hw=PictureFile(picture).hw(),
    )
