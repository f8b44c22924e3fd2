"""How long each stage of a run took."""

from __future__ import annotations

import time


class Stopwatch:
    """Adds up the time of each stage; one stage ends where the next begins.

    Attributes:
        seconds: stage -> seconds, in the order in which the stages first came.
    """

    def __init__(self):
        self.seconds: dict[str, float] = {}
        self._stage: str | None = None
        self._since = 0.0

    def begin(self, stage: str) -> None:
        """From now on time belongs to this stage."""
        self.stop()
        self._stage, self._since = stage, time.monotonic()

    def stop(self) -> None:
        """Time belongs to no stage any more."""
        if self._stage is not None:
            self.seconds[self._stage] = self.seconds.get(self._stage, 0.0) + time.monotonic() - self._since
        self._stage = None
