"""Several files read as one, such as the pieces that `split` makes: no copy of the whole is written."""

from __future__ import annotations

import io
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path
from typing import BinaryIO


class ChainedFile(io.RawIOBase):
    """The bytes of files one after another, readable and seekable; one of them is open at a time.

    Args:
        paths: in order.

    Raises:
        OSError: one of them does not exist, or cannot be read.
    """

    def __init__(self, paths: Sequence[Path]):
        super().__init__()
        self._paths = list(paths)
        self._starts = [0, *accumulate(path.stat().st_size for path in self._paths)]
        self._position = 0
        self._open: tuple[int, BinaryIO] | None = None

    @property
    def length(self) -> int:
        """Bytes of all files together."""
        return self._starts[-1]

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self.length}[whence]
        if start + offset < 0:
            raise ValueError(f"position {start + offset} lies before the start")
        self._position = start + offset
        return self._position

    def readinto(self, buffer) -> int:
        if self._position >= self.length:
            return 0
        number = bisect_right(self._starts, self._position) - 1
        file = self._file(number)
        file.seek(self._position - self._starts[number])
        wanted = min(len(buffer), self._starts[number + 1] - self._position)
        count = file.readinto(memoryview(buffer)[:wanted])
        if count == 0:
            raise OSError(f"{self._paths[number]} has become shorter while it was read")
        self._position += count
        return count

    def close(self) -> None:
        if self._open is not None:
            self._open[1].close()
            self._open = None
        super().close()

    def _file(self, number: int) -> BinaryIO:
        if self._open is None or self._open[0] != number:
            if self._open is not None:
                self._open[1].close()
            self._open = (number, self._paths[number].open("rb", buffering=0))
        return self._open[1]
