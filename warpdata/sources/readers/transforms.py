"""The source `transforms`: pictures with cameras, and perhaps depth and masks, in nerfstudio's `transforms.json`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from warpdata.errors import listed
from warpdata.sources.listing import FolderListing
from warpdata.sources.naming import natural_key
from warpdata.sources.picture_names import is_image_name
from warpdata.sources.table import SourceRow

if TYPE_CHECKING:
    from warpdata.formats.transforms import Entry
    from warpdata.sources.lookup import Lookup
    from warpdata.sources.scene import Scene, View

MARK = "transforms.json"


def recognise(listing: FolderListing) -> bool:
    """Whether there is a `transforms.json`."""
    return MARK in listing.files


def read(root: Path, scene_id: str, options: None = None) -> Scene:
    """The views that the file lists. Opens no image, except the headers of those whose size it does not give.

    Args:
        root: the scene's folder, resolved.

    Raises:
        SceneError: the file is no such JSON, or describes lenses other than an ideal pinhole for all frames.
        ViewError: the folder of images is a link that leads out of the scene's.
        OSError: a folder cannot be listed.
    """
    from dataclasses import replace

    from warpdata.errors import ViewError
    from warpdata.formats.transforms import read_transforms
    from warpdata.sources.image_folder import image_folder
    from warpdata.sources.lookup import Lookup
    from warpdata.sources.naming import named_files
    from warpdata.sources.scene import Scene

    content = read_transforms(root / MARK)
    lookup = Lookup(root, image_folder(root))
    left_out = dict(content.left_out)
    views: dict[Path, View] = {}
    spoken_of: set[Path] = set()
    for entry in content.entries:
        try:
            path = lookup.picture(entry.file_path)
            spoken_of |= {path, *(lookup.file(part) for part in (entry.depth_path, entry.mask_path) if part)}
            view = _view(path, entry, lookup)
            if path in views:
                raise ViewError("its image is listed more than once; the first entry is used")
            views[path] = view
        except (OSError, ViewError) as error:
            left_out[entry.name if entry.name not in left_out else f"{entry.name} (entry {entry.number})"] = str(error)
    return Scene(
        id=scene_id,
        root=root,
        views=tuple(replace(views[path], name=name) for name, path in named_files(root, views)),
        left_out=left_out,
        scale=content.scale,
        license=content.license,
        notes=tuple(_unlisted(views, spoken_of)),
    )


def _unlisted(pictures: Iterable[Path], spoken_of: set[Path]) -> Iterator[str]:
    """A note for every folder of listed pictures that holds others besides.

    Args:
        spoken_of: all files that are listed, also masks and depth maps.
    """
    for folder in sorted({path.parent for path in pictures}):
        names = (name for name in FolderListing.read(folder).pictures if is_image_name(name))
        others = sorted((name for name in names if folder / name not in spoken_of), key=natural_key)
        if others:
            yield f"{len(others)} pictures in {folder} ({listed(others)}) are not in {MARK} and not used"


def _view(path: Path, entry: Entry, lookup: Lookup) -> View:
    """The view of one entry, still without its name in the scene.

    Raises:
        ViewError: it cannot be used.
    """
    from warpdata.errors import ViewError
    from warpdata.sources.orientation import undecided
    from warpdata.sources.scene import DepthFile, MaskFile, PictureFile, View

    picture = PictureFile(path)
    if entry.hw is None and (tag := picture.orientation()) != 1:
        raise ViewError(undecided(picture.label, tag, "its camera"))
    camera = entry.camera(entry.hw or picture.hw())
    mask = None if entry.mask_path is None else MaskFile(lookup.file(entry.mask_path))
    depth = None
    if entry.depth_path is not None:
        depth_path = lookup.file(entry.depth_path)
        depth = DepthFile(path=depth_path, unit=entry.depth_unit(depth_path))
    return View(name=entry.name, picture=picture, camera=camera, depth=depth, mask=mask)


ROW = SourceRow(
    name="transforms",
    about="nerfstudio's transforms.json: pictures with cameras, and perhaps depth and masks",
    recognise=recognise,
    read=read,
)
