"""A scene's pairs rendered one after another while the next ones are being decoded."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import torch

from warpdata.config import RenderOptions
from warpdata.errors import CacheError, ViewError
from warpdata.triplets.empty import why_empty
from warpdata.triplets.frames import FrameCache
from warpdata.triplets.inputs import PairInputs, collate_inputs
from warpdata.triplets.points import PointCloud, point_cloud
from warpdata.triplets.render import render_triplets
from warpdata.triplets.scene_pairs import ScenePairs
from warpdata.triplets.triplet import Pair, Triplet, split_batch


@dataclass(frozen=True)
class Made:
    """A triplet, and the reference's points if they were asked for."""

    triplet: Triplet
    points: PointCloud | None


@dataclass(frozen=True)
class Failed:
    """A pair that could not be made."""

    sample_id: str
    reason: str


class TripletStream:
    """Renders pairs in order, leaving out those whose splat is empty; decoding runs ahead in threads.

    Hold one for a whole run, its threads are reused.

    Args:
        options: of the warp.
        device: where to render.
        batch: how many pairs of one size are rendered together. On a CPU one is best: it uses all cores.
        decode_threads: how many pictures are decoded at once.
        backend: of the renderer.
        with_points: also give the points that are rendered.
        match_exposure: bring splats to their targets' exposure.

    Attributes:
        backend: the renderer that was used; None before the first triplet.
    """

    def __init__(
        self,
        options: RenderOptions,
        device: torch.device,
        *,
        batch: int,
        decode_threads: int,
        backend: str,
        with_points: bool,
        match_exposure: bool = False,
    ):
        self.backend: str | None = None
        self._options = options
        self._device = device
        self._batch = batch
        self._asked_backend = backend
        self._with_points = with_points
        self._match_exposure = match_exposure
        self._ahead = 2 * batch
        self._frames = FrameCache(4 * batch)
        self._pool = ThreadPoolExecutor(decode_threads, thread_name_prefix="decode")

    def close(self) -> None:
        """Stop decoding; what has not begun is dropped."""
        self._pool.shutdown(cancel_futures=True)

    def triplets(self, scene: ScenePairs, pairs: Sequence[Pair]) -> Iterator[Made | Failed]:
        """Triplets of the given pairs, in their order; `Failed` in place of one that cannot be decoded or is empty."""
        waiting: list[PairInputs] = []
        for pair, future in self._decoded(scene, pairs):
            try:
                inputs = future.result()
            except (ViewError, CacheError) as error:
                yield from self._rendered(waiting)
                waiting = []
                yield Failed(scene.sample_id(pair), str(error))
                continue
            if waiting and (len(waiting) == self._batch or inputs.sizes != waiting[0].sizes):
                yield from self._rendered(waiting)
                waiting = []
            waiting.append(inputs)
        yield from self._rendered(waiting)

    def _decoded(self, scene: ScenePairs, pairs: Sequence[Pair]) -> Iterator[tuple[Pair, Future[PairInputs]]]:
        running: deque[tuple[Pair, Future[PairInputs]]] = deque()
        for pair in pairs:
            running.append((pair, self._pool.submit(scene.inputs, pair, self._frames)))
            if len(running) > self._ahead:
                yield running.popleft()
        yield from running

    def _rendered(self, waiting: list[PairInputs]) -> Iterator[Made | Failed]:
        if not waiting:
            return
        batch = render_triplets(
            collate_inputs(waiting).to(self._device),
            self._options,
            backend=self._asked_backend,
            match_exposure=self._match_exposure,
        )
        self.backend = batch.backend
        for inputs, triplet in zip(waiting, split_batch(batch), strict=True):
            if reason := why_empty(triplet, inputs, self._options):
                yield Failed(inputs.id, reason)
            else:
                yield Made(triplet, point_cloud(inputs, self._options) if self._with_points else None)
