"""Where the scenes of an input folder are.

The input is a scene itself, or its sub-folders are, down to `MAX_DEPTH`; one input may hold scenes of several formats.

* A scene with a mark of its own (`transforms.json`, a folder `images`) owns the pictures in its sub-folders. Only
  sub-folders with such a file of their own are scenes besides.
* Photographs that lie directly in a folder are a scene, and so are its sub-folders, unless they show the same
  photographs again (thumbnails, reduced copies: all their file names occur above) or are called like what belongs to
  photographs (masks, depth). One single photograph beside scenes is none.
* Videos in a folder that is no scene are scenes, each by itself; beside two photographs or more they are none.
* Tars and zips are folders here, unless they lie in a scene's own folder or beside one that has their name.
* Thumbnails and bins of file servers and systems, caches and outputs of this program, hidden folders, and folders
  named like a picture are never scenes.

Whatever else holds pictures and is passed over is named in the log.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from warpdata.errors import OutputError, ViewError
from warpdata.files.tree import ARCHIVE_NAME, archive_stem, describe_refused, is_file
from warpdata.formats.manifest import DATASET, STATE_FOLDER, read_dataset
from warpdata.sources.image_folder import IMAGES, image_folder, is_image_folder_name
from warpdata.sources.listing import FolderListing
from warpdata.sources.picture_names import is_image_name, unreadable_picture_name
from warpdata.sources.table import SourceRow

MAX_DEPTH = 3
"""How far below the input scenes are looked for."""

SYSTEM_FOLDERS = frozenset(
    "@eadir @recently-snapshot @recycle @sharebin @tmp #recycle #snapshot $recycle.bin __macosx lost+found "
    "__pycache__ node_modules".split()
) | {"system volume information"}
"""What file servers and systems put beside people's files, in lower case."""

THUMBNAILS = re.compile(r"[._]?(thumb|thumbs|thumbnail|thumbnails|preview|previews)", re.IGNORECASE)

COMPANIONS = re.compile(
    r"(depth|disparity|disparities|disp|mask|normal|seg|segmentation|semantic|label|conf|confidence|flow|sparse|dense|"
    r"stereo|colmap|feature|match|matches|pose|sky)s?(maps?|images?)?([\W_].*|\d*)",
    re.IGNORECASE,
)
"""Folders in or beside one of photographs that hold what belongs to them."""

PHOTOGRAPHS = re.compile(r"(rgb|colou?r|image|img|photo|photograph|picture|frame)s?([\W_].*|\d*)", re.IGNORECASE)
"""Folders beside companions that hold the photographs."""

CACHE_FOLDERS = {"geometry", "digests"}
"""By which a cache of this program is known."""

