"""Paths that come from data: they stay inside the scene's folder, whatever they say."""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath, PureWindowsPath

from warpdata.errors import ViewError


def resolve_inside(root: Path, relative: str) -> Path:
    """The path `relative` names below `root`; it need not exist. Backslashes count as separators.

    Args:
        root: the scene's folder, resolved.
        relative: as written in a file of the scene.

    Raises:
        ViewError: it is absolute, holds `..`, cannot be a path, or leads out of `root` through a link.
    """
    as_posix = relative.replace("\\", "/")
    parts = PurePosixPath(as_posix).parts
    if not parts or "\0" in relative or not _can_be_encoded(relative):
        raise ViewError(f"path {relative!r} names no file; give one relative to {root}")
    if PurePosixPath(as_posix).is_absolute() or PureWindowsPath(relative).drive or ".." in parts:
        raise ViewError(f"path {relative!r} leads out of the scene's folder {root}; only paths inside it are read")
    path = root.joinpath(*parts)
    check_inside(root, path)
    return path


def _can_be_encoded(path: str) -> bool:
    try:
        os.fsencode(path)
    except UnicodeEncodeError:
        return False
    return True


def check_inside(root: Path, path: Path) -> None:
    """Refuse a path that a link takes out of the (resolved) `root`.

    Raises:
        ViewError: it does, or its links form a loop.
    """
    try:
        target = path.resolve()
    except (OSError, RuntimeError) as error:
        raise ViewError(f"{path} cannot be followed ({error}); replace it by the file itself") from error
    if not target.is_relative_to(root):
        raise ViewError(f"{path} is a link that leads out of the scene's folder {root}; replace it by the file itself")
