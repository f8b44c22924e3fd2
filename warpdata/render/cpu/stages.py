"""What each stage of a picture gives to those after it."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np


class Projected(NamedTuple):
    """Where the points fall.

    Attributes:
        pixel: (N,), pixel of each point, -1 for one that is not drawn.
        z_bits: (N,), the bits of its depth in the target.
        run: how many points, one after the other, make a run.
        span: (runs, 2), first and last row that a run falls in.
        depth_bits: the bits of the depths whose median gives the automatic s0.
        upper_counts: (bands, BINS / 2), the first half of that median; without meaning when s0 is given.
        take: `take(key, color, texels, first, last)` writes colour and position of the winners of some rows.
        take_plainly: where surfaces decide, and None elsewhere, as are the next three: like `take`, but it writes
            colour, depth and whether there is a winner, and clears `key` for what surfaces offer.
        meet: `meet(drawn, visible, worker, first, last)` clears what some rows of the reference hide, and takes what
            they offer into `drawn.key`.
        meet_singly: `meet_singly(drawn, visible, first, last)` does what `meet` of all rows has left to do.
        show: `show(drawn, visible, worker, first, last)` writes what some rows of the result show of surfaces.
    """

    pixel: np.ndarray
    z_bits: np.ndarray
    run: int
    span: np.ndarray
    depth_bits: np.ndarray
    upper_counts: np.ndarray
    take: Callable[[np.ndarray, np.ndarray, np.ndarray, int, int], None]
    take_plainly: Callable[[np.ndarray, np.ndarray, np.ndarray, np.ndarray, int, int], None] | None = None
    meet: Callable[[Drawn, np.ndarray, int, int, int], None] | None = None
    meet_singly: Callable[[Drawn, np.ndarray, int, int], None] | None = None
    show: Callable[[Drawn, np.ndarray, int, int, int], None] | None = None


class Drawn(NamedTuple):
    """The nearest points.

    Attributes:
        color: (H, W), packed colour of each pixel's point.
        z: (H, W), its depth.
        levels: (4, h, w) each, the nearest texel of every pixel and of coarser and coarser blocks; none where surfaces
            decide.
        s0: neighbourhood size.
        key: (H, W), where surfaces decide: what they offer each pixel, nothing to begin with.
    """

    color: np.ndarray
    z: np.ndarray
    levels: list[np.ndarray]
    s0: np.float32
    key: np.ndarray | None = None


class Seen(NamedTuple):
    """What is not hidden.

    Attributes:
        visible: (H, W).
        fills: (4, h, w) each, mean colour and weight of the visible pixels of coarser and coarser blocks.
    """

    visible: np.ndarray
    fills: list[np.ndarray]


class Fade(NamedTuple):
    """How holes fade.

    Attributes:
        nearest: (H, W or more), squared distance to the nearest visible pixel.
        table: the fade by squared distance.
    """

    nearest: np.ndarray
    table: np.ndarray
