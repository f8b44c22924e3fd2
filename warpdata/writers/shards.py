"""Tar files that hold samples: reading a member back."""

from __future__ import annotations

import tarfile
from pathlib import Path

from warpdata.writers.atomic import write_atomic


def extract_member(shard: Path, member: str, path: Path) -> bool:
    """Write one member of a shard to a file of its own; False when the shard or the member cannot be read."""
    try:
        with tarfile.open(shard, "r:") as tar:
            data = tar.extractfile(member).read()
    except (OSError, tarfile.TarError, KeyError):
        return False
    write_atomic(path, data)
    return True
