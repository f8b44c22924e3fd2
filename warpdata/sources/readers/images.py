"""The source `images`: photographs in a folder, without cameras."""

from __future__ import annotations

from collections import Counter
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from warpdata.sources.listing import FolderListing
from warpdata.sources.table import SourceRow

if TYPE_CHECKING:
    from warpdata.sources.scene import Scene


def recognise(listing: FolderListing) -> bool:
    """Whether pictures lie in a folder, or in one of its folders called `images...`."""
    from warpdata.sources.image_folder import is_image_folder_name

    return bool(listing.pictures) or any(is_image_folder_name(name) for name in listing.folders)


def read(root: Path, scene_id: str, options: None = None) -> Scene:
    """The photographs of a folder as a scene; those that cannot be read are left out and named.

    Args:
        root: the scene's folder, resolved.

    Raises:
        ViewError: its folder of images is a link that leads out of it.
        OSError: a folder cannot be listed.
    """
    from warpdata.sources.image_folder import image_folder
    from warpdata.sources.naming import named_files
    from warpdata.sources.scene import PictureFile, Scene, View

    listing = FolderListing.read(image_folder(root))
    paths, left_out = _pictures(root, listing)
    views = tuple(View(name=name, picture=PictureFile(path)) for name, path in named_files(root, paths))
    return Scene(id=scene_id, root=root, views=views, left_out=left_out, notes=_notes(root, listing))


def _pictures(root: Path, listing: FolderListing) -> tuple[list[Path], dict[str, str]]:
    """The pictures of a folder, and those that cannot be used with the reason."""
    from warpdata.errors import ViewError
    from warpdata.files.paths import check_inside
    from warpdata.files.tree import is_file
    from warpdata.sources.picture_names import is_image_name

    paths: list[Path] = []
    left_out: dict[str, str] = {}
    companions = _companions(listing)
    # A link to a folder that is called like a picture was meant for one; a folder of such a name was not.
    links = [name for name in listing.folders if is_image_name(name) and (listing.path / name).is_symlink()]
    for name in sorted([*listing.pictures, *links]):
        path = listing.path / name
        try:
            if not is_image_name(name):
                if name not in companions:
                    left_out[name] = f"pictures of type {path.suffix.lower()} are not read: convert them to PNG or JPEG"
                continue
            if path.is_symlink():
                check_inside(root, path)
            if not is_file(path):
                raise ViewError(f"{path} is not a file that can be opened")
            paths.append(path)
        except (OSError, ViewError) as error:
            left_out[name] = str(error)
    return paths, left_out


def _companions(listing: FolderListing) -> set[str]:
    """Pictures of a type that is not read beside one of the same name that is, such as raw files of a camera."""
    from warpdata.sources.picture_names import is_image_name

    readable = {PurePosixPath(name).stem.casefold() for name in listing.pictures if is_image_name(name)}
    return {
        name for name in listing.pictures if not is_image_name(name) and PurePosixPath(name).stem.casefold() in readable
    }


def _notes(root: Path, listing: FolderListing) -> tuple[str, ...]:
    """What else lies there and is not used."""
    from warpdata.errors import listed
    from warpdata.formats.pyav import is_video_name

    notes = []
    for suffix, count in sorted(Counter(Path(name).suffix.lower() for name in _companions(listing)).items()):
        notes.append(f"{count} files of type {suffix} in {listing.path} are not read; pictures of the same names are")
    if videos := [name for name in listing.files if is_video_name(name)]:
        notes.append(
            f"{len(videos)} videos beside the pictures in {listing.path} ({listed(videos)}) are not used: give one as "
            '`input_dir`, or all with `source="video"`'
        )
    if listing.path != root and (beside := FolderListing.read(root).pictures):
        notes.append(
            f"{len(beside)} pictures directly in {root} ({beside[0]}, ...) are not used: those in {listing.path.name} "
            "are; move them elsewhere to use them"
        )
    return tuple(notes)


ROW = SourceRow(
    name="images",
    about="photographs in a folder, or in its folder images; cameras and depth are estimated",
    recognise=recognise,
    read=read,
    only_pictures=True,
)
