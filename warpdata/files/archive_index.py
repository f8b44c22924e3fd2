"""What a tar or zip holds and where in its file, read once, so that members are read in place by ranges of bytes."""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import NamedTuple

from warpdata.errors import ArchiveError
from warpdata.files.archives import ArchiveLimits, Deflated, Member, Refused, walk_tar, walk_zip
from warpdata.files.unpacked import GZIP_MAGIC

LIMITS = ArchiveLimits(members=1_000_000)
"""Of an archive that is read in place; what it holds is listed in memory."""

IN_MEMORY = 64 * 2**20
"""Longest member that is unpacked in memory; a longer one goes to a temporary file."""

_BLOCK_BYTES = 2**18


@dataclass(frozen=True)
class Folder:
    """What lies directly in a folder of an archive.

    Attributes:
        files: names, sorted.
        folders: names, sorted.
    """

    files: tuple[str, ...]
    folders: tuple[str, ...]


class Stored(NamedTuple):
    """A file in an archive.

    Attributes:
        size: bytes, unpacked.
        where: offset of its first byte, or where it lies compressed.
    """

    size: int
    where: int | Deflated


@dataclass(frozen=True)
class ArchiveIndex:
    """The members of an archive.

    Attributes:
        path: of the archive.
        files: name, with `/` -> size and place.
        folders: name -> what lies in it; the archive itself is "".
        refused: names as the archive spells them -> why the member is not used, to stand after "is".
    """

    path: Path
    files: dict[str, Stored]
    folders: dict[str, Folder]
    refused: dict[str, str]

    @classmethod
    def read(cls, path: Path) -> ArchiveIndex:
        """Read the headers of a tar, or the directory of a zip.

        Raises:
            ArchiveError: it is damaged, is compressed as a whole, or passes a limit.
            OSError: it cannot be read.
        """
        files: dict[str, Stored] = {}
        inside: dict[str, tuple[set[str], set[str]]] = {"": (set(), set())}
        refused: dict[str, str] = {}
        with path.open("rb") as file:
            for found in _walk(file):
                if isinstance(found, Refused):
                    refused[found.name] = found.reason
                    continue
                *parents, _ = _prefixes(found.name)
                if any(name in files for name in parents) or (found.is_folder and found.name in files):
                    refused[found.name] = "below a file, as if that were a folder"
                elif not found.is_folder and found.name in inside:
                    refused[found.name] = "a file with the name of a folder"
                else:
                    for folder in (*parents, *([found.name] if found.is_folder else [])):
                        inside.setdefault(folder, (set(), set()))
                        inside[_above(folder)][1].add(_last(folder))
                    if not found.is_folder:
                        inside[_above(found.name)][0].add(_last(found.name))
                        files[found.name] = Stored(found.size, found.deflated or found.offset or 0)
        folders = {name: Folder(tuple(sorted(own)), tuple(sorted(folders))) for name, (own, folders) in inside.items()}
        return cls(path, files, folders, refused)

    def open(self, name: str) -> io.BufferedReader:
        """The bytes of a member, readable and seekable; a deflated one is unpacked as far as it is read.

        Raises:
            KeyError: there is none of this name.
            OSError: the archive cannot be read, or is damaged, then or while the member is read.
        """
        stored = self.files[name]
        file = self.path.open("rb", buffering=0)
        if isinstance(stored.where, Deflated):
            return io.BufferedReader(_Inflated(file, stored.where, stored.size, str(self.path / name)))
        return io.BufferedReader(_Range(file, stored.where, stored.size))


def _walk(file: io.IOBase) -> Iterator[Member | Refused]:
    head = file.read(len(GZIP_MAGIC))
    file.seek(0)
    if head.startswith(GZIP_MAGIC):
        raise ArchiveError(
            "it is compressed as a whole with gzip, so that no member can be read by itself; unpack it (gunzip), and "
            "give the tar or the folder"
        )
    return walk_zip(file, LIMITS) if head.startswith(b"PK") else walk_tar(file, LIMITS)


def _prefixes(name: str) -> list[str]:
    """A name and those of the folders it lies in, the outermost first."""
    parts = name.split("/")
    return ["/".join(parts[: count + 1]) for count in range(len(parts))]


def _above(name: str) -> str:
    return name.rpartition("/")[0]


def _last(name: str) -> str:
    return name.rpartition("/")[2]


class _Seekable(io.RawIOBase):
    """A readable file of known size.

    Args:
        file: unbuffered, what it is read from; is closed with this one.
        size: of what is read.
    """

    def __init__(self, file: io.RawIOBase, size: int):
        super().__init__()
        self._file, self._size = file, size
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        if start + offset < 0:
            raise ValueError(f"position {start + offset} lies before the start")
        self._position = start + offset
        return self._position

    def readinto(self, buffer) -> int:
        wanted = max(0, min(len(buffer), self._size - self._position))
        count = self._read_at(self._position, memoryview(buffer)[:wanted]) if wanted else 0
        self._position += count
        return count

    def close(self) -> None:
        self._file.close()
        super().close()

    def _read_at(self, position: int, buffer: memoryview) -> int:
        raise NotImplementedError


class _Range(_Seekable):
    """A part of a file as a file of its own, from `start` on."""

    def __init__(self, file: io.RawIOBase, start: int, size: int):
        super().__init__(file, size)
        self._start = start

    def _read_at(self, position: int, buffer: memoryview) -> int:
        self._file.seek(self._start + position)
        if not (count := self._file.readinto(buffer)):
            raise OSError("the archive has become shorter while it was read")
        return count


class _Inflated(_Seekable):
    """What deflated bytes unpack to; never takes more room than they said, and what was unpacked is kept.

    Args:
        label: what messages call it.

    Raises:
        OSError: when read, they unpack to more or less than `size`, or to other bytes.
    """

    def __init__(self, file: io.RawIOBase, deflated: Deflated, size: int, label: str):
        super().__init__(file, size)
        self._label = label
        self._decoder = zlib.decompressobj(-zlib.MAX_WBITS)
        self._packed, self._packed_left = b"", deflated.size
        self._crc32, self._expected_crc32 = 0, deflated.crc32
        self._unpacked = io.BytesIO() if size <= IN_MEMORY else TemporaryFile()
        self._file.seek(deflated.offset)

    def _read_at(self, position: int, buffer: memoryview) -> int:
        self._unpack(position + len(buffer))
        self._unpacked.seek(position)
        return self._unpacked.readinto(buffer)

    def _unpack(self, end: int) -> None:
        """Unpack until there are so many bytes, all of them where that is the last."""
        unpacked = self._unpacked.seek(0, io.SEEK_END)
        while unpacked < end or (end == self._size and not self._decoder.eof):
            if not self._packed:
                self._packed = self._file.read(min(_BLOCK_BYTES, self._packed_left))
                self._packed_left -= len(self._packed)
            try:
                data = self._decoder.decompress(self._packed, _BLOCK_BYTES)
            except zlib.error as error:
                raise OSError(f"{self._label} is damaged ({error})") from error
            self._crc32 = zlib.crc32(data, self._crc32)
            unpacked += self._unpacked.write(data)
            nothing_left = not self._packed and not data
            self._packed = self._decoder.unconsumed_tail
            if unpacked > self._size or nothing_left:
                break
        if unpacked < end or unpacked > self._size:
            raise OSError(
                f"{self._label} is damaged: it is not of the {self._size:,} bytes that the directory tells of"
            )
        if end == self._size and self._crc32 != self._expected_crc32:
            raise OSError(f"{self._label} is damaged: its checksum is not that of the directory")

    def close(self) -> None:
        self._unpacked.close()
        super().close()
