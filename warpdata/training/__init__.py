"""Triplets in a training loop: data set, batches, their order, and the Lightning data module.

With Lightning, `WarpDataModule` is all that is needed. In a loop of one's own, `WarpDataset` gives the pairs,
`WarpLoader` batches of triplets, and `render_batch` triplets of inputs that are on the device already.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from warpdata.training.datamodule import WarpDataModule
    from warpdata.training.dataset import WarpDataset
    from warpdata.training.loader import WarpLoader, render_batch
    from warpdata.training.sampler import BatchOrder
    from warpdata.training.spacevista import SpaceVistaDataset, SpaceVistaSample
    from warpdata.training.triplet_shards import ShardDataModule
    from warpdata.triplets.inputs import PairInputs, collate_inputs
    from warpdata.triplets.triplet import Pair, Triplet

_HOME = {
    "BatchOrder": "training.sampler",
    "Pair": "triplets.triplet",
    "PairInputs": "triplets.inputs",
    "ShardDataModule": "training.triplet_shards",
    "SpaceVistaDataset": "training.spacevista",
    "SpaceVistaSample": "training.spacevista",
    "Triplet": "triplets.triplet",
    "WarpDataModule": "training.datamodule",
    "WarpDataset": "training.dataset",
    "WarpLoader": "training.loader",
    "collate_inputs": "triplets.inputs",
    "render_batch": "training.loader",
}
"""Module of each public name; imported when the name is first used, so that files can be made without Lightning."""


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"warpdata.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted(_HOME)


__all__ = [
    "BatchOrder",
    "Pair",
    "PairInputs",
    "ShardDataModule",
    "SpaceVistaDataset",
    "SpaceVistaSample",
    "Triplet",
    "WarpDataModule",
    "WarpDataset",
    "WarpLoader",
    "collate_inputs",
    "render_batch",
]
