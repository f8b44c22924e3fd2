"""Files that appear whole under their final name, or not at all."""

from __future__ import annotations

import errno
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from warpdata.errors import OutputError

PART_SUFFIX = ".part"
"""Names of unfinished files end so, and begin with a dot."""

_ADVICE = {
    errno.ENOSPC: "the disk is full; free space, or choose another folder",
    errno.EDQUOT if hasattr(errno, "EDQUOT") else errno.ENOSPC: "the disk quota is used up; free space",
    errno.EROFS: "the file system is read-only; choose another folder",
    errno.EACCES: "permission denied; make the folder writable, or choose another folder",
    errno.EPERM: "permission denied; make the folder writable, or choose another folder",
    errno.ENAMETOOLONG: "the path is too long for this file system; choose a folder with a shorter path",
}


def part_path(path: Path, *, shared: bool = False) -> Path:
    """Where a file is written before it gets its final name: hidden, in the same folder.

    Args:
        shared: give every writer a name of its own, for files that several processes may write at once. Otherwise it is
            the same in every run, so that what a killed run leaves is replaced by the next one.
    """
    writer = f".{secrets.token_hex(8)}" if shared else ""
    return path.with_name(f".{path.name}{writer}{PART_SUFFIX}")


@contextmanager
def atomic_file(path: Path, *, shared: bool = False) -> Iterator[BinaryIO]:
    """A binary file to write, which takes its final name when the block ends and is removed when the block raises.

    Its bytes are on the disk before the name is; `sync_folder` then makes the name itself durable.

    Args:
        shared: whether several processes may write the file at once; the last one's stays.

    Raises:
        OutputError: it cannot be written, and why; names the file.
    """
    part = part_path(path, shared=shared)
    with output_errors(path):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with part.open("wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            os.replace(part, path)
        except BaseException:
            with suppress(OSError):
                part.unlink(missing_ok=True)
            raise


def write_atomic(path: Path, data: bytes | str, *, shared: bool = False) -> None:
    """Write a whole file; text as UTF-8, line ends unchanged. See `atomic_file`.

    Raises:
        OutputError: it cannot be written, and why; names the file.
    """
    with atomic_file(path, shared=shared) as file:
        file.write(data.encode() if isinstance(data, str) else data)


def place_file(source: Path, path: Path, *, link: bool) -> None:
    """Give an existing file a second name, as a hard link where that is asked for and possible, else as a copy.

    Raises:
        OutputError: it cannot be written, and why; names the file.
    """
    if link and _linked(source, path):
        return
    with output_errors(source):
        reading = source.open("rb")
    with reading, atomic_file(path) as writing:
        shutil.copyfileobj(reading, writing, 2**20)


def _linked(source: Path, path: Path) -> bool:
    part = part_path(path)
    try:
        if path.exists() and path.samefile(source):
            return True
        path.parent.mkdir(parents=True, exist_ok=True)
        part.unlink(missing_ok=True)
        os.link(source, part)
        os.replace(part, path)
    except OSError:  # another disk, or a file system without links; a full or read-only one fails again when copying
        return False
    return True


def sync_file(path: Path) -> None:
    """Make the bytes of a closed file durable."""
    with path.open("r+b") as file:
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable. Windows has no such call and needs none."""
    if os.name == "nt":
        return
    with output_errors(folder):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        except OSError as error:
            if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # network file systems that cannot do it
                raise
        finally:
            os.close(descriptor)


@contextmanager
def output_errors(path: Path) -> Iterator[None]:
    """Turn errors of the operating system into an `OutputError` that names the file and says what to do."""
    try:
        yield
    except OSError as error:
        advice = _ADVICE.get(error.errno or 0, f"{error.strerror or error}")
        raise OutputError(f"cannot write {path}: {advice}") from error
