"""Pictures compressed in threads, each frame once however many triplets show it.

OpenCV compresses outside of Python's lock, so threads run on all cores and no picture is copied to another process.
Chosen by measurement against Pillow on a photograph of one megapixel (`benchmarks/encoders.py`): JPEG 4 ms against 6.5
(the same libjpeg-turbo and the same number of bytes; with optimised Huffman tables 2 % smaller in more than twice the
time), PNG 43 ms at level 1 against 194 ms at level 6 for files 11 % smaller.
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

import cv2
import numpy as np
from jaxtyping import UInt8
from torch import Tensor

JPEG_QUALITY = 95
PNG_LEVEL = 1

_PARAMETERS = {
    "jpg": [
        *(cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY),
        *(cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444),
    ],
    "png": [cv2.IMWRITE_PNG_COMPRESSION, PNG_LEVEL],
}


@dataclass(frozen=True)
class Encoded:
    """A file's bytes, and the SHA-256 of them in hexadecimal."""

    data: bytes
    sha256: str


def encode_image(image: UInt8[Tensor, "c h w"], kind: Literal["jpg", "png"]) -> Encoded:
    """Compress RGB (c = 3) or one channel (c = 1); the same picture gives the same bytes.

    JPEG has quality 95 and full colour resolution (4:4:4).
    """
    planes = image.numpy()
    rows = planes[0] if len(planes) == 1 else cv2.merge([planes[2], planes[1], planes[0]])
    done, data = cv2.imencode(f".{kind}", np.ascontiguousarray(rows), _PARAMETERS[kind])
    if not done:
        raise ValueError(f"cannot compress a picture of shape {tuple(image.shape)} as {kind}")
    return digest(data.tobytes())


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
