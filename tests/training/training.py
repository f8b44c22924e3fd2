"""A model that remembers what it was given, and a trainer that says nothing."""

from pathlib import Path

import torch
from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from torch import nn

from tests.scenes import write_scene
from warpdata.config import GeometryOptions
from warpdata.training.datamodule import WarpDataModule
from warpdata.triplets.triplet import Triplet


class Recorder(LightningModule):
    """One weight a colour channel; `seen[split]` lists the ids of every batch, `batches` the batches themselves."""

    def __init__(self):
        super().__init__()
        self.net = nn.Conv2d(3, 3, 1)
        self.seen = {"train": [], "val": [], "test": [], "predict": []}
        self.batches = []

    def training_step(self, batch, batch_idx):
        return self._step("train", batch)

    def validation_step(self, batch, batch_idx):
        self._step("val", batch)

    def test_step(self, batch, batch_idx):
        self._step("test", batch)

    def predict_step(self, batch, batch_idx):
        self._step("predict", batch)

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.01)

    def _step(self, split, batch):
        self.seen[split].append((self.current_epoch, tuple(batch.id)))
        self.batches.append(batch)
        if not isinstance(batch, Triplet):
            return self.net.weight.sum()
        splat = batch.splat if batch.splat.is_floating_point() else batch.splat.float() / 255
        target = batch.target if batch.target.is_floating_point() else batch.target.float() / 255
        return (self.net(splat) - target).square().mean()

    def ids(self, split, epoch=None):
        return [name for at, batch in self.seen[split] for name in batch if epoch in (None, at)]


def make_trainer(folder: Path, *, every_n_steps: int | None = None, **options) -> Trainer:
    """A trainer on the CPU; with `every_n_steps`, every such checkpoint is kept as `step=<n>.ckpt`."""
    callbacks = list(options.pop("callbacks", []))
    if every_n_steps is not None:
        callbacks.append(ModelCheckpoint(folder, filename="{step}", every_n_train_steps=every_n_steps, save_top_k=-1))
    defaults = {
        "accelerator": "cpu",
        "devices": 1,
        "max_epochs": 1,
        "logger": False,
        "enable_checkpointing": bool(callbacks),
        "enable_progress_bar": False,
        "enable_model_summary": False,
        "num_sanity_val_steps": 0,
    }
    return Trainer(default_root_dir=folder, callbacks=callbacks, **defaults | options)


def write_scenes(folder: Path, views: dict[str, int], hw=(24, 36)) -> Path:
    """Scenes of a few small views with cameras and depth."""
    for name, count in views.items():
        write_scene(folder / name, count, hw)
    return folder


def make_data(folder: Path, **options) -> WarpDataModule:
    """A data module over `<folder>/in`, its cache beside it."""
    defaults = {"batch_size": 2, "num_workers": 0, "geometry": GeometryOptions(cache_dir=folder / "cache")}
    return WarpDataModule(folder / "in", **defaults | options)
