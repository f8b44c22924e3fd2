"""Kernels over bands of an image, on as many threads as torch computes with.

Kernels let go of the interpreter lock, so plain threads run them side by side. Numba's own threading layer is not
used: its portable variety ends the process when two threads enter it at once, while here any number of threads may
render. The threads are shared by all callers of a process, started at first use, and again in a forked child.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from itertools import count


@lru_cache(maxsize=1)
def pool(process_id: int, size: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=size, thread_name_prefix="warpdata-render")


def run_bands(function: Callable[[int, int], None], bands: int, threads: int) -> None:
    """Call `function(band, worker)` once for every band, on at most `threads` threads, the caller's being one.

    `worker` is below `threads` and the same for calls that follow each other on a thread. Which band falls to which
    worker is not fixed; results must not depend on it. An exception in one band is raised here.
    """
    next_band = count()

    def work(worker: int) -> None:
        while (band := next(next_band)) < bands:
            function(band, worker)

    helpers = min(threads, bands) - 1
    futures = [pool(os.getpid(), helpers).submit(work, worker + 1) for worker in range(helpers)] if helpers > 0 else []
    try:
        work(0)
    finally:
        running = [future for future in futures if not future.cancel()]
        for future in running:
            future.result()


def band_limits(rows: int, bands: int, multiple: int) -> list[tuple[int, int]]:
    """Split rows into at most `bands` bands of nearly equal height, all but the last a multiple of `multiple`."""
    height = max(-(-rows // (bands * multiple)), 1) * multiple
    return [(first, min(first + height, rows)) for first in range(0, rows, height)]
