"""Files at any fsspec URL: complete or absent, tried again when the network fails."""

from __future__ import annotations

import hashlib
import logging
import posixpath
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from warpdata.errors import OutputError
from warpdata.files.atomic import part_path

log = logging.getLogger(__name__)

ATTEMPTS = 5
FIRST_WAIT_SECONDS = 1.0
"""Waited before the second attempt, and twice as long before each further one."""

ATOMIC_PROTOCOLS = frozenset({"s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "hf"})
"""Object stores: an upload appears when it is complete. Elsewhere a file is uploaded under another name and renamed."""

Result = TypeVar("Result")


class Remote:
    """A folder at a URL.

    Raises:
        OutputError: the URL's protocol is not known, or its package is not installed.
    """

    def __init__(self, url: str):
        import fsspec  # takes a while, and few outputs go elsewhere

        self._url = url.rstrip("/")
        try:
            self._fs, self._root = fsspec.core.url_to_fs(self._url)
        except (ImportError, ValueError) as error:
            raise OutputError(f"cannot write to {url}: {error}") from error

    def length(self, path: str) -> int | None:
        """Bytes of a file; None when there is none.

        Raises:
            OutputError: the place cannot be reached.
        """

        def ask() -> int | None:
            self._fs.invalidate_cache()
            try:
                return self._fs.info(self._at(path))["size"]
            except FileNotFoundError:
                return None

        return self._retried(path, ask)

    def sha256(self, path: str) -> str | None:
        """Digest of a file, read through; None when there is none.

        Raises:
            OutputError: the place cannot be reached.
        """

        def digest() -> str | None:
            found = hashlib.sha256()
            try:
                with self._fs.open(self._at(path), "rb") as file:
                    while block := file.read(2**20):
                        found.update(block)
            except FileNotFoundError:
                return None
            return found.hexdigest()

        return self._retried(path, digest)

    def upload(self, source: Path, path: str) -> None:
        """Copy a local file there; it appears under its name when all of it has arrived.

        Raises:
            OutputError: every attempt failed; names the file.
        """
        at, size = self._at(path), source.stat().st_size
        protocols = {self._fs.protocol} if isinstance(self._fs.protocol, str) else set(self._fs.protocol)
        first = at if protocols & ATOMIC_PROTOCOLS else posixpath.join(posixpath.dirname(at), part_path(Path(at)).name)

        def put() -> None:
            self._fs.makedirs(posixpath.dirname(at), exist_ok=True)
            self._fs.put_file(str(source), first)
            self._fs.invalidate_cache()
            arrived = self._fs.info(first)["size"]
            if arrived != size:
                raise OSError(f"{arrived} of {size} bytes arrived")
            if first != at:
                self._fs.mv(first, at)

        self._retried(path, put)

    def remove(self, path: str) -> None:
        """Remove a file, if it is there."""

        def remove() -> None:
            if self._fs.exists(self._at(path)):
                self._fs.rm_file(self._at(path))

        self._retried(path, remove)

    def _at(self, path: str) -> str:
        return posixpath.join(self._root, path)

    def _retried(self, path: str, act: Callable[[], Result]) -> Result:
        wait = FIRST_WAIT_SECONDS
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return act()
            except Exception as error:  # each file system raises errors of its own libraries
                if attempt == ATTEMPTS:
                    raise OutputError(
                        f"cannot reach {self._url}/{path}: {error} ({ATTEMPTS} attempts); run again to go on from here"
                    ) from error
                log.warning("%s/%s: %s; trying again in %.0f s", self._url, path, error, wait)
            time.sleep(wait)
            wait *= 2
        raise AssertionError("unreachable")
