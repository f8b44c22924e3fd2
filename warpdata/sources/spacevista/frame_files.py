"""Files of frames and masks below the root, by the paths that items have."""

from __future__ import annotations

import re
from functools import cached_property
from pathlib import Path, PurePosixPath

from warpdata.errors import ViewError
from warpdata.files.paths import resolve_inside
from warpdata.files.tree import is_file, is_folder
from warpdata.formats.spacevista.item import exchanged

_DRIVE = re.compile(r"[A-Za-z]:")


class FrameFiles:
    """Finds what items name.

    Paths are relative to the root. One that is absolute, of the machine where the items were written, is read from the
    first folder on that lies in the root.

    Args:
        root: resolved.
    """

    def __init__(self, root: Path):
        self.root = root

    def find(self, written: str) -> Path:
        """The file of a frame or a mask; of a frame that is there at another size alone, that one.

        Raises:
            ViewError: there is none, or the path leads out of the root.
        """
        for path in (written, exchanged(written.replace("\\", "/"))):
            if path is not None and is_file(found := resolve_inside(self.root, self._below(path))):
                return found
        raise ViewError("the file is missing")

    def folder(self, written: str) -> Path | None:
        """The folder of a scene; None where there is none, or its path leads out of the root."""
        try:
            found = resolve_inside(self.root, self._below(written)) if written else self.root
        except ViewError:
            return None
        return found if is_folder(found) else None

    def _below(self, written: str) -> str:
        path = written.replace("\\", "/")
        if not path.startswith("/") and not _DRIVE.match(path):
            return written
        parts = PurePosixPath(path).parts
        for place, part in enumerate(parts):
            if part in self._folders:
                return str(PurePosixPath(*parts[place:]))
        return written  # absolute, and refused as such

    @cached_property
    def _folders(self) -> frozenset[str]:
        return frozenset(path.name for path in self.root.iterdir() if path.is_dir())
