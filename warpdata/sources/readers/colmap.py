"""The source `colmap`: pictures with the cameras and points of a COLMAP model, perhaps with dense depth and masks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from warpdata.sources.listing import FolderListing
from warpdata.sources.table import SourceRow

if TYPE_CHECKING:
    from warpdata.sources.scene import Scene

MARKS = frozenset({"sparse", "colmap"})
MODEL_FILES = frozenset({"cameras.bin", "cameras.txt"})


def recognise(listing: FolderListing) -> bool:
    """Whether a sparse model lies in `sparse`, `colmap` or a folder of theirs, or here."""
    if not (MARKS.intersection(listing.folders) or MODEL_FILES.intersection(listing.files)):
        return False
    from warpdata.sources.readers.colmap_layout import model_folders

    try:
        return bool(model_folders(listing.path))
    except OSError:
        return False


def read(root: Path, scene_id: str, options: None = None) -> Scene:
    """The pictures of the model that has most of them. Opens no image.

    Args:
        root: the scene's folder, resolved.

    Raises:
        SceneError: no model of the folder can be read.
        ViewError: a folder is a link that leads out of the scene's.
        OSError: a folder cannot be listed.
    """
    from warpdata.sources.readers.colmap_scene import read_scene

    return read_scene(root, scene_id)


ROW = SourceRow(
    name="colmap",
    about="COLMAP's sparse models (sparse/0 and the like): pictures with cameras, perhaps dense depth and masks",
    recognise=recognise,
    read=read,
)
