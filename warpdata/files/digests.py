"""SHA-256 and git digests of files of any length, in hexadecimal."""

from __future__ import annotations

import functools
import hashlib
import io
from pathlib import Path
from typing import Any

from warpdata.files.tree import open_file

_BLOCK_BYTES = 2**20


def stream_digest(file: io.IOBase, digest: Any = None) -> str:
    """Digest of what is left of an open file.

    Args:
        digest: an object of `hashlib` that may have taken bytes already; SHA-256 by default.
    """
    digest = hashlib.sha256() if digest is None else digest
    block = memoryview(bytearray(_BLOCK_BYTES))
    while count := file.readinto(block):
        digest.update(block[:count])
    return digest.hexdigest()


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's bytes.

    Raises:
        OSError: it cannot be read.
    """
    with open_file(path) as file:
        return stream_digest(file)


def remembered_sha256(path: Path) -> str:
    """SHA-256 of a large file's bytes, computed once a process while its size and time stay what they are.

    Raises:
        OSError: it cannot be read.
    """
    status = path.stat()
    return _remembered(path, status.st_size, status.st_mtime_ns)


@functools.lru_cache(maxsize=16)
def _remembered(path: Path, size: int, mtime_ns: int) -> str:
    return file_sha256(path)


def git_blob_sha1(path: Path) -> str:
    """The name git gives to a file's content."""
    with path.open("rb", buffering=0) as file:
        header = f"blob {path.stat().st_size}\0".encode()
        return stream_digest(file, hashlib.sha1(header, usedforsecurity=False))
