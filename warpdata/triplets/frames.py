"""Decoded pictures, each decoded once while it is still of use to a neighbouring pair."""

from __future__ import annotations

import threading
from collections import OrderedDict
from concurrent.futures import Future
from pathlib import Path

from jaxtyping import UInt8
from torch import Tensor

from warpdata.sources.decode import load_image
from warpdata.sources.fit import Fit


class FrameCache:
    """The most recently used pictures, decoded and brought to size; safe to share between threads.

    Two threads that ask for the same picture at the same time share one decoding.

    Args:
        capacity: how many pictures are kept; 0 keeps none.
    """

    def __init__(self, capacity: int):
        self._capacity = capacity
        self._lock = threading.Lock()
        self._pictures: OrderedDict[tuple[Path, Fit], Future] = OrderedDict()

    def load(self, path: Path, fit: Fit) -> UInt8[Tensor, "3 H W"]:
        """A picture brought to size; treat it as read-only.

        Raises:
            ViewError: it cannot be decoded.
        """
        if not self._capacity:
            return load_image(path, fit)
        key = (path, fit)
        with self._lock:
            picture = self._pictures.pop(key, None)
            decode_here = picture is None
            if decode_here:
                picture = Future()
            self._pictures[key] = picture
            while len(self._pictures) > self._capacity:
                self._pictures.popitem(last=False)
        if decode_here:
            try:
                picture.set_result(load_image(path, fit))
            except BaseException as error:
                picture.set_exception(error)
        return picture.result()

    def __getstate__(self) -> dict:
        """Only the capacity travels to another process; its pictures are decoded there."""
        return {"capacity": self._capacity}

    def __setstate__(self, state: dict) -> None:
        self.__init__(state["capacity"])
