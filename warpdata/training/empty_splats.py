"""A warning about scenes whose splats are empty: a batch cannot leave samples out, and a loss would not show it."""

from __future__ import annotations

import logging
import threading
from collections import deque
from typing import NamedTuple

import torch
from torch import Tensor

from warpdata.config import RenderOptions
from warpdata.triplets.empty import empty_splat, is_empty
from warpdata.triplets.inputs import PairInputs
from warpdata.triplets.triplet import Triplet

logger = logging.getLogger(__name__)


class _Watched(NamedTuple):
    ids: list[str]
    empty: Tensor
    seen: Tensor
    ready: torch.cuda.Event | None


class EmptySplats:
    """Names every scene with an empty splat once. Nothing waits for a GPU: what it found is told batches later."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._named: set[str] = set()
        self._watched: deque[_Watched] = deque()

    def watch(self, triplets: Triplet, inputs: PairInputs, options: RenderOptions) -> None:
        """Note a batch, and warn of those before whose numbers have arrived."""
        empty = is_empty(triplets, inputs, options).to("cpu", non_blocking=True)
        seen = (1 - torch.as_tensor(triplets.scores["hole_fraction"])).to("cpu", non_blocking=True)
        ready = None
        if inputs.depth.is_cuda:
            ready = torch.cuda.Event()
            ready.record()
        ids = triplets.id if isinstance(triplets.id, list) else [triplets.id]
        with self._lock:
            self._watched.append(_Watched(ids, empty.reshape(-1), seen.reshape(-1), ready))
            while self._watched and (self._watched[0].ready is None or self._watched[0].ready.query()):
                self._warn(self._watched.popleft())

    def _warn(self, batch: _Watched) -> None:
        for sample_id, empty, seen in zip(batch.ids, batch.empty.tolist(), batch.seen.tolist(), strict=True):
            scene_id = sample_id.rpartition("/")[0]
            if empty and scene_id not in self._named:
                self._named.add(scene_id)
                logger.warning("scene %s, pair %s: %s", scene_id, sample_id.rpartition("/")[2], empty_splat(seen))
