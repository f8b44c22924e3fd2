"""Files and folders by path, whether they lie on the disk or in an archive: `/data/room.tar/images/0.png`.

Who reads data through these functions reads it from tars and zips as well, in place: a path says which archive and
which member, so that it stays the one thing that is kept, compared, pickled and named in messages. Archives have a
suffix of `ARCHIVE_NAME`; their members are checked by `archives` and listed once a process by `archive_index`.

Everything here raises OSError where something cannot be read, also for an archive that is damaged.
"""

from __future__ import annotations

import errno
import io
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from warpdata.errors import ArchiveError
from warpdata.files.archive_index import ArchiveIndex, Folder

ARCHIVE_NAME = re.compile(r".+\.(tar|zip|tgz|tbz2?|txz|tar\.(gz|bz2|xz|zst))", re.IGNORECASE)
"""Names of archives. The compressed ones are refused, with what to do, when they are opened."""

_MAY_LEAD_INTO_ONE = re.compile(r"\.(tar|zip|tgz|tbz2?|txz|gz|bz2|xz|zst)([/\\]|$)", re.IGNORECASE)

_INDEXES_KEPT = 256
_REFUSED_SHOWN = 5


class FileNumbers(NamedTuple):
    """What tells that a file is still the same; of a member of an archive, times and number are the archive's."""

    size: int
    mtime_ns: int
    ctime_ns: int
    number: int


def archive_around(path: Path) -> tuple[Path, str] | None:
    """The archive that a path leads to or into, and the member's name, "" for the archive itself; None for others."""
    if not _MAY_LEAD_INTO_ONE.search(os.fspath(path)):
        return None
    for above in (*reversed(path.parents), path):
        if ARCHIVE_NAME.fullmatch(above.name) and above.is_file():
            return above, "" if above == path else path.relative_to(above).as_posix()
    return None


def open_file(path: Path) -> io.BufferedReader:
    """A file to read, seekable.

    Raises:
        OSError: it does not exist or cannot be read.
    """
    if (member := _member_of(path)) is None:
        return path.open("rb")
    index, name = member
    if name not in index.files:
        code = errno.EISDIR if name in index.folders else errno.ENOENT
        raise OSError(code, os.strerror(code), str(path))
    return index.open(name)


def read_file(path: Path) -> bytes:
    """All bytes of a file, whose size the caller has looked at.

    Raises:
        OSError: it does not exist or cannot be read.
    """
    with open_file(path) as file:
        return file.read()


def file_numbers(path: Path | str) -> FileNumbers:
    """Size, times and number of a file.

    Raises:
        OSError: it does not exist or cannot be read.
    """
    member = _member_of(Path(path)) if _MAY_LEAD_INTO_ONE.search(os.fspath(path)) else None
    if member is None:
        status = os.stat(path)
        return FileNumbers(status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)
    index, name = member
    if name not in index.files:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
    return file_numbers(index.path)._replace(size=index.files[name].size)


def is_file(path: Path) -> bool:
    """Whether there is a file; an archive is one."""
    member = _member_of(path)
    return path.is_file() if member is None else member[1] in member[0].files


def is_folder(path: Path) -> bool:
    """Whether there is a folder; an archive is one as well."""
    place = _place_in_archive(path)
    return path.is_dir() if place is None else place[1] in place[0].folders


def list_folder(path: Path) -> Folder:
    """The names in a folder; links to folders are among the folders, whatever else is no folder among the files.

    Raises:
        OSError: it does not exist or cannot be read.
    """
    if (place := _place_in_archive(path)) is not None:
        index, name = place
        if name not in index.folders:
            code = errno.ENOTDIR if name in index.files else errno.ENOENT
            raise OSError(code, os.strerror(code), str(path))
        return index.folders[name]
    files: list[str] = []
    folders: list[str] = []
    with os.scandir(path) as entries:
        for entry in entries:
            try:
                inside = entry.is_dir()
            except OSError:  # a link to itself; whoever opens it says so
                inside = False
            (folders if inside else files).append(entry.name)
    return Folder(tuple(sorted(files)), tuple(sorted(folders)))


def archive_stem(name: str) -> str:
    """The name of an archive without its suffixes; of others the name."""
    match = ARCHIVE_NAME.fullmatch(name)
    return name if match is None else name[: match.start(1) - 1]


def describe_refused(path: Path) -> str | None:
    """A sentence about the members that are not used of the archive around a path; None where there are none.

    Raises:
        OSError: the archive cannot be read.
    """
    place = _place_in_archive(path)
    if place is None or not place[0].refused:
        return None
    index = place[0]
    listed = [f"{name!r} is {reason}" for name, reason in list(index.refused.items())[:_REFUSED_SHOWN]]
    more = len(index.refused) - len(listed)
    return f"{len(index.refused)} members of {index.path} are not used: {'; '.join(listed)}" + (
        f"; and {more} more" if more else ""
    )


@contextmanager
def local_file(path: Path) -> Iterator[Path]:
    """A path by which libraries that open files themselves can read one, while the block lasts.

    Raises:
        OSError: it does not exist or cannot be read.
    """
    if _member_of(path) is None:
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="warpdata-") as folder:
        copy = Path(folder) / path.name
        with open_file(path) as reading, copy.open("wb") as writing:
            shutil.copyfileobj(reading, writing, 2**20)
        yield copy


def _member_of(path: Path) -> tuple[ArchiveIndex, str] | None:
    """The archive a path leads into and the name there; None for what lies on the disk, archives among it."""
    around = archive_around(path)
    return None if around is None or not around[1] else _place_in_archive(path)


def _place_in_archive(path: Path) -> tuple[ArchiveIndex, str] | None:
    """The archive a path leads to or into and the name there, "" for the archive itself; None outside archives."""
    around = archive_around(path)
    if around is None:
        return None
    archive, name = around
    status = os.stat(archive)
    try:
        return _index(archive, status.st_size, status.st_mtime_ns, status.st_ino), name
    except (ArchiveError, io.UnsupportedOperation) as error:
        raise OSError(f"{archive} cannot be read: {error}") from error


@lru_cache(maxsize=_INDEXES_KEPT)
def _index(archive: Path, size: int, mtime_ns: int, number: int) -> ArchiveIndex:
    return ArchiveIndex.read(archive)
