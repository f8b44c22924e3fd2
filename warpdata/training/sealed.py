"""Batches that a trainer must not take apart."""

from __future__ import annotations

from warpdata.triplets.inputs import PairInputs
from warpdata.triplets.triplet import Triplet


class Sealed:
    """A batch on its way through a trainer that would take it apart.

    Lightning's precision plugins that cast all inputs (`bf16-true`, `64-true`, ...) reach into collections and
    dataclasses, before any hook. They can neither rebuild frozen ones, nor should they round cameras and depth.
    """

    def __init__(self, batch: Triplet | PairInputs):
        self.batch = batch
