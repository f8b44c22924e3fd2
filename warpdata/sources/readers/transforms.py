"""The source `transforms`: pictures with cameras, and perhaps depth and masks, in nerfstudio's `transforms.json`.

Or in a file a split (`transforms_train.json`, ...), as instant-ngp and NeRF-synthetic scenes have them.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from warpdata.sources.listing import FolderListing
from warpdata.sources.table import SourceRow

if TYPE_CHECKING:
    from warpdata.sources.scene import Scene

MARK = "transforms.json"
SPLIT_MARKS = ("transforms_train.json", "transforms_val.json", "transforms_test.json")


def recognise(listing: FolderListing) -> bool:
    """Whether there is a `transforms.json`, or the like of a split."""
    return any(mark in listing.files for mark in (MARK, *SPLIT_MARKS))


def read(root: Path, scene_id: str, options: None = None) -> Scene:
    """The views that the file lists, or those of all splits. Opens no image but the headers of those whose size is
    not stated.

    Args:
        root: the scene's folder, resolved.

    Raises:
        SceneError: the file is no such JSON, or describes lenses other than an ideal pinhole for all frames.
        ViewError: the folder of images is a link that leads out of the scene's.
        OSError: a folder cannot be listed.
    """
    from warpdata.formats.transforms import read_transforms
    from warpdata.sources.image_folder import image_folder
    from warpdata.sources.readers.entry_views import ListedViews

    there = [mark for mark in (MARK, *SPLIT_MARKS) if mark in FolderListing.read(root).files]
    used = there[:1] if there[0] == MARK else there
    contents = [read_transforms(root / mark) for mark in used]
    listed = ListedViews(root, image_folder(root), used)
    for content in contents:
        listed.add(content)
    return listed.scene(scene_id, contents[0])


ROW = SourceRow(
    name="transforms",
    about="nerfstudio's transforms.json, or transforms_train.json and its like: pictures with cameras, depth, masks",
    recognise=recognise,
    read=read,
)
