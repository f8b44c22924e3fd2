"""The scenes in an input folder, each read by the source that recognises its folder.

    input/                 or, for a single scene,     input/
      scene1/                                            image1.jpg
        image1.jpg                                       image2.jpg
      scene2/
        transforms.json    (optional)
        images/
          image1.png

Tars and zips are read as folders are, in place. Hidden files and folders are ignored; `discovery` says where scenes are
looked for. Listing opens no image.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path, PurePosixPath

from warpdata.config import SourceOptions
from warpdata.errors import SceneError, SourceError, ViewError
from warpdata.files.tree import archive_around, archive_stem, describe_refused
from warpdata.plugins import OwnOptions
from warpdata.sources.camera_files import unread_cameras
from warpdata.sources.discovery import (
    SCENE_EXPORT,
    UNFINISHED,
    SceneFolder,
    find_scene_file,
    find_scene_folders,
    made_by_us,
)
from warpdata.sources.folder_state import folder_state
from warpdata.sources.image_folder import image_folder
from warpdata.sources.listing import FolderListing
from warpdata.sources.naming import natural_key, unique_names
from warpdata.sources.scene import Scene, Source
from warpdata.sources.select import select_views
from warpdata.sources.table import SourceRow, Workplace

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Place:
    """Where a scene is: a folder and the row that reads it, or a source of many scenes and its id there.

    Attributes:
        row: None where no source could look into it.
        problem: why it cannot be read, None where it can.
    """

    folder: Path
    row: SourceRow | None
    source: Source | None = None
    id_there: str | None = None
    problem: str | None = None


class FolderSource:
    """All scenes of an input folder. See `Source`.

    Args:
        rows: the sources that are asked, in this order, whose a folder is.
        work: where sources may work that make files of what they read.
    """

    def __init__(self, options: SourceOptions, rows: Sequence[SourceRow], own: OwnOptions, work: Workplace):
        self._options = options
        self._rows = rows
        self._own = own
        self._work = work

    def scene_ids(self) -> list[str]:
        return sorted(self._places, key=natural_key)

    def state(self, scene_id: str) -> str | None:
        place = self._place(scene_id)
        if place.source is not None:
            return place.source.state(place.id_there)
        if _is_file_scene(place.row):
            return place.row.file_state(place.folder.resolve(), _own_options(place.row, self._own), self._work)
        return folder_state(place.folder)

    def scene(self, scene_id: str) -> Scene:
        place = self._place(scene_id)
        if place.problem is not None:
            raise SceneError(f"scene {scene_id} {place.problem}")
        if place.source is not None:
            scene = replace(place.source.scene(place.id_there), id=scene_id, source=place.row.name)
        elif _is_file_scene(place.row):
            scene = self._read_file(place, scene_id)
        else:
            scene = self._read(place, scene_id)
        return scene

    def _place(self, scene_id: str) -> _Place:
        if scene_id not in self._places:
            raise ValueError(f"{self._options.input_dir} holds no scene {scene_id!r}; `scene_ids()` lists them")
        return self._places[scene_id]

    def _read_file(self, place: _Place, scene_id: str) -> Scene:
        try:
            own = _own_options(place.row, self._own)
            scene = place.row.read_file(place.folder.resolve(), scene_id, own, self._work)
        except (OSError, ViewError) as error:
            raise SceneError(f"scene {scene_id} cannot be read: {error}") from error
        return replace(scene, views=select_views(scene.views, self._options), source=place.row.name)

    def _read(self, place: _Place, scene_id: str) -> Scene:
        root = place.folder.resolve()
        try:
            scene = place.row.read(root, scene_id, _own_options(place.row, self._own))
            if not scene.views:
                raise SceneError(
                    f"scene {scene_id} has no usable image in {image_folder(root)}{_first_reason(scene.left_out)}"
                )
            refused = describe_refused(root)
        except NotADirectoryError as error:
            around = archive_around(root)
            raise SceneError(
                f"scene {scene_id} cannot be listed: {error}"
                if around is None
                else f"the source {place.row.name} does not read archives, such as {around[0]} of scene {scene_id}: "
                "unpack it"
            ) from error
        except (OSError, ViewError) as error:
            raise SceneError(f"scene {scene_id} cannot be listed: {error}") from error
        notes = scene.notes if refused is None else (*scene.notes, refused)
        if not any(view.camera for view in scene.views):
            # Of the folders above, only one that belongs to the input can be meant for this scene.
            above = [root.parent] if place.folder != self._options.input_dir else []
            notes += unread_cameras([root, image_folder(root), *above])
        return replace(scene, views=select_views(scene.views, self._options), notes=notes, source=place.row.name)

    @cached_property
    def _places(self) -> dict[str, _Place]:
        """Scene id -> where it is."""
        top = self._options.input_dir
        try:
            listing = FolderListing.read(top)
            made = made_by_us(listing)
            # What was exported for others to read may be read back by a source that is asked for by name.
            insisted = len(self._rows) == 1 and self._rows[0].recognise_insisted is not None
            usable = insisted or made in (None, UNFINISHED, SCENE_EXPORT)
            found = find_scene_folders(top, self._rows) if usable else []
        except FileNotFoundError as error:
            raise SourceError(f"input folder {top} does not exist; give another as `input_dir`") from error
        except NotADirectoryError as error:
            made, found = None, find_scene_file(top, self._rows)
            if not found:
                raise SourceError(
                    f"the input {top} is a file, and none that `source={self._options.source!r}` reads: give a folder "
                    "of scenes, or a video, as `input_dir`"
                ) from error
        except OSError as error:
            raise SourceError(f"input folder {top} cannot be read ({error}); give another as `input_dir`") from error
        if not found:
            raise SourceError(f"no scene in {top}: {self._expected()}{_what_is_there(listing, made)}")
        places: dict[str, _Place] = {}
        stems: dict[str, str] = {}
        in_archive = Counter(around[0] for scene in found if (around := archive_around(scene.path)))
        for scene in found:
            called = _called(scene, in_archive)
            own_name = top.resolve().name
            name = called or (PurePosixPath(own_name).stem if _is_file_scene(scene.row) else archive_stem(own_name))
            problem = _problem(scene)
            if problem is not None or scene.row is None or scene.row.open is None:
                key = scene.place or (name if len(found) == 1 else ".")
                places[key], stems[key] = _Place(scene.path, scene.row, problem=problem), name
                continue
            options = replace(self._options, input_dir=scene.path)
            many = scene.row.open(options, _own_options(scene.row, self._own), self._work)
            for id_there in many.scene_ids():
                key = f"{scene.place}/{id_there}" if scene.place else id_there
                places[key] = _Place(scene.path, scene.row, many, id_there)
                stems[key] = f"{called}/{id_there}" if called else id_there
        ids = unique_names(stems)
        return {ids[key]: place for key, place in places.items()}

    def _expected(self) -> str:
        if any(row.only_pictures for row in self._rows):
            return "expected images in it or in its sub-folders (directly, or in a folder `images`)"
        formats = "; ".join(f"{row.name}: {row.about}" for row in self._rows)
        return f"no folder of it is what `source` {'/'.join(row.name for row in self._rows)} reads ({formats})"


_INNER_FOLDERS = frozenset({"nerfstudio"})
"""Folders that hold a scene for the one around them, whose name says what it shows."""


def _called(scene: SceneFolder, in_archive: Mapping[Path, int]) -> str:
    """What a scene is called, by its place below the input; the only one in an archive has the archive's name.

    Args:
        in_archive: archive -> how many scenes it holds.
    """
    *parents, own = scene.place.split("/")
    parts = [*parents, PurePosixPath(own).stem if _is_file_scene(scene.row) else own]
    around = archive_around(scene.path)
    if around is not None:
        inner = len(PurePosixPath(around[1]).parts)
        outer, inside = parts[: len(parts) - inner], parts[len(parts) - inner :]
        parts = [*outer[:-1], *map(archive_stem, outer[-1:]), *(inside if in_archive[around[0]] > 1 else [])]
    *above, last = parts or [""]
    return "/".join(above) if above and last.casefold() in _INNER_FOLDERS else "/".join(parts)


def _is_file_scene(row: SourceRow | None) -> bool:
    """Whether a scene is a file by itself, whose suffix is not part of its name."""
    return row is not None and row.read_file is not None


def _problem(scene: SceneFolder) -> str | None:
    """Why a scene cannot be read, to stand after its id; None where it can."""
    if scene.problem is not None:
        return f"cannot be used: {scene.problem}"
    if scene.row is not None and (reason := scene.row.unavailable()) is not None:
        return f"is for the source {scene.row.name}, which cannot be used here: {reason}"
    return None


def _own_options(row: SourceRow, own: OwnOptions) -> object:
    return None if row.options is None else own.of(row.options)


def _what_is_there(listing: FolderListing, made: str | None) -> str:
    """For people who gave the wrong folder."""
    if made is not None:
        return f"; it is {made} of this program: give the folder of photographs it was made from"
    names = [name for name in (*listing.folders, *listing.files) if name[0] != "."]
    if not names:
        return "; it is empty"
    return f"; it holds {', '.join(names[:5])}" + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def _first_reason(left_out: dict[str, str]) -> str:
    if not left_out:
        return "; it is empty"
    name, reason = next(iter(left_out.items()))
    return f"; {len(left_out)} left out, the first, {name}, because: {reason}"
