"""Pictures compressed in threads, each frame once however many triplets show it.

OpenCV compresses outside of Python's lock, so threads run on all cores and no picture is copied to another process.
Chosen by measurement against Pillow (`benchmarks/encoders.py`: a photograph of one megapixel, processor time on a busy
machine of two cores): JPEG 6.7 ms against 8.6, the same number of bytes; with optimised Huffman tables 2 % smaller in
three times the time; PNG 81 ms at level 1 against 370 ms at level 6 for files 9 % smaller.
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal

from jaxtyping import UInt8
from torch import Tensor

from warpdata.formats.jpeg_png import encode_picture


@dataclass(frozen=True)
class Encoded:
    """A file's bytes, and the SHA-256 of them in hexadecimal."""

    data: bytes
    sha256: str


def encode_image(image: UInt8[Tensor, "c h w"], kind: Literal["jpg", "png"]) -> Encoded:
    """Compress a picture, see `encode_picture`, and digest the file."""
    return digest(encode_picture(image, kind))


def digest(data: bytes) -> Encoded:
    """A file's bytes with their digest."""
    return Encoded(data, hashlib.sha256(data).hexdigest())


class Encoder:
    """Compresses pictures in threads and remembers the last ones by key.

    Args:
        threads: how many pictures are compressed at once; 0 takes one a core.
        remembered: how many compressed frames are kept for triplets that show them again. References and targets
            come in the order of the views, so a few suffice.
    """

    def __init__(self, threads: int = 0, remembered: int = 64):
        self.threads = threads or os.cpu_count() or 1
        self._remembered = remembered
        self._frames: OrderedDict[object, Future[Encoded]] = OrderedDict()
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(self.threads, thread_name_prefix="encode")

    def submit(self, image: UInt8[Tensor, "c h w"], kind: Literal["jpg", "png"], key: object = None) -> Future[Encoded]:
        """Begin to compress a picture, which must not change afterwards.

        Args:
            key: what identifies the picture among all of the run; None when it is shown once only.
        """
        if key is None:
            return self._pool.submit(encode_image, image, kind)
        with self._lock:
            if key in self._frames:
                self._frames.move_to_end(key)
                return self._frames[key]
            future = self._frames[key] = self._pool.submit(encode_image, image, kind)
            while len(self._frames) > self._remembered:
                self._frames.popitem(last=False)
        return future

    def submit_bytes(self, make: Callable[[], bytes]) -> Future[Encoded]:
        """Begin to make a file that is no picture."""
        return self._pool.submit(lambda: digest(make()))

    def close(self) -> None:
        """Stop; what has not begun is dropped."""
        self._pool.shutdown(cancel_futures=True)
