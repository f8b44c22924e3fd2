"""Members of tars and zips that come from elsewhere: each checked and bounded before a byte of it is used.

    with open("scene.tar", "rb") as file:
        for found in walk_tar(file):
            if isinstance(found, Refused):
                print(found.name, found.reason)
            elif not found.is_folder:
                data = found.content.read()      # now, or with `found.offset` from the file at any later time

A tar may be a stream (`walk_tar` asks for no `seek` where it cannot) and may be compressed with gzip; a file in pieces
is read as one through `chain.ChainedFile`. A member that is unsafe costs itself and comes as `Refused`. A damaged
archive and a limit that is passed end the walk with an `ArchiveError`, which names the member.
"""

from __future__ import annotations

import hashlib
import io
import re
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path, PurePosixPath

from warpdata.errors import ArchiveError
from warpdata.files.unpacked import Unpacked

MAX_PART_BYTES, MAX_NAME_BYTES = 255, 1024
"""Longest part of a member's name, between slashes, and longest name."""

MAX_HEADER_BYTES = 4 * 2**20
"""A tar may say so much between two members; all of it is held in memory. As pax headers it could be any length."""

MAX_DIRECTORY_BYTES = 256 * 2**20
"""Longest directory of a zip, which is held in memory."""

_NAME_IS_UTF8 = 0x800
"""Flag of a zip's member."""

_DRIVE = re.compile(r"[A-Za-z]:")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True, kw_only=True)
class ArchiveLimits:
    """What an archive may hold.

    Attributes:
        members: how many, folders included.
        member_bytes: of one of them, unpacked.
        total_bytes: of all of them together, unpacked.
        ratio: unpacked bytes to packed ones, over the whole archive, once it has given `ratio_after_bytes`: honest
            masks alone shrink several hundredfold, whole data sets of pictures hardly.
        ratio_after_bytes: see `ratio`.
        suffixes: of the files that are taken, lower case with their dots; None takes all.
    """

    members: int = 50_000_000
    member_bytes: int = 2 * 10**9
    total_bytes: int = 300 * 10**9
    ratio: float = 20.0
    ratio_after_bytes: int = 64 * 2**20
    suffixes: frozenset[str] | None = None


@dataclass(frozen=True)
class Deflated:
    """Where in a zip's file the bytes of a deflated member lie.

    Attributes:
        offset: of the first of them.
        size: how many they are, packed.
        crc32: of what they unpack to.
    """

    offset: int
    size: int
    crc32: int


@dataclass(frozen=True, kw_only=True)
class Member:
    """A file or folder in an archive that may be used.

    Attributes:
        name: path with `/`, relative, without `.` and `..`.
        size: bytes, unpacked; 0 of a folder.
        offset: of its first byte in the archive's file, where its bytes lie there as they are; None where they are
            compressed.
        is_folder: whether it is one.
        content: its bytes, to be read before the walk goes on, all or none of them; of a folder, nothing.
    """

    name: str
    size: int
    offset: int | None
    deflated: Deflated | None = None
    is_folder: bool = False
    content: io.IOBase = field(default_factory=io.BytesIO, compare=False, repr=False)


@dataclass(frozen=True, kw_only=True)
class Refused:
    """A member that is not used.

    Attributes:
        name: as the archive spells it.
        reason: what is wrong with it, to stand after "is".
    """

    name: str
    reason: str


def unsafe_name(name: str) -> str | None:
    """Why a member's name is no path below a folder on every system, or None."""
    if not name or _CONTROL.search(name):
        return "named with control characters" if name else "without a name"
    try:
        length = len(name.encode())
    except UnicodeEncodeError:
        return "named in bytes that are not UTF-8"
    if length > MAX_NAME_BYTES:
        return f"named with {length:,} bytes, more than {MAX_NAME_BYTES:,}"
    if "\\" in name:
        return "named with a backslash, which separates folders on some systems"
    if name.startswith("/") or _DRIVE.match(name):
        return "named by an absolute path"
    parts = name.split("/")
    if ".." in parts:
        return "named with `..`, a path that leads upwards"
    if (longest := max(len(part.encode()) for part in parts)) > MAX_PART_BYTES:
        return f"named with a part of {longest:,} bytes, more than {MAX_PART_BYTES}"
    return None


