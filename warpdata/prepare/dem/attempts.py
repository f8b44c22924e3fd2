"""Requests that come to nothing: why, and whether asking again, or for less, may help."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeVar

Result = TypeVar("Result")


@dataclass(frozen=True, kw_only=True)
class Patience:
    """How often and how long a request is repeated: the waits double, and are drawn between half and all of that."""

    tries: int = 6
    first_wait_s: float = 1.0
    longest_wait_s: float = 60.0

    def wait_s(self, failures: int, asked_for: float | None) -> float:
        """How long to wait after so many failures, and what the service asked for, if it did."""
        whole = min(self.first_wait_s * 2 ** (failures - 1), self.longest_wait_s)
        drawn = random.uniform(0.5, 1.0) * whole
        return drawn if asked_for is None else min(max(drawn, asked_for), self.longest_wait_s)


class RequestError(Exception):
    """A request that came to nothing.

    Args:
        reason: for a person.
        remedy: `again` where the same request may do later; `smaller` where one for fewer pixels may; `none` where this
            tile has no image; `access` where no request is let in.
        wait_s: what the service asks to wait before the next.
    """

    def __init__(
        self,
        reason: str,
        *,
        remedy: Literal["again", "smaller", "none", "access"],
        wait_s: float | None = None,
    ):
        super().__init__(reason)
        self.reason, self.remedy, self.wait_s = reason, remedy, wait_s

    @property
    def of_service(self) -> bool:
        """Whether other tiles would fail alike."""
        return self.remedy in ("again", "access")


class Stopped(Exception):
    """The run ends; what is under way is given up."""


def attempt(act: Callable[[], Result], patience: Patience, stop: threading.Event) -> Result:
    """What `act` gives, repeated while it raises a `RequestError` that asking again may mend.

    Raises:
        RequestError: the last one, with the number of tries.
        Stopped: `stop` was set meanwhile.
    """
    failures = 0
    while True:
        if stop.is_set():
            raise Stopped
        try:
            return act()
        except RequestError as error:
            failures += 1
            if error.remedy != "again":
                raise
            if failures >= patience.tries:
                raise RequestError(f"{error.reason} ({failures} tries)", remedy="again") from error
            stop.wait(patience.wait_s(failures, error.wait_s))
