"""Decoded pictures, each decoded once while it is still of use to a neighbouring pair."""

from __future__ import annotations

import threading
from collections import OrderedDict
from concurrent.futures import Future

from jaxtyping import UInt8
from torch import Tensor

from warpdata.sources.fit import Fit
from warpdata.sources.picture import Picture


class FrameCache:
    """The most recently used pictures, decoded and brought to size; safe to share between threads.

    Two threads that ask for the same picture at the same time share one decoding.

    Args:
        capacity: how many pictures are kept; 0 keeps none.
    """

    def __init__(self, capacity: int):
        self._capacity = capacity
        self._lock = threading.Lock()
        self._decoded: OrderedDict[tuple[Picture, Fit], Future] = OrderedDict()

    def load(self, picture: Picture, fit: Fit) -> UInt8[Tensor, "3 H W"]:
        """A picture brought to size; treat it as read-only.

        Raises:
            ViewError: it cannot be decoded.
        """
        if not self._capacity:
            return picture.load(fit)
        key = (picture, fit)
        with self._lock:
            decoded = self._decoded.pop(key, None)
            decode_here = decoded is None
            if decode_here:
                decoded = Future()
            self._decoded[key] = decoded
            while len(self._decoded) > self._capacity:
                self._decoded.popitem(last=False)
        if decode_here:
            try:
                decoded.set_result(picture.load(fit))
            except BaseException as error:
                decoded.set_exception(error)
        return decoded.result()

    def __getstate__(self) -> dict:
        """Only the capacity travels to another process; its pictures are decoded there."""
        return {"capacity": self._capacity}

    def __setstate__(self, state: dict) -> None:
        self.__init__(state["capacity"])
