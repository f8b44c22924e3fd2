"""Pictures beside those that a scene's cameras are for: named, so that nobody believes they are used."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from warpdata.errors import listed
from warpdata.sources.listing import FolderListing
from warpdata.sources.naming import natural_key
from warpdata.sources.picture_names import is_image_name

RENDERED_BESIDE = re.compile(r".*_(depth|normal|disp|albedo)(_?\d+)?", re.IGNORECASE)
"""Stems of what renderers put beside a picture: 8-bit pictures of depth scaled to the scene, and of normals."""


def unlisted_pictures(used: Iterable[Path], spoken_of: Collection[Path], where: str) -> Iterator[str]:
    """A note for every folder of used pictures that holds others besides.

    Args:
        spoken_of: all files that have a part in the scene, or a reason of their own for having none.
        where: the files that list pictures, for the note.
    """
    for folder in sorted({path.parent for path in used}):
        names = (name for name in FolderListing.read(folder).pictures if is_image_name(name))
        others = sorted((name for name in names if folder / name not in spoken_of), key=natural_key)
        rendered = [name for name in others if RENDERED_BESIDE.fullmatch(Path(name).stem)]
        plain = [name for name in others if name not in rendered]
        if plain:
            yield f"{len(plain)} pictures in {folder} ({listed(plain)}) are not in {where} and not used"
        if rendered:
            yield (
                f"{len(rendered)} pictures in {folder} ({listed(rendered)}) are renderings beside the photographs "
                "and not used: as 8-bit pictures, scaled to the scene, they hold no depth in scene units"
            )
