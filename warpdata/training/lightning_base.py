"""What makes a data module of ours one of Lightning's, under both names that Lightning is installed by."""

from __future__ import annotations

import sys
from typing import Any

import torch
from lightning.pytorch import LightningDataModule

from warpdata.training.sealed import Sealed
from warpdata.triplets.inputs import PairInputs
from warpdata.triplets.triplet import Triplet

PACKAGES = ("lightning.pytorch", "pytorch_lightning")
"""The same code twice: each package's trainer takes data modules of its own package's class, and no others."""


class DataModule(LightningDataModule):
    """A `LightningDataModule` of every package that is loaded, as soon as an object is made or meets its trainer.

    `pytorch_lightning` is never imported for its sake.
    """

    def __new__(cls, *args: Any, **options: Any) -> DataModule:
        join_packages()
        return super().__new__(cls)

    @property
    def trainer(self) -> Any:
        """The trainer of either package that uses this data module; None without one."""
        return self._trainer

    @trainer.setter
    def trainer(self, trainer: Any) -> None:
        join_packages(trainer)
        self._trainer = trainer

    def transfer_batch_to_device(
        self, batch: Triplet | PairInputs | Sealed, device: torch.device, dataloader_idx: int
    ) -> Triplet | PairInputs:
        """Batches that are not on the device yet are copied there.

        Where the trainer's precision casts its inputs, the pictures of triplets are cast, nothing else.
        """
        if isinstance(batch, Sealed):
            batch = batch.batch
            if isinstance(batch, Triplet):
                batch = batch.map_pictures(self.trainer.precision_plugin.convert_input)
        return batch.to(device)

    @property
    def rank(self) -> int:
        """Of this process among those that train together."""
        return 0 if self.trainer is None else self.trainer.global_rank

    @property
    def world_size(self) -> int:
        """How many processes train together."""
        return 1 if self.trainer is None else self.trainer.world_size

    @property
    def device(self) -> torch.device:
        """The trainer's; without one, a GPU if there is one."""
        if self.trainer is not None:
            return self.trainer.strategy.root_device
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")

    @property
    def casts_inputs(self) -> bool:
        """Whether the trainer's precision plugin would change batches."""
        if self.trainer is None:
            return False
        precision = type(self.trainer.precision_plugin)
        first = next(kind for kind in reversed(precision.__mro__) if hasattr(kind, "convert_input"))
        return precision.convert_input is not first.convert_input

    @property
    def overfits(self) -> bool:
        """Whether the trainer is to see the same few batches in every epoch."""
        return self.trainer is not None and self.trainer.overfit_batches > 0


def join_packages(trainer: Any = None) -> None:
    """Give `DataModule` the class of each loaded package as a base; that of the trainer's comes first.

    A trainer takes hooks that its own class does not define for ours, so the order counts where the packages are of
    different versions.
    """
    loaded = [sys.modules[name] for name in PACKAGES if hasattr(sys.modules.get(name), "Trainer")]
    own = [package.LightningDataModule for package in loaded if isinstance(trainer, package.Trainer)]
    bases = tuple(dict.fromkeys([*own, *DataModule.__bases__, *(package.LightningDataModule for package in loaded)]))
    if bases != DataModule.__bases__:
        DataModule.__bases__ = bases


join_packages()
