"""What a compressed file unpacks to, as a stream that watches how much that is."""

from __future__ import annotations

import gzip
import io
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

from warpdata.errors import ArchiveError

GZIP_MAGIC = b"\x1f\x8b"

_OTHERS = {b"BZh": "bzip2", b"\xfd7zXZ": "xz", b"\x28\xb5\x2f\xfd": "zstd", b"PK": "zip", b"7z\xbc\xaf": "7z"}


class Unpacked(io.RawIOBase):
    """A file's bytes, unpacked where it is compressed with gzip.

    Args:
        file: at its start.
        ratio: unpacked bytes may be so many times the packed ones, once there are `ratio_after_bytes` of them.
        ratio_after_bytes: see `ratio`.

    Attributes:
        is_compressed: whether it is.
        member: what is being read, for messages.

    Raises:
        ArchiveError: it is compressed in another way.
    """

    def __init__(self, file: io.IOBase, *, ratio: float, ratio_after_bytes: int):
        super().__init__()
        self.member: str | None = None
        self._ratio, self._ratio_after_bytes = ratio, ratio_after_bytes
        self._position = 0
        self._budget: int | None = None
        head = b""
        while len(head) < 6 and (more := file.read(6 - len(head))):
            head += more
        if other := next((name for magic, name in _OTHERS.items() if head.startswith(magic)), None):
            raise ArchiveError(f"it is compressed with {other}; unpack it, or pack it with gzip")
        self.is_compressed = head.startswith(GZIP_MAGIC)
        self._seekable = not self.is_compressed and file.seekable()
        if file.seekable():
            file.seek(-len(head), io.SEEK_CUR)
            self._packed = _Counted(file)
        else:
            self._packed = _Counted(file, head)
        # Of a file that can be sought, mostly headers are read, which lie far apart.
        buffered = io.BufferedReader(self._packed, 2**14 if self._seekable else 2**18)
        self._reader = gzip.GzipFile(fileobj=buffered) if self.is_compressed else buffered

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return self._seekable

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        if not self._seekable:
            raise io.UnsupportedOperation("a stream cannot seek")
        self._position = self._reader.seek(offset, whence)
        return self._position

    def read(self, size: int = -1) -> bytes:
        """At most `size` bytes, and all of them where the file has so many."""
        if self._budget is not None:
            # Refused before the memory is taken: a header says its own length.
            if size < 0 or size > self._budget:
                raise ArchiveError(f"what it says about the member {self._after()} is longer than headers may be")
            self._budget -= size
        data = self._reader.read(size)
        self._position += len(data)
        packed = self._packed.count
        if self.is_compressed and self._position > max(self._ratio_after_bytes, self._ratio * packed):
            raise ArchiveError(
                f"it unpacks to more than {self._ratio:g} times its size, {self._position:,} bytes from {packed:,}, in "
                f"{self.member or 'its first member'!r}"
            )
        return data

    @contextmanager
    def at_most(self, num_bytes: int) -> Iterator[None]:
        """Within the block no more than so many bytes are read, looking ahead apart."""
        self._budget = num_bytes
        try:
            yield
        finally:
            self._budget = None

    @contextmanager
    def errors(self) -> Iterator[None]:
        """Turn what damage raises into an `ArchiveError` that says where."""
        try:
            yield
        except (tarfile.TarError, zlib.error, EOFError, gzip.BadGzipFile, UnicodeError, ValueError) as error:
            raise ArchiveError(f"it is damaged or cut short {self._after()}: {error}") from error

    def finish(self) -> None:
        """Read what comes after the last member, which has to be zeros; the checksum of gzip stands behind it."""
        if self._seekable:
            return
        with self.errors():
            while data := self.read(2**16):
                if data.count(0) != len(data):
                    raise ArchiveError(
                        f"data follow the end of the archive {self._after()}: were two archives joined? Read them one "
                        "by one"
                    )

    def _after(self) -> str:
        return "at its start" if self.member is None else f"after {self.member!r}"


class _Counted(io.RawIOBase):
    """A file that counts the bytes it gives."""

    def __init__(self, file: io.IOBase, head: bytes = b""):
        super().__init__()
        self._file, self._head = file, head
        self.count = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return not self._head and self._file.seekable()

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def readinto(self, buffer) -> int:
        if self._head:
            data, self._head = self._head[: len(buffer)], self._head[len(buffer) :]
        else:
            data = self._file.read(len(buffer))
        buffer[: len(data)] = data
        self.count += len(data)
        return len(data)
