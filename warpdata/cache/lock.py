"""Locks between processes that end with their owner, however it ends.

They save double work and nothing else rests on them: where a file system has no locks, work is done twice.
"""

from __future__ import annotations

import errno
import logging
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

if os.name == "posix":
    import fcntl
else:
    import msvcrt

POLL_SECONDS = 0.05
"""How often a lock that another process holds is tried again."""

_HELD = {errno.EACCES, errno.EAGAIN, errno.EDEADLK, errno.EWOULDBLOCK}

logger = logging.getLogger(__name__)


@contextmanager
def file_lock(path: Path, *, waiting: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Hold the lock called `path`; the file itself is made for it and removed after it.

    The operating system releases the lock when its owner ends, so that of a killed process is taken over at once.

    Args:
        waiting: called whenever the lock was found held by another process.

    Raises:
        OSError: the file cannot be made.
    """
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            locked = try_lock(descriptor)
            if locked is None:
                logger.warning("%s has no locks: processes that share this cache may do the same work", path.parent)
            # The last owner removed the file before we had its lock: others would lock a new file of this name.
            if locked is None or (locked and _is_at(descriptor, path)):
                try:
                    yield
                finally:
                    _remove(path, descriptor)
                return
        finally:
            os.close(descriptor)
        if not locked:
            waiting()
            time.sleep(POLL_SECONDS)


def try_lock(descriptor: int) -> bool | None:
    """Lock an open file without waiting: True, or False when it is held elsewhere, or None where there are no locks.

    Closing the file releases it.
    """
    try:
        if os.name == "posix":
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        else:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
    except OSError as error:
        return False if error.errno in _HELD else None
    return True


def is_abandoned(path: Path) -> bool | None:
    """Whether nobody holds the lock of a file any more; None where there are no locks."""
    try:
        descriptor = os.open(path, os.O_RDWR)
    except OSError:
        return False
    try:
        return try_lock(descriptor)
    finally:
        os.close(descriptor)


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(path))
    except FileNotFoundError:
        return False


def _remove(path: Path, descriptor: int) -> None:
    """Remove our lock file while we hold it; a system that keeps open files keeps it, which harms nobody."""
    if _is_at(descriptor, path):
        with suppress(OSError):
            path.unlink()
