"""Locks between processes that end with their owner, however it ends.

They save double work and nothing else rests on them: where a file system has no locks, work is done twice.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

POLL_SECONDS = 0.05
"""How often a lock that another process holds is tried again."""

logger = logging.getLogger(__name__)


@contextmanager
def hold_lock(path: Path, *, waiting: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Hold the lock called `path`; the file itself is made for it and removed after it.

    The operating system releases the lock when its owner ends, so that of a killed process is taken over at once.

    Args:
        waiting: called whenever the lock was found held by another process.

    Raises:
        OSError: the file cannot be made.
    """
    path.touch()  # a folder that cannot be written is an error, a file system without locks is not
    lock = FileLock(path)
    while not lock.is_locked:
        try:
            lock.acquire(timeout=POLL_SECONDS, poll_interval=POLL_SECONDS)
        except Timeout:
            waiting()
        except (OSError, NotImplementedError) as error:
            logger.warning("%s has no locks (%s): processes that share it may do the same work", path.parent, error)
            break
    try:
        yield
    finally:
        with suppress(OSError):  # a system that keeps open files keeps it, which harms nobody
            path.unlink()
        lock.release()


def is_held(path: Path) -> bool | None:
    """Whether a process holds the lock of an existing file; None where there are no locks."""
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return True
    except (OSError, NotImplementedError):
        return None
    lock.release()
    return False
