"""Where in a scene's folder its pictures lie."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path, PurePath

from warpdata.files.paths import check_inside
from warpdata.files.tree import list_folder
from warpdata.sources.naming import natural_key
from warpdata.sources.picture_names import is_image_name, unreadable_picture_name

IMAGES = "images"
"""A scene's images lie in the first folder whose name starts so (`images`, `images_4`) and that holds any, else
directly in the scene's. One with more to its name that only holds pictures of the scene's own folder again, by their
names, is passed over: `images_small` beside the photographs themselves."""


def is_image_folder_name(name: str) -> bool:
    """Whether a folder is called like one of a scene's pictures."""
    return name.lower().startswith(IMAGES)


def image_folder(root: Path) -> Path:
    """The folder that a scene's pictures lie in: one of its own, or the scene's.

    Args:
        root: the scene's folder, resolved.

    Raises:
        ViewError: it is a link that leads out of `root`.
        OSError: a folder cannot be listed.
    """
    listed = list_folder(root)
    names = [name for name in listed.folders if is_image_folder_name(name)]
    own = _stems([*listed.files, *listed.folders]) if names else set()
    for is_picture in (is_image_name, unreadable_picture_name):
        for name in sorted(names, key=natural_key):
            check_inside(root, root / name)
            inside = list_folder(root / name)
            pictures = [file for file in (*inside.files, *inside.folders) if is_picture(file)]
            if pictures and (name.lower() == IMAGES or not _stems(pictures) <= own):
                return root / name
    return root


def _stems(names: Iterable[str]) -> set[str]:
    return {PurePath(name).stem.casefold() for name in names if is_image_name(name)}
