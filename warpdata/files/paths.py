"""Paths that come from data: they stay inside the scene's folder, whatever they say."""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath, PureWindowsPath

from warpdata.errors import ViewError


def resolve_inside(root: Path, written: str, *, relative_only: bool = True) -> Path:
    """The path that `written` names below `root`; it need not exist. Backslashes count as separators.

    Args:
        root: the scene's folder, resolved.
        written: as it stands in a file of the scene.
        relative_only: refuse absolute paths and `..` even where they lead to a place in `root`, as what moves with its
            folder must have neither.

    Raises:
        ViewError: it leads out of `root`, also through a link, or cannot be a path.
    """
    as_posix = written.replace("\\", "/")
    if not PurePosixPath(as_posix).parts or "\0" in written or not _can_be_encoded(written):
        raise ViewError(f"path {written!r} names no file; give one relative to {root}")
    # On Windows `root / "C:/x"` is `C:/x`; elsewhere it is a path below `root`, which nobody meant.
    foreign_drive = bool(PureWindowsPath(written).drive) and not PureWindowsPath(root).drive
    path = Path(os.path.normpath(root / as_posix))
    if not path.is_relative_to(root):
        path = _without_links(path)
    if foreign_drive or not path.is_relative_to(root) or path == root:
        raise ViewError(
            f"path {written!r} leads out of the scene's folder {root}; only paths inside it are read: write it "
            "relative to that folder"
        )
    absolute = PurePosixPath(as_posix).is_absolute()
    if relative_only and (absolute or ".." in PurePosixPath(as_posix).parts):
        raise ViewError(f"path {written!r} is {'absolute' if absolute else 'not plain'}; write it relative to {root}")
    check_inside(root, path)
    return path


def _without_links(path: Path) -> Path:
    """The path with links followed, as the scene's folder may be reached by another name; itself if that fails."""
    try:
        return path.resolve()
    except (OSError, RuntimeError):
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
