"""Batches of triplets for a training loop: decoded in worker processes, rendered here, resumable at any step."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch.utils.data import DataLoader

from warpdata.config import RenderOptions
from warpdata.training.dataset import WarpDataset
from warpdata.training.empty_splats import EmptySplats
from warpdata.training.options import LoaderOptions, RenderIn
from warpdata.training.render_worker import rendered_ahead
from warpdata.training.sampler import BatchOrder
from warpdata.training.sealed import Sealed
from warpdata.triplets.inputs import PairInputs, collate_inputs
from warpdata.triplets.render import render_triplets
from warpdata.triplets.triplet import Triplet

_EMPTY_SPLATS = EmptySplats()
"""Of this process, so that every scene is named once, however many loaders there are."""


class WarpLoader:
    """Iterates one rank's batches of an epoch, from wherever `state_dict` was taken to the end of the epoch.

    Worker processes only read and decode; they never touch a GPU. Rendering happens in this process.

    Args:
        dataset: the pairs.
        order: which of them make the batches.
        render: the warp's parameters.
        match_exposure: bring each splat to its target's exposure.
        device: where to render and where batches end up.
        render_in: where rendering happens, see `RenderIn`.
        num_workers: processes that decode; 0 decodes in this process.
        ahead: batches rendered ahead with `render_in="worker"`, and decoded ahead by each process.
        as_float: give pictures as float32 in [0, 1] instead of uint8.
        backend: of the renderer.
        sealed: give each batch as a `Sealed` one, see there.
        realign: called when a state saved with other batches a step is loaded, with how many steps more (or fewer)
            the part of the epoch that is done now counts.
    """

    def __init__(
        self,
        dataset: WarpDataset,
        order: BatchOrder,
        *,
        render: RenderOptions,
        match_exposure: bool = False,
        device: torch.device,
        render_in: RenderIn = LoaderOptions.render_in,
        num_workers: int = LoaderOptions.num_workers,
        ahead: int = LoaderOptions.ahead,
        as_float: bool = LoaderOptions.as_float,
        backend: str = LoaderOptions.backend,
        sealed: bool = False,
        realign: Callable[[int], None] | None = None,
    ):
        if ahead < 1:
            raise ValueError(f"`ahead` is {ahead}; at least one batch must be rendered ahead")
        self.sampler = self.batch_sampler = order  # Lightning sets epochs through the one and looks at the other
        self.device = device
        self._render_in = render_in
        self._ahead = ahead
        self._sealed = sealed
        self._realign = realign
        self._render = partial(
            render_batch, options=render, as_float=as_float, backend=backend, match_exposure=match_exposure
        )
        self._resumed = Place(epoch=0, index=0)
        self._given: Place | None = None
        self._make_decoder = partial(
            DataLoader,
            dataset,
            batch_sampler=order.with_epoch(),
            collate_fn=collate_inputs,
            num_workers=num_workers,
            persistent_workers=num_workers > 0,
            prefetch_factor=ahead if num_workers else None,
        )
        self._decoder: DataLoader[PairInputs] | None = None

    def __getstate__(self) -> dict[str, Any]:
        """For copies and other processes: everything but the decoding processes, which belong to this one."""
        return {**self.__dict__, "_decoder": None}

    def close(self) -> None:
        """Stop the decoding processes; iterating again starts new ones."""
        self._decoder = None

    def __len__(self) -> int:
        """Steps of the whole epoch: those done before the loaded state was saved, and those to come."""
        return self._steps_before + len(self.sampler)

    def __iter__(self) -> Iterator[Triplet | PairInputs | Sealed]:
        # A generator: nothing is started before the first batch is asked for, when the epoch has been set.
        order = self.sampler
        if self._given is not None and self._given.is_at(order):  # the same epoch again: from its beginning
            order.index = 0
        self._given = Place(epoch=order.epoch, index=order.index)
        self._decoder = self._decoder or self._make_decoder()
        batches = iter(self._decoder)  # worker processes start in this thread, not in the render thread
        if self._render_in == "worker":
            rendered = rendered_ahead(batches, self._render, self.device, ahead=self._ahead)
        elif self._render_in == "collate":
            rendered = (self._render(inputs.to(self.device)) for inputs in batches)
        else:
            rendered = (inputs for inputs in batches)
        with closing(rendered):
            for batch in rendered:
                self._given.steps += 1
                yield Sealed(batch) if self._sealed else batch

    def state_dict(self) -> dict[str, int]:
        """How far the epoch is, in plain numbers: what has been given out counts as consumed, what waits does not."""
        given = self._steps_given
        index, steps = self.sampler.index_after(given), self._steps_before + given
        return {"epoch": self.sampler.epoch, "index": index, "steps": steps, **self._identity()}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Go on where a state was taken, on any number of ranks and workers.

        Raises:
            ValueError: the state is of another order: other samples, seed or batch size.
        """
        identity = self._identity()
        differing = {name: (state[name], identity[name]) for name in identity if state[name] != identity[name]}
        if differing:
            changes = ", ".join(f"{name} was {was}, is {now}" for name, (was, now) in differing.items())
            raise ValueError(f"the epoch cannot be resumed in another order: {changes}; use the same data and options")
        order = self.sampler
        order.epoch, order.index = state["epoch"], 0
        steps_of_epoch = len(order)
        order.index = state["index"]
        steps = steps_of_epoch - len(order)
        self._resumed = Place(epoch=order.epoch, index=order.index, steps=steps)
        self._given = None
        if self._realign is not None and steps != state["steps"]:
            self._realign(steps - state["steps"])

    @property
    def _steps_before(self) -> int:
        """Steps of the current epoch that were done before the loaded state was saved."""
        return self._resumed.steps if self._resumed.is_at(self.sampler) else 0

    @property
    def _steps_given(self) -> int:
        """Batches given out since iteration began at the order's current place."""
        return self._given.steps if self._given is not None and self._given.is_at(self.sampler) else 0

    def _identity(self) -> dict[str, int]:
        order = self.sampler
        return {"num_samples": len(order.table), "seed": order.seed, "batch_size": order.batch_size}


@dataclass
class Place:
    """A place in the order of an epoch, and a number of steps before or after it."""

    epoch: int
    index: int
    steps: int = 0

    def is_at(self, order: BatchOrder) -> bool:
        """Whether this is where an order begins."""
        return (self.epoch, self.index) == (order.epoch, order.index)


def render_batch(
    inputs: PairInputs,
    options: RenderOptions,
    *,
    as_float: bool = LoaderOptions.as_float,
    backend: str = LoaderOptions.backend,
    match_exposure: bool = False,
) -> Triplet:
    """Triplets of a batch of inputs that is on the device already, for those who render in their own hooks.

    Of a scene whose splats are empty a warning says so, once a process.

    Args:
        inputs: from `collate_inputs`, or a loader with `render_in="none"`.
        options: of the warp.
        as_float: give pictures as float32 in [0, 1] instead of uint8.
        backend: of the renderer.
        match_exposure: bring each splat to its target's exposure.
    """
    triplet = render_triplets(inputs, options, backend=backend, match_exposure=match_exposure)
    _EMPTY_SPLATS.watch(triplet, inputs, options)
    return triplet.as_float() if as_float else triplet
