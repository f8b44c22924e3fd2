"""What a tar or zip holds and where in its file, read once, so that members are read in place by ranges of bytes."""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile

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


@dataclass(frozen=True)
class ArchiveIndex:
    """The members of an archive.

    Attributes:
        path: of the archive.
        files: name, with `/` -> the member, without its content.
        folders: name -> what lies in it; the archive itself is "".
        refused: names as the archive spells them -> why the member is not used, to stand after "is".
    """

    path: Path
    files: dict[str, Member]
    folders: dict[str, Folder]
    refused: dict[str, str]

    @classmethod
    def read(cls, path: Path) -> ArchiveIndex:
        """Read the headers of a tar, or the directory of a zip.

        Raises:
            ArchiveError: it is damaged, is compressed as a whole, or passes a limit.
            OSError: it cannot be read.
        """
        files: dict[str, Member] = {}
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
                        files[found.name] = Member(
                            name=found.name, size=found.size, offset=found.offset, deflated=found.deflated
                        )
        folders = {name: Folder(tuple(sorted(own)), tuple(sorted(folders))) for name, (own, folders) in inside.items()}
        return cls(path, files, folders, refused)

    def open(self, name: str) -> io.BufferedIOBase:
        """The bytes of a member, readable and seekable.

        Raises:
            KeyError: there is none of this name.
            ArchiveError: it is damaged.
            OSError: the archive cannot be read.
        """
        member = self.files[name]
        file = self.path.open("rb", buffering=0)
        if member.deflated is None:
            return io.BufferedReader(_Range(file, member.offset or 0, member.size))
        with file:
            try:
                return _inflated(file, member.deflated, member.size)
            except (zlib.error, ArchiveError) as error:
                raise ArchiveError(f"it is damaged at {name!r}: {error}") from error


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


def _inflated(file: io.IOBase, deflated: Deflated, size: int) -> io.BufferedIOBase:
    """What deflated bytes unpack to, which never takes more room than they said.

    Raises:
        ArchiveError: they unpack to more or less than `size`, or to other bytes.
    """
    unpacked = io.BytesIO() if size <= IN_MEMORY else TemporaryFile()
    decoder = zlib.decompressobj(-zlib.MAX_WBITS)
    crc32, left = 0, deflated.size
    file.seek(deflated.offset)
    packed = b""
    while not decoder.eof:
        if not packed:
            packed = file.read(min(_BLOCK_BYTES, left))
            left -= len(packed)
            if not packed:
                break
        data = decoder.decompress(packed, _BLOCK_BYTES)
        packed = decoder.unconsumed_tail
        crc32 = zlib.crc32(data, crc32)
        unpacked.write(data)
        if unpacked.tell() > size:
            break
    if unpacked.tell() != size or crc32 != deflated.crc32:
        unpacked.close()
        raise ArchiveError("its bytes are not those that the directory tells of")
    unpacked.seek(0)
    return unpacked


class _Range(io.RawIOBase):
    """A part of a file as a file of its own.

    Args:
        file: unbuffered; is closed with this one.
        start: offset of the first byte.
        size: of the part.
    """

    def __init__(self, file: io.RawIOBase, start: int, size: int):
        super().__init__()
        self._file, self._start, self._size = file, start, size
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
        self._file.seek(self._start + self._position)
        count = self._file.readinto(memoryview(buffer)[:wanted]) if wanted else 0
        if wanted and not count:
            raise OSError("the archive has become shorter while it was read")
        self._position += count
        return count

    def close(self) -> None:
        self._file.close()
        super().close()
