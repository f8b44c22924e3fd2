"""What paths are that somebody wants to look at."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from warpdata.cache.store import ENTRY_SUFFIX, GeometryCache
from warpdata.config import GeometryOptions, SourceOptions, default_cache_dir
from warpdata.errors import OutputError, WarpdataError
from warpdata.formats.manifest import STATE_FOLDER
from warpdata.sources import open_source
from warpdata.sources.discovery import A_CACHE, made_by_us
from warpdata.sources.listing import FolderListing
from warpdata.sources.readers.spacevista import META, recognise
from warpdata.view.columns import Columns
from warpdata.view.items import Items
from warpdata.view.live_warp import Arguments
from warpdata.view.scenes import LIVE_SIZE, Scenes
from warpdata.view.shelves import CacheShelf, FolderShelf
from warpdata.view.triplets import Triplets
from warpdata.writers.output.existing import find_datasets

PICTURES = "images"
"""The source that reads pictures alone."""

Shown = Triplets | Columns | Scenes | Items
"""A tab of the page."""

Kind = Literal["auto", "scenes", "folders"]
"""What paths are that are no outputs."""


def open_paths(
    paths: Sequence[Path],
    kind: Kind = "auto",
    *,
    geometry: GeometryOptions | None = None,
    arguments: Arguments = lambda options: (),
) -> list[Shown]:
    """What there is to look at in some paths: a tab for each output of `materialize`, for each folder of scenes and for
    each cache of geometry, and one for all other folders side by side. A file of SpaceVista's items, or a folder with
    one, is a tab of items.

    Args:
        kind: what paths are that are no outputs; auto takes those for scenes that have a mark of scenes, such as a
            transforms.json, and not pictures alone.
        geometry: of scenes.
        arguments: from options of `splat` to the words of its command line.

    Raises:
        OutputError: a path holds nothing that can be shown.
        SourceError: it is to be a folder of scenes, and is none.
    """
    shown: list[Shown] = []
    folders: list[Path] = []
    for path in paths:
        if not path.exists():
            raise OutputError(
                f"{path} does not exist; give outputs of materialize, scenes, caches, or folders of pictures"
            )
        if (meta := _items_file(path)) is not None and kind == "auto":
            shown.append(Items(meta, (geometry or GeometryOptions()).cache_dir or default_cache_dir()))
            if path == meta:
                continue
        triplets = _open_output(path) if path.is_dir() else None
        if triplets is not None:
            shown.append(triplets)
        elif kind == "auto" and path.is_dir() and _is_cache(path):
            shown.append(Scenes(CacheShelf(path), arguments))
        elif kind == "scenes" or (kind == "auto" and _holds_scenes(path)):
            shelf = FolderShelf(SourceOptions(input_dir=path), geometry or GeometryOptions(), LIVE_SIZE)
            shown.append(Scenes(shelf, arguments))
        elif path.is_dir():
            folders.append(path)
        else:
            raise OutputError(f"{path} is not a folder; give folders of pictures, tiles or depth maps")
    return shown + ([Columns(folders)] if folders else [])


def _is_cache(path: Path) -> bool:
    """Whether a folder is a cache of geometry; a new one may have its entries alone."""
    entries = GeometryCache(path).entry_folder
    return made_by_us(FolderListing.read(path)) == A_CACHE or any(entries.glob(f"*{ENTRY_SUFFIX}"))


def _items_file(path: Path) -> Path | None:
    """The file of items that a path is or that lies in it; None where there is none."""
    if path.is_file() and path.suffix.lower() in (".json", ".jsonl"):
        return path
    try:
        is_spacevista = path.is_dir() and recognise(FolderListing.read(path))
    except OSError:
        return None
    return path / META if is_spacevista and (path / META).is_file() else None


def _holds_scenes(path: Path) -> bool:
    """Whether the first scene there, if any, has more than pictures."""
    try:
        source = open_source(SourceOptions(input_dir=path))
        return source.scene(source.scene_ids()[0]).source != PICTURES
    except WarpdataError:
        return False


def _open_output(path: Path) -> Triplets | None:
    exports = [(root, about) for root, about in find_datasets(path) if about.get("samples")]
    if not exports and (path / STATE_FOLDER).exists():
        raise OutputError(f"{path} is unfinished; run the command that made it again, then look at it")
    if not exports:
        return None
    # Layouts of one output show the same triplets: the one that lies in plain files is the quickest to read.
    root, about = min(exports, key=lambda export: (export[1]["layout"] != "folder", export[0]))
    return Triplets(root, about)