class _Rules:
    """What holds for the members of one archive, counted over all of them."""

    def __init__(self, limits: ArchiveLimits):
        self._limits = limits
        self._members = 0
        self._bytes = 0
        self._files: set[bytes] = set()

    def count(self, name: str, size: int) -> None:
        """Take a member into account, used or not; raises an `ArchiveError` where that passes a limit."""
        limits = self._limits
        self._members += 1
        self._bytes += size
        if self._members > limits.members:
            raise ArchiveError(f"{name!r} is the archive's member {self._members:,}, more than {limits.members:,}")
        if size > limits.member_bytes:
            raise ArchiveError(f"{name!r} has {size:,} bytes unpacked, more than {limits.member_bytes:,}")
        if self._bytes > limits.total_bytes:
            raise ArchiveError(f"with {name!r} the archive has more than {limits.total_bytes:,} bytes unpacked")

    def refusal(self, name: str, *, is_folder: bool) -> str | None:
        """Why a file or folder of this name is not used, or None; it counts as used then."""
        if reason := unsafe_name(name):
            return reason
        plain = PurePosixPath(name)
        if not plain.parts:
            return None if is_folder else "named like the folder itself"
        if not is_folder and self._limits.suffixes is not None and plain.suffix.lower() not in self._limits.suffixes:
            return f"of a type that is not taken ({plain.suffix or 'no suffix'})"
        # Names of fifty million members would fill the memory; their digests do not.
        digest = hashlib.blake2b(str(plain).encode(), digest_size=16).digest()
        if digest in self._files:
            return "there a second time"
        if not is_folder:
            self._files.add(digest)
        return None


def walk_tar(
    file: io.IOBase, limits: ArchiveLimits | None = None, *, into: Path | None = None
) -> Iterator[Member | Refused]:
    """The members of a tar, plain or compressed with gzip, in their order.

    Args:
        file: at its start; contents of a plain tar that are not read are skipped by `seek` where it has one.
        into: the folder that members will be written to, which Python's own filter for data is asked about as well.

    Raises:
        ArchiveError: it is damaged, cut short, compressed otherwise, or passes a limit.
        OSError: the file cannot be read.
    """
    limits = limits or ArchiveLimits()
    stream = Unpacked(file, ratio=limits.ratio, ratio_after_bytes=limits.ratio_after_bytes)
    rules = _Rules(limits)
    with stream.errors(), stream.at_most(MAX_HEADER_BYTES):
        tar = tarfile.open(fileobj=stream, mode="r:" if stream.seekable() else "r|", tarinfo=_StrictTarInfo)
    while True:
        with stream.errors(), stream.at_most(MAX_HEADER_BYTES):
            info = tar.next()
        tar.members.clear()  # it keeps all it has seen
        if info is None:
            break
        name = info.name
        stream.member = name
        rules.count(name, max(info.size, 0))
        reason = _kind_refused(info) or rules.refusal(name, is_folder=info.isdir()) or _filtered(info, into)
        content = io.BytesIO() if _is_empty(info) else _content(tar.extractfile(info), stream.errors)
        if reason:
            yield Refused(name=name, reason=reason)
        elif PurePosixPath(name).parts:
            yield Member(
                name=str(PurePosixPath(name)),
                size=0 if info.isdir() else info.size,
                offset=None if stream.is_compressed or info.isdir() else info.offset_data,
                is_folder=info.isdir(),
                content=content,
            )
        if not stream.seekable():
            while content.read(2**20):
                pass
    stream.finish()


def _is_empty(info: tarfile.TarInfo) -> bool:
    return not (info.isreg() or info.type not in tarfile.SUPPORTED_TYPES) or info.size == 0


def _kind_refused(info: tarfile.TarInfo) -> str | None:
    if info.issym() or info.islnk():
        return f"a {'symbolic' if info.issym() else 'hard'} link (to {info.linkname!r})"
    if info.ischr() or info.isblk() or info.isfifo():
        return "a pipe" if info.isfifo() else "a device"
    if info.issparse():
        return "a sparse file"
    if not (info.isreg() or info.isdir()):
        return f"of type {info.type!r}, neither a file nor a folder"
    return None


def _filtered(info: tarfile.TarInfo, into: Path | None) -> str | None:
    data_filter = getattr(tarfile, "data_filter", None)  # Python 3.10.12, 3.11.4
    if into is None or data_filter is None:
        return None
    try:
        data_filter(info, str(into))
    except tarfile.FilterError as error:
        return f"refused by Python's filter ({error})"
    return None


class _StrictTarInfo(tarfile.TarInfo):
    """A header of a tar. One that is damaged is an error, where `tarfile` takes it for the end of the archive."""

    @classmethod
    def frombuf(cls, buf, encoding, errors):
        if buf and buf.count(0) != len(buf):
            try:
                return super().frombuf(buf, encoding, errors)
            except tarfile.HeaderError as error:
                raise tarfile.ReadError(f"a header cannot be read ({error})") from error
        if not buf:
            raise tarfile.ReadError("it ends without the mark of its end")
        return super().frombuf(buf, encoding, errors)


