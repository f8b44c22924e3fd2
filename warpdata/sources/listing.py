"""What lies directly in a folder, read once; by it sources are recognised. Light to import."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from warpdata.files.tree import ARCHIVE_NAME, archive_around, list_folder
from warpdata.sources.picture_names import is_image_name, unreadable_picture_name


@dataclass(frozen=True)
class FolderListing:
    """The names in a folder.

    Attributes:
        path: of the folder.
        files: names of everything that is no folder, hidden or not.
        folders: names of the folders in it, also of links to folders.
    """

    path: Path
    files: tuple[str, ...]
    folders: tuple[str, ...]

    @classmethod
    def read(cls, path: Path) -> FolderListing:
        """List a folder, sorted; opens no file.

        Raises:
            OSError: it cannot be listed.
        """
        listed = list_folder(path)
        return cls(path, listed.files, listed.folders)

    @cached_property
    def archives(self) -> tuple[str, ...]:
        """The files that are read as folders, by their names; those in other archives are not."""
        named = tuple(name for name in self.files if not name.startswith(".") and ARCHIVE_NAME.fullmatch(name))
        return () if named and archive_around(self.path) is not None else named

    @cached_property
    def pictures(self) -> tuple[str, ...]:
        """The files named as pictures, whether pictures of their type can be read here or not."""
        return tuple(name for name in self.files if is_image_name(name) or unreadable_picture_name(name))
