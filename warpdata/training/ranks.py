"""What the processes of one training run tell each other before training begins."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import timedelta

import torch.distributed as dist

from warpdata.errors import CacheError

LONGEST_WAIT = timedelta(days=14)
"""How long ranks wait for each other's geometry. The usual limit, ten minutes with NCCL, is too short for it."""


class Ranks:
    """All processes of the run; made by all of them at the same time. Alone, nothing waits.

    Args:
        world_size: how many there are.

    Raises:
        RuntimeError: there are several, and `torch.distributed` does not connect them.
    """

    def __init__(self, world_size: int):
        self._group = None
        if world_size > 1:
            if not (dist.is_available() and dist.is_initialized()):
                raise RuntimeError(f"{world_size} processes train together, but torch.distributed is not initialised")
            self._group = dist.new_group(backend="gloo", timeout=LONGEST_WAIT)

    def wait(self) -> None:
        """Return when all have come here."""
        if self._group is not None:
            dist.barrier(self._group)

    def check_equal(self, items: Sequence[tuple[str, int]], what: str) -> None:
        """Compare what each process has found.

        Raises:
            CacheError: they differ; the message ends with `what`.
        """
        if self._group is None:
            return
        found = hashlib.sha256(repr(items).encode()).hexdigest()
        by_rank: list[str | None] = [None] * dist.get_world_size(self._group)
        dist.all_gather_object(by_rank, found, group=self._group)
        if len(set(by_rank)) > 1:
            raise CacheError(f"the {len(by_rank)} processes of this run do not see the same {what}")