class _Content(io.RawIOBase):
    """The bytes of a member, with errors that name it."""

    def __init__(self, inner: io.IOBase, errors: Callable[[], AbstractContextManager]):
        super().__init__()
        self._inner, self._errors = inner, errors

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:
        with self._errors():
            data = self._inner.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


def _content(inner: io.IOBase, errors: Callable[[], AbstractContextManager]) -> io.IOBase:
    return io.BufferedReader(_Content(inner, errors), 2**18)


def walk_zip(file: io.IOBase, limits: ArchiveLimits | None = None) -> Iterator[Member | Refused]:
    """The members of a zip, in the order of its directory.

    Args:
        file: has to be seekable.

    Raises:
        ArchiveError: it is damaged or no zip, or passes a limit.
        OSError: the file cannot be read.
    """
    limits = limits or ArchiveLimits()
    rules = _Rules(limits)
    packed = unpacked = 0
    with _zip_errors():
        _check_directory(file)
        archive = zipfile.ZipFile(file)
    for info in archive.infolist():
        name = _zipped_name(info)
        rules.count(name, info.file_size)
        packed, unpacked = packed + info.compress_size, unpacked + info.file_size
        if unpacked > limits.ratio_after_bytes and unpacked > limits.ratio * packed:
            raise ArchiveError(f"it unpacks to more than {limits.ratio:g} times its size, in {name!r}")
        if reason := _zipped_kind_refused(info) or rules.refusal(name, is_folder=info.is_dir()):
            yield Refused(name=name, reason=reason)
        elif info.is_dir():
            yield Member(name=str(PurePosixPath(name)), size=0, offset=None, is_folder=True)
        else:
            with _zip_errors(name):
                content, offset = archive.open(info), _zip_offset(file, info)
            stored = info.compress_type == zipfile.ZIP_STORED
            yield Member(
                name=str(PurePosixPath(name)),
                size=info.file_size,
                offset=offset if stored else None,
                deflated=None if stored else Deflated(offset, info.compress_size, info.CRC),
                content=_content(content, partial(_zip_errors, name)),
            )


@contextmanager
def _zip_errors(name: str | None = None) -> Iterator[None]:
    try:
        yield
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, struct.error) as error:
        where = "" if name is None else f" at {name!r}"
        raise ArchiveError(f"it is damaged{where}, or no zip: {error}") from error


def _zipped_name(info: zipfile.ZipInfo) -> str:
    """A member's name. Names that do not say their encoding are UTF-8 where they can be, as macOS writes them."""
    name = info.orig_filename  # `filename` ends at a NUL
    if not name.isascii() and not info.flag_bits & _NAME_IS_UTF8:
        with suppress(UnicodeError):
            return name.encode("cp437").decode()
    return name


def _zip_offset(file: io.IOBase, info: zipfile.ZipInfo) -> int:
    """Where the bytes of a member lie; its local header has a length of its own."""
    file.seek(info.header_offset + 26)
    name_bytes, extra_bytes = struct.unpack("<HH", file.read(4))
    return info.header_offset + 30 + name_bytes + extra_bytes


def _zipped_kind_refused(info: zipfile.ZipInfo) -> str | None:
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind == stat.S_IFLNK:
        return "a symbolic link"
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        return "a device, a pipe or the like"
    if info.flag_bits & 1:
        return "encrypted"
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return "compressed by a method other than deflate"
    return None


def _check_directory(file: io.IOBase) -> None:
    """Refuse a directory that would fill the memory, by the record at the end of a zip."""
    length = file.seek(0, io.SEEK_END)
    tail_start = max(0, length - 22 - 65_535 - 20 - 56)
    file.seek(tail_start)
    tail = file.read()
    end = tail.rfind(b"PK\5\6")
    directory_bytes = int.from_bytes(tail[end + 12 : end + 16], "little") if end >= 0 else 0
    if directory_bytes == 0xFFFFFFFF and (long_end := tail.rfind(b"PK\6\6", 0, end)) >= 0:
        directory_bytes = int.from_bytes(tail[long_end + 40 : long_end + 48], "little")
    if directory_bytes > MAX_DIRECTORY_BYTES:
        raise ArchiveError(f"the zip's directory has {directory_bytes:,} bytes, more than {MAX_DIRECTORY_BYTES:,}")
    file.seek(0)
