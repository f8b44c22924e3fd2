"""The source `aerial-megadepth`: renders of Google Earth and photographs of MegaDepth in one frame, with depth."""

from __future__ import annotations

from pathlib import Path

from warpdata.files.tree import is_folder
from warpdata.plugins import deferred
from warpdata.sources.listing import FolderListing
from warpdata.sources.megadepth.options import MegaDepthOptions
from warpdata.sources.table import SourceRow

LOCALIZATION, DENSE = "sfm_output_localization", "localized_dense_metric"
PARTS = frozenset({"images", "depths", "sparse-txt"})


def recognise(listing: FolderListing) -> bool:
    """Whether it, or `sfm_output_localization` in it or below, holds `images`, `depths` and `sparse-txt`."""
    if is_dense(listing):
        return True
    if LOCALIZATION not in listing.folders and DENSE not in listing.folders and listing.path.name != LOCALIZATION:
        return False
    try:
        return bool(dense_folders(listing.path))
    except OSError:
        return False


def is_dense(listing: FolderListing) -> bool:
    """Whether a folder is `localized_dense_metric`, whatever its name."""
    return PARTS.issubset(listing.folders)


def dense_folders(root: Path) -> list[Path]:
    """The complete `localized_dense_metric` of a scene's folder or of one between the two, sorted.

    Raises:
        OSError: a folder cannot be listed.
    """
    if is_dense(FolderListing.read(root)):
        return [root]
    if is_folder(root / DENSE):
        layouts = [root]
    else:
        around = root / LOCALIZATION if is_folder(root / LOCALIZATION) else root
        layouts = [around / name for name in FolderListing.read(around).folders]
    candidates = [layout / DENSE for layout in sorted(layouts)]
    return [path for path in candidates if is_folder(path) and is_dense(FolderListing.read(path))]


ROW = SourceRow(
    name="aerial-megadepth",
    about="localised scenes of Aerial-MegaDepth (sfm_output_localization): renders and photographs, metric, with depth",
    recognise=recognise,
    read=deferred("warpdata.sources.megadepth.aerial:read_scene"),
    options=MegaDepthOptions,
    owns_below=True,
)
