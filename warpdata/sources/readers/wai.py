"""The source `wai`: scenes in the format of MapAnything's data sets, `scene_meta.json`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from warpdata.sources.listing import FolderListing
from warpdata.sources.table import SourceRow

if TYPE_CHECKING:
    from warpdata.sources.scene import Scene

MARK = "scene_meta.json"


def recognise(listing: FolderListing) -> bool:
    """Whether there is a `scene_meta.json`."""
    return MARK in listing.files


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

    content = read_scene_meta(root / MARK)
    listed = ListedViews(root, image_folder(root), [MARK])
    listed.add(content)
    return listed.scene(scene_id, content)


ROW = SourceRow(
    name="wai",
    about="WAI's scene_meta.json (MapAnything): pictures with cameras, and perhaps depth and masks",
    recognise=recognise,
    read=read,
)
