"""Samples packed into larger files: which go where, and each file written once, whole, here or at a remote place."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

from typing_extensions import Buffer

from warpdata.files.atomic import atomic_file, sync_folder, write_atomic
from warpdata.files.bounded_json import dump_json, fingerprint, read_json
from warpdata.formats.manifest import Record
from warpdata.writers.layouts.layout import Place, Shard
from warpdata.writers.output.remote import Remote

PACK_THREADS = 4
"""Shards that are packed at once; packing waits for the disk and the network most of the time."""


def plan_shards(
    records: Iterable[Record], max_samples: int, max_bytes: int, sample_bytes: Callable[[Record], int]
) -> list[list[Record]]:
    """Split samples, in their order, into the fewest runs within both limits; a sample above the limit is alone."""
    shards: list[list[Record]] = []
    filled = 0
    for record in records:
        length = sample_bytes(record)
        if not shards or len(shards[-1]) == max_samples or filled + length > max_bytes:
            shards.append([])
            filled = 0
        shards[-1].append(record)
        filled += length
    return shards


def shard_key(records: Sequence[Record], *format: Any) -> str:
    """A `Shard.key` from all that its samples consist of, and whatever else its bytes depend on."""
    return fingerprint([[record.as_json() for record in records], *format])


def pack(shards: Sequence[Shard], place: Place, url: str | None = None) -> dict[str, dict[str, Any]]:
    """Write the shards that are not there yet.

    Args:
        url: any fsspec URL to write them to, instead of the layout's root.

    Returns:
        path -> what `dataset.json` keeps about it: sha256, md5, bytes, samples, key.

    Raises:
        OutputError: one cannot be written; names it. No unfinished shard has its final name.
    """
    place.begin([shard.path for shard in shards])
    remote = None if url is None else Remote(url)
    with ThreadPoolExecutor(PACK_THREADS, thread_name_prefix="pack") as pool:
        done = list(pool.map(lambda shard: _pack_one(shard, place, remote), shards))
    for folder in {(place.root / shard.path).parent for shard in shards} if remote is None else ():
        sync_folder(folder)
    return {shard.path: about for shard, about in zip(shards, done, strict=True)}


def _pack_one(shard: Shard, place: Place, remote: Remote | None) -> dict[str, Any]:
    path, note = place.root / shard.path, note_path(place.state, shard.path)
    about = read_note(note)
    if about is not None and about["key"] == shard.key:
        length = remote.length(shard.path) if remote else path.stat().st_size if path.exists() else None
        if length == about["bytes"]:
            return about
    with atomic_file(place.state / "upload" / shard.path if remote else path) as file:
        digests = _Digests(file)
        shard.write(digests)
    if remote is not None:
        remote.upload(place.state / "upload" / shard.path, shard.path)
        (place.state / "upload" / shard.path).unlink()
    about = {**digests.about(), "samples": len(shard.records), "key": shard.key}
    write_atomic(note, dump_json(about))
    return about


def in_shard(record: Record, shard: str, roles: Sequence[str], files: dict[str, str] | None = None) -> Record:
    """A sample's record where it lies in a shard.

    Args:
        shard: the file that holds it.
        files: role -> name within the shard; without it the roles themselves are the names.
    """
    return replace(
        record,
        files=files or {role: role for role in roles},
        sha256={role: record.sha256[role] for role in roles},
        bytes={role: record.bytes[role] for role in roles},
        shard=shard,
    )


def note_path(state: Path, path: str) -> Path:
    """Where the state keeps what is known about a finished shard."""
    return state / "shards" / f"{path}.json"


def read_note(path: Path) -> dict[str, Any] | None:
    """What is known about a finished shard, None when there is none."""
    try:
        return read_json(path)
    except (OSError, ValueError):
        return None


class _Digests(io.RawIOBase):
    """A file that digests what is written to it; closing it leaves the file itself open."""

    def __init__(self, file: BinaryIO):
        super().__init__()
        self._file = file
        self._sha256, self._md5, self._length = hashlib.sha256(), hashlib.md5(usedforsecurity=False), 0

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._length

    def write(self, data: Buffer) -> int:
        data = memoryview(data).cast("B")
        self._sha256.update(data)
        self._md5.update(data)
        self._length += len(data)
        return self._file.write(data)

    def about(self) -> dict[str, Any]:
        return {"sha256": self._sha256.hexdigest(), "md5": self._md5.hexdigest(), "bytes": self._length}
