"""The source `wai`: scenes in the format of MapAnything's data sets, `scene_meta.json`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from warpdata.sources.listing import FolderListing
from warpdata.sources.table import SourceRow

if TYPE_CHECKING:
    from warpdata.sources.scene import Scene

MARKS = ("scene_meta.json", "scene_meta_distorted.json")
"""The second is of pictures whose lens is not undone; it is read where the first is not there."""


def recognise(listing: FolderListing) -> bool:
    """Whether there is a `scene_meta.json`, or the like of distorted pictures."""
    return any(mark in listing.files for mark in MARKS)


def read(root: Path, scene_id: str, options: None = None) -> Scene:
    """The frames that the file lists, with the depth and the masks it names. Opens no image whose size is stated.

    Args:
        root: the scene's folder, resolved.

    Raises:
        SceneError: the file is no such JSON, or describes lenses other than an ideal pinhole for all frames.
        ViewError: the folder of images is a link that leads out of the scene's.
        OSError: a folder cannot be listed.
    """
    from warpdata.formats.wai import read_scene_meta
    from warpdata.sources.image_folder import image_folder
    from warpdata.sources.readers.entry_views import ListedViews

    mark = next(mark for mark in MARKS if mark in FolderListing.read(root).files)
    content = read_scene_meta(root / mark)
    listed = ListedViews(root, image_folder(root), [mark])
    listed.add(content)
    return listed.scene(scene_id, content)


ROW = SourceRow(
    name="wai",
    about="WAI's scene_meta.json (MapAnything): pictures with cameras, and perhaps depth and masks",
    recognise=recognise,
    read=read,
)
