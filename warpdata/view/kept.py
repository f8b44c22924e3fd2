"""What was made lately, kept in memory up to a size."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Generic, TypeVar

Value = TypeVar("Value")


class Kept(Generic[Value]):
    """Values by key; those not asked for the longest go first. Safe to share between threads.

    Args:
        most: how much is kept.
        size_of: how much a value is.
    """

    def __init__(self, most: int, size_of: Callable[[Value], int]):
        self._most, self._size_of = most, size_of
        self._values: OrderedDict[Any, Value] = OrderedDict()
        self._size = 0
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._values)

    def get(self, key: Any, make: Callable[[], Value]) -> Value:
        """What belongs to a key, made where it is not kept. The last one made is kept however large it is."""
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
                return self._values[key]
        made = make()
        with self._lock:
            if key not in self._values:
                self._values[key] = made
                self._size += self._size_of(made)
            while self._size > self._most and len(self._values) > 1:
                self._size -= self._size_of(self._values.popitem(last=False)[1])
        return made