A_CACHE = "a cache"
UNFINISHED = "an unfinished output"
SCENE_EXPORT = "an export of scenes"
"""What this program makes that can be an input in turn, where it is given as one."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class SceneFolder:
    """A folder, or a file, that a source recognises as a scene.

    Attributes:
        place: where it is below the input, with `/`; "" for the input itself.
        row: the source; None where no folder could be looked into.
        problem: why it cannot be read, None where nothing is known to be wrong.
    """

    path: Path
    place: str
    row: SourceRow | None
    problem: str | None = None


def find_scene_folders(top: Path, rows: Sequence[SourceRow]) -> list[SceneFolder]:
    """The scenes' folders at and below an input folder; opens no image.

    Args:
        rows: the sources asked, the first that recognises a folder wins.

    Raises:
        OSError: the input cannot be listed.
    """
    return _Walk(rows).found(FolderListing.read(top), PurePosixPath(), owned=False)


def find_scene_file(path: Path, rows: Sequence[SourceRow]) -> list[SceneFolder]:
    """The scene that an input file is. A source that is insisted on takes it whatever its name."""
    insisted = len(rows) == 1 and rows[0].read_file is not None
    row = rows[0] if insisted else next((row for row in rows if row.recognise_file(path.name)), None)
    return [] if row is None else [SceneFolder(path, "", row)]


class _Walk:
    def __init__(self, rows: Sequence[SourceRow]):
        self._rows = rows
        self._insisted = rows[0].recognise_insisted if len(rows) == 1 else None

    def _row_of(self, listing: FolderListing) -> SourceRow | None:
        if self._insisted is not None:
            return self._rows[0] if self._insisted(listing) else None
        return next((row for row in self._rows if row.recognise(listing)), None)

    def found(self, listing: FolderListing, place: PurePosixPath, *, owned: bool) -> list[SceneFolder]:
        """Scenes at and below a folder.

        Args:
            owned: it lies in a scene whose own the pictures in it are.
        """
        row = self._row_of(listing)
        if row is None or (owned and row.only_pictures):
            return [*self._below(listing, place, owned=owned), *([] if owned else self._files(listing, place))]
        here = SceneFolder(listing.path, "" if place == PurePosixPath() else place.as_posix(), row)
        if row.open is not None or row.owns_below:
            return [here]  # what lies below is its own affair
        if not row.only_pictures or _has_image_folder(listing, is_input=not place.parts):
            return [here, *self._below(listing, place, owned=True)]
        below = self._below(listing, place, owned=owned)
        if len(listing.pictures) < 2:
            below += self._files(listing, place)
        if below and len(listing.pictures) < 2:
            for name in listing.pictures:
                logger.warning("%s lies beside scenes and is in none of them: it is not used", listing.path / name)
            return below
        if below:
            logger.warning(
                "%s is a scene of the %d pictures that lie directly in it, and so are %d of its sub-folders",
                *(listing.path, len(listing.pictures), len(below)),
            )
        return [here, *below]

    def _below(self, listing: FolderListing, place: PurePosixPath, *, owned: bool) -> list[SceneFolder]:
        found: list[SceneFolder] = []
        if sum(not ARCHIVE_NAME.fullmatch(part) for part in place.parts) >= MAX_DEPTH:
            if not owned:
                _say_too_deep(listing)
            return found
        for name in listing.folders:
            if name.startswith(".") or name.casefold() in SYSTEM_FOLDERS:
                continue
            if owned and (is_image_folder_name(name) or COMPANIONS.fullmatch(name)):
                continue  # nothing but pictures: not worth listing in each of thousands of scenes
            try:
                inside = FolderListing.read(listing.path / name)
            except OSError as error:
                logger.warning("%s is left out: %s", listing.path / name, error)
                continue
            if (reason := _why_no_scene(name, inside, listing)) is not None:
                if not owned:
                    logger.warning("%s is left out: %s", inside.path, reason)
                continue
            found += self.found(inside, place / name, owned=owned)
        return found if owned else [*found, *self._in_archives(listing, place)]

    def _files(self, listing: FolderListing, place: PurePosixPath) -> Iterator[SceneFolder]:
        """Files of a folder that are scenes by themselves."""
        for name in listing.files:
            row = next((row for row in self._rows if row.recognise_file(name)), None)
            if row is not None and is_file(listing.path / name):
                yield SceneFolder(listing.path / name, (place / name).as_posix(), row)

    def _in_archives(self, listing: FolderListing, place: PurePosixPath) -> Iterator[SceneFolder]:
        for name in listing.archives:
            path = listing.path / name
            if (unpacked := archive_stem(name)) in listing.folders:
                logger.warning("%s is left out: the folder %s beside it has its name", path, unpacked)
                continue
            problem, found = None, []
            try:
                inside = FolderListing.read(path)
                if (reason := _why_no_scene(name, inside, listing)) is not None:
                    logger.warning("%s is left out: %s", path, reason)
                    continue
                found = self.found(inside, place / name, owned=False)
                problem = None if found else describe_refused(path)
            except OSError as error:
                problem = str(error)
            if problem is not None:
                found = [SceneFolder(path, (place / name).as_posix(), None, problem)]
            elif not found:
                logger.warning("%s is left out: it holds no scene", path)
            yield from found


def _has_image_folder(listing: FolderListing, *, is_input: bool) -> bool:
    """Whether a folder's pictures lie in a folder of their own. In the input, `images_old` may be a scene's name."""
    if not any(name.lower() == IMAGES if is_input else is_image_folder_name(name) for name in listing.folders):
        return False
    try:
        return not listing.pictures or image_folder(root := listing.path.resolve()) != root
    except (OSError, ViewError):  # whoever reads the scene says so
        return True


def _say_too_deep(listing: FolderListing) -> None:
    for name in listing.folders:
        try:
            inside = FolderListing.read(listing.path / name)
        except OSError:
            continue
        if inside.pictures and not name.startswith("."):
            logger.warning(
                "%s is left out: it is more than %d folders below the input; give a folder nearer to it as `input_dir`",
                *(inside.path, MAX_DEPTH),
            )


def _why_no_scene(name: str, inside: FolderListing, above: FolderListing) -> str | None:
    """Why neither a folder nor anything below it is a scene, whatever it holds."""
    if THUMBNAILS.fullmatch(name):
        return "it holds thumbnails, by its name; give it as `input_dir` to use it"
    if is_image_name(name) or unreadable_picture_name(name):
        return "it is a folder with the name of a picture"
    if (made := made_by_us(inside)) is not None:
        return f"it is {made} of this program"
    if COMPANIONS.fullmatch(name):
        beside = above.path if above.pictures else _photographs_in(above)
        if beside is not None:
            return f"it belongs to the photographs in {beside}, by its name, and is not used without a transforms.json"
    if inside.pictures and _stems(inside) <= _stems(above):
        return f"it holds the photographs of {above.path} again, by their names"
    return None


def _photographs_in(listing: FolderListing) -> Path | None:
    """The first folder in another that is called like one of photographs."""
    return next((listing.path / name for name in listing.folders if PHOTOGRAPHS.fullmatch(name)), None)


def made_by_us(listing: FolderListing) -> str | None:
    """What of this program's own a folder is, such as "a cache"; None where it is none of it."""
    if set(listing.folders) >= CACHE_FOLDERS:
        return A_CACHE
    if STATE_FOLDER in listing.folders:
        return UNFINISHED
    if DATASET in listing.files:
        try:
            about = read_dataset(listing.path)
        except OutputError:  # somebody else's file of that name
            return None
        return SCENE_EXPORT if about and "scenes" in about else "an output"
    return None


def _stems(listing: FolderListing) -> set[str]:
    return {PurePosixPath(name).stem.casefold() for name in listing.pictures}
