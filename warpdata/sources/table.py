"""The sources by name, and what a source is for those who add one. Light to import: command lines read it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from warpdata.plugins import Table
from warpdata.sources.listing import FolderListing

if TYPE_CHECKING:
    from warpdata.config import SourceOptions
    from warpdata.sources.scene import Scene, Source


@dataclass(frozen=True, kw_only=True)
class Workplace:
    """For sources that make files of what they read.

    Attributes:
        cache_dir: where they keep what is costly to make again, each in a folder of its own.
        writes: whether anything may be written there; if not, what is made is not kept.
        progress: is told how far a scene is: the stage, how much is done, of how much.
    """

    cache_dir: Path
    writes: bool = True
    progress: Callable[[str, int, int], None] = lambda stage, done, total: None


@dataclass(frozen=True, kw_only=True)
class SourceRow:
    """A format of scenes on disk. It reads one scene from one folder (`read`) or from one file (`read_file`), or many
    from one folder (`open`): give one of the three.

    Attributes:
        name: what `--source` calls it.
        about: one line about it.
        recognise: whether a folder is of this format, by the names in it alone; asked of every folder of the input.
        read: (the scene's folder, resolved; its id; options of the row's own or None) -> the scene with all its views.
            Errors of the kinds OSError and ViewError cost the scene, with their message.
        recognise_insisted: asked in place of `recognise` where this source alone is asked for; None for the same.
        open: (options whose `input_dir` is the folder recognised; options of its own or None; where it may work) -> its
            scenes. It selects views by the options itself, see `select_views`.
        recognise_file: whether a file is a scene by itself, by its name; asked of files in folders that are no scenes.
        read_file: (the file, resolved; the scene's id; options of its own or None; where it may work) -> the scene.
        file_state: (as `read_file`, but for the id) -> a token that changes when the scene does, see `Source.state`.
        options: dataclass of options of its own, with defaults.
        only_pictures: it is recognised by nothing but pictures. The sub-folders of scenes hold pictures too, so that
            such a folder counts for a scene only where it does not lie in another scene.
        owns_below: nothing below its folder is a scene besides, whatever is recognised there.
        unavailable: why it cannot be used here, such as a package that is missing and how to install it, or None.
    """

    name: str
    about: str
    recognise: Callable[[FolderListing], bool] = lambda listing: False
    recognise_insisted: Callable[[FolderListing], bool] | None = None
    recognise_file: Callable[[str], bool] = lambda name: False
    read: Callable[[Path, str, Any], Scene] | None = None
    open: Callable[[SourceOptions, Any, Workplace], Source] | None = None
    read_file: Callable[[Path, str, Any, Workplace], Scene] | None = None
    file_state: Callable[[Path, Any, Workplace], str | None] = lambda path, options, work: None
    options: type | None = None
    only_pictures: bool = False
    owns_below: bool = False
    unavailable: Callable[[], str | None] = lambda: None

    def __post_init__(self) -> None:
        ways = sum(way is not None for way in (self.read, self.open, self.read_file))
        if ways != 1:
            raise ValueError(f"the source {self.name} has {ways} of read, open and read_file; give one")


AUTO = "auto"
"""In place of a source's name: each folder is read by the first source of the table that recognises it."""

SOURCES: Table[SourceRow] = Table(
    "source",
    "warpdata.sources",
    SourceRow,
    {
        "megadepth": "warpdata.sources.readers.megadepth:ROW",
        "aerial-megadepth": "warpdata.sources.readers.aerial_megadepth:ROW",
        "aerial-training": "warpdata.sources.readers.stored_cameras:TRAINING",
        "megadepth-processed": "warpdata.sources.readers.stored_cameras:PROCESSED",
        "transforms": "warpdata.sources.readers.transforms:ROW",
        "wai": "warpdata.sources.readers.wai:ROW",
        "colmap": "warpdata.sources.readers.colmap:ROW",
        "blender": "warpdata.sources.readers.blender:ROW",
        "earth-studio": "warpdata.sources.readers.earth_studio:ROW",
        "dem": "warpdata.sources.readers.dem:ROW",
        "spacevista": "warpdata.sources.readers.spacevista:ROW",
        "video": "warpdata.sources.readers.video:ROW",
        "images": "warpdata.sources.readers.images:ROW",
    },
)
"""Those that need a mark of their own first; any folder may hold pictures."""
