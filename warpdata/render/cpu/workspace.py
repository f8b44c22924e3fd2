"""Memory that renderings reuse, a set for each thread that renders."""

from __future__ import annotations

import math
import threading

import numpy as np


class Workspace:
    """Named arrays, allocated when first asked for and again only when a larger one is.

    Holds what the largest rendering needed, about 50 bytes a pixel, until the thread ends.
    """

    def __init__(self) -> None:
        self._memory: dict[str, np.ndarray] = {}

    def array(self, name: str, shape: tuple[int, ...], dtype: type | np.dtype) -> np.ndarray:
        """The array of a name, with whatever its memory held before."""
        size = math.prod(shape) * np.dtype(dtype).itemsize
        if name not in self._memory or self._memory[name].size < size:
            self._memory[name] = np.empty(size, np.uint8)
        return self._memory[name][:size].view(dtype).reshape(shape)


class _PerThread(threading.local):
    def __init__(self) -> None:
        self.workspace = Workspace()


_per_thread = _PerThread()


def workspace() -> Workspace:
    """The calling thread's own."""
    return _per_thread.workspace
