"""A token of a folder that changes when anything in it does."""

from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path

from warpdata.files.tree import archive_around

SETTLED_NS = 2_000_000_000
"""A folder in which something changed less than this ago may change again within the resolution of its clock."""


def folder_state(folder: Path) -> str | None:
    """A digest of the names, sizes, times and numbers of everything below a folder; None while it may be changing.

    In an archive it is that of the archive. Folders that are links are not entered; none of their files belongs to a
    scene.
    """
    digest = hashlib.sha256()
    newest = 0
    around = archive_around(folder)
    waiting = [] if around is not None else [os.fspath(folder)]
    try:
        if around is not None:
            status = os.stat(around[0])
            newest = max(status.st_mtime_ns, status.st_ctime_ns)
            digest.update(f"{folder}\0{file_numbers(status)}".encode(errors="surrogateescape"))
        while waiting:
            inside = waiting.pop()
            with os.scandir(inside) as entries:
                for entry in sorted(entries, key=lambda entry: entry.name):
                    status = entry.stat()
                    newest = max(newest, status.st_mtime_ns, status.st_ctime_ns)
                    digest.update(f"{entry.path}\0{file_numbers(status)}\0".encode(errors="surrogateescape"))
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
    except OSError:
        return None
    return digest.hexdigest() if newest < time.time_ns() - SETTLED_NS else None


def file_numbers(status: os.stat_result) -> list[int]:
    """What tells that a file is still the same: size, time, number in the file system."""
    return [status.st_size, status.st_mtime_ns, status.st_ino]
