"""What lies directly in a folder, read once; by it sources are recognised. Light to import."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

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
        files: list[str] = []
        folders: list[str] = []
        with os.scandir(path) as entries:
            for entry in entries:
                try:
                    is_folder = entry.is_dir()
                except OSError:  # a link to itself; whoever opens it says so
                    is_folder = False
                (folders if is_folder else files).append(entry.name)
        return cls(path, tuple(sorted(files)), tuple(sorted(folders)))

    @cached_property
    def pictures(self) -> tuple[str, ...]:
        """The files named as pictures, whether pictures of their type can be read here or not."""
        return tuple(name for name in self.files if is_image_name(name) or unreadable_picture_name(name))
