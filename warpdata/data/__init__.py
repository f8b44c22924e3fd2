"""Pairs of views and the triplets made of them, for a training loop.

With Lightning, `WarpDataModule` is all that is needed. In a loop of one's own, `WarpDataset` gives the pairs,
`WarpLoader` batches of triplets, and `render_batch` triplets of inputs that are on the device already.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from warpdata.data.datamodule import WarpDataModule
    from warpdata.data.dataset import WarpDataset
    from warpdata.data.inputs import PairInputs, collate_inputs
    from warpdata.data.loader import WarpLoader, render_batch
    from warpdata.data.sampler import BatchOrder
    from warpdata.data.shards import ShardDataModule
    from warpdata.data.triplet import Pair, Triplet

_HOME = {
    "BatchOrder": "sampler",
    "Pair": "triplet",
    "PairInputs": "inputs",
    "ShardDataModule": "shards",
    "Triplet": "triplet",
    "WarpDataModule": "datamodule",
    "WarpDataset": "dataset",
    "WarpLoader": "loader",
    "collate_inputs": "inputs",
    "render_batch": "loader",
}
"""Module of each public name; imported when the name is first used, so that files can be made without Lightning."""


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted(_HOME)


__all__ = [
    "BatchOrder",
    "Pair",
    "PairInputs",
    "ShardDataModule",
    "Triplet",
    "WarpDataModule",
    "WarpDataset",
    "WarpLoader",
    "collate_inputs",
    "render_batch",
]
