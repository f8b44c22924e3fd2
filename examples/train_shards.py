"""Train from finished triplets in WebDataset shards, on this disk or in object storage.

python -m warpdata.materialize --input-dir samples --output-dir shards --layout webdataset
python examples/train_shards.py shards/train-*.tar
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import torch
from lightning import LightningModule, Trainer
from torch import nn

from warpdata.training import ShardDataModule


class Repair(LightningModule):
    """Splat, coverage and reference in, target out."""

    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Conv2d(7, 16, 3, padding=1), nn.ReLU(), nn.Conv2d(16, 3, 3, padding=1))

    def training_step(self, batch, batch_idx):
        repaired = batch.splat + self.net(torch.cat([batch.splat, batch.coverage, batch.reference], dim=1))
        loss = (repaired - batch.target).abs().mean()
        self.log("loss", loss, prog_bar=True, batch_size=len(batch.id))
        return loss

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters(), lr=1e-3)


def main(arguments: Sequence[str] | None = None) -> float:
    """Train; the last step's loss."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shards", nargs="+", help="train-*.tar, or URLs of them")
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--batch-size", type=int, default=2)
    options = parser.parse_args(arguments)
    data = ShardDataModule(options.shards, batch_size=options.batch_size, shuffle=100)
    trainer = Trainer(max_epochs=options.epochs, logger=False, enable_checkpointing=False)
    trainer.fit(Repair(), datamodule=data)
    return trainer.callback_metrics["loss"].item()


if __name__ == "__main__":
    print(f"loss {main():.4f}")
