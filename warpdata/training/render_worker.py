"""A thread that renders batches ahead of the training step, on a CUDA stream of its own where there is one."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass

import torch

from warpdata.triplets.inputs import PairInputs
from warpdata.triplets.triplet import Triplet

POLL_SECONDS = 0.1
"""How often a waiting thread looks whether it is to stop."""


@dataclass(frozen=True)
class _Rendered:
    triplet: Triplet
    ready: torch.cuda.Event | None


@dataclass(frozen=True)
class _Raised:
    error: BaseException


_END = object()


def rendered_ahead(
    batches: Iterable[PairInputs],
    render: Callable[[PairInputs], Triplet],
    device: torch.device,
    *,
    ahead: int,
) -> Iterator[Triplet]:
    """Triplets of the batches, in order, each rendered in a thread before it is asked for.

    On CUDA, inputs go through page-locked memory to the device and are rendered on a stream of the thread's own; the
    caller's current stream waits for each triplet, the host never does. Closing the iterator, or leaving the loop,
    stops the thread. An error of the batches or of rendering is raised here, in the place of its batch.

    Args:
        batches: inputs on the CPU; iterated in the thread.
        render: inputs on the device -> triplet.
        device: where to render.
        ahead: how many rendered batches may wait, at least 1.
    """
    waiting: queue.Queue = queue.Queue(maxsize=ahead)
    stop = threading.Event()
    thread = threading.Thread(
        target=_work, args=(batches, render, device, waiting, stop), name="warpdata-render", daemon=True
    )
    thread.start()
    try:
        while (item := _next_item(waiting, thread)) is not _END:
            if isinstance(item, _Raised):
                raise item.error
            if item.ready is not None:
                current = torch.cuda.current_stream(device)
                current.wait_event(item.ready)
                item.triplet.record_stream(current)
            yield item.triplet
    finally:
        stop.set()
        thread.join()


def _next_item(waiting: queue.Queue, thread: threading.Thread) -> object:
    """The next item; waits with a time limit again and again, so that Ctrl-C gets through on every platform."""
    while True:
        try:
            return waiting.get(timeout=POLL_SECONDS)
        except queue.Empty:
            if not thread.is_alive() and waiting.empty():
                raise RuntimeError("the render thread ended without a word") from None


def _work(
    batches: Iterable[PairInputs],
    render: Callable[[PairInputs], Triplet],
    device: torch.device,
    waiting: queue.Queue,
    stop: threading.Event,
) -> None:
    def hand_over(item: object) -> None:
        while not stop.is_set():
            try:
                return waiting.put(item, timeout=POLL_SECONDS)
            except queue.Full:
                continue

    try:
        cuda = device.type == "cuda"
        stream = torch.cuda.Stream(device) if cuda else None
        for inputs in batches:
            if stop.is_set():
                return
            with torch.cuda.stream(stream) if cuda else nullcontext():
                if cuda:
                    inputs = inputs.pin_memory().to(device, non_blocking=True)
                triplet = render(inputs)
                ready = stream.record_event() if cuda else None
            hand_over(_Rendered(triplet, ready))
        hand_over(_END)
    except BaseException as error:
        hand_over(_Raised(error))
