"""Teach a small U-Net to repair splats, on the shipped sample, in under two minutes on a CPU.

    python examples/train_minimal.py                # trains, and writes examples/output/before_after.jpg
    python examples/train_minimal.py --epochs 30    # goes on from its last checkpoint

The network sees the splat, its coverage and the reference, and learns what to add to the splat to get the target.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from PIL import Image
from torch import Tensor, nn

from warpdata.config import PairOptions, RenderOptions, SizeOptions
from warpdata.training import Triplet, WarpDataModule

REPOSITORY = Path(__file__).resolve().parents[1]


class UNet(nn.Module):
    """Two halvings and back, with what each level saw handed across."""

    def __init__(self, in_channels: int, width: int):
        super().__init__()
        self.enter = block(in_channels, width)
        self.down1 = block(width, 2 * width)
        self.down2 = block(2 * width, 2 * width)
        self.up1 = block(4 * width, width)
        self.up2 = block(2 * width, width)
        self.leave = nn.Conv2d(width, 3, 1)
        nn.init.zeros_(self.leave.weight)  # training begins with the splat as it is
        nn.init.zeros_(self.leave.bias)

    def forward(self, x: Tensor) -> Tensor:
        fine = self.enter(x)
        middle = self.down1(F.avg_pool2d(fine, 2))
        coarse = self.down2(F.avg_pool2d(middle, 2))
        middle = self.up1(torch.cat([middle, F.interpolate(coarse, middle.shape[-2:])], 1))
        return self.leave(self.up2(torch.cat([fine, F.interpolate(middle, fine.shape[-2:])], 1)))


def block(in_channels: int, out_channels: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, 3, padding=1),
        nn.SiLU(),
        nn.Conv2d(out_channels, out_channels, 3, padding=1),
        nn.SiLU(),
    )


class SplatRepair(LightningModule):
    """Repairs splats: L1 between the splat with the network's correction and the target.

    Args:
        width: channels of the finest level.
        learning_rate: of Adam.
    """

    def __init__(self, width: int = 16, learning_rate: float = 2e-3):
        super().__init__()
        self.net = UNet(in_channels=7, width=width)
        self.learning_rate = learning_rate
        self.epoch_losses: list[float] = []
        self._losses: list[Tensor] = []

    def forward(self, batch: Triplet) -> Tensor:
        """(B, 3, H, W), the repaired splats."""
        return batch.splat + self.net(torch.cat([batch.splat, batch.coverage, batch.reference], 1))

    def training_step(self, batch: Triplet, batch_idx: int) -> Tensor:
        loss = (self(batch) - batch.target).abs().mean()
        self.log("loss", loss, prog_bar=True, batch_size=len(batch.id))
        self._losses.append(loss.detach())
        return loss

    def on_train_epoch_end(self) -> None:
        self.epoch_losses.append(torch.stack(self._losses).mean().item())
        self._losses.clear()

    def predict_step(self, batch: Triplet, batch_idx: int) -> Tensor:
        return self(batch)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.parameters(), lr=self.learning_rate)


def before_after(model: SplatRepair, data: WarpDataModule, sample_id: str) -> Image.Image:
    """Splat, repaired splat and target of one pair, side by side."""
    data.setup("predict")
    batch = next(batch for batch in data.predict_dataloader() if sample_id in batch.id)
    index = batch.id.index(sample_id)
    with torch.inference_mode():
        repaired = model.eval()(batch)
    pictures = [batch.splat[index], repaired[index].clamp(0, 1), batch.target[index]]
    pixels = (torch.cat(pictures, dim=2) * 255).round().byte().permute(1, 2, 0)
    return Image.fromarray(np.ascontiguousarray(pixels.numpy()))


def main(arguments: list[str] | None = None) -> list[float]:
    """Train, from the last checkpoint if there is one, and draw.

    Returns:
        The mean loss of each epoch that was trained.
    """
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--input-dir", type=Path, default=REPOSITORY / "samples")
    parser.add_argument("--output-dir", type=Path, default=REPOSITORY / "examples" / "output")
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--show", default="room/006__002", help="pair to draw, <scene>/<target>__<reference>")
    options = parser.parse_args(arguments)

    size = SizeOptions(resize_width=160, resize_height=120)
    pairs = PairOptions(pairs="window", pair_window=3, both_directions=True)
    render = RenderOptions(sigma=1.0)  # holes fade to black at once, so that there is something to repair
    data = WarpDataModule(options.input_dir, batch_size=4, num_workers=1, size=size, pairs=pairs, render=render)
    model = SplatRepair()
    keep_last = ModelCheckpoint(options.output_dir, save_last=True)
    trainer = Trainer(
        max_epochs=options.epochs, logger=False, callbacks=[keep_last], accelerator="cpu", log_every_n_steps=1
    )
    trainer.fit(model, datamodule=data, ckpt_path="last")
    for epoch, loss in enumerate(model.epoch_losses, start=options.epochs - len(model.epoch_losses)):
        print(f"epoch {epoch}: loss {loss:.4f}")

    # Views up to three apart were trained on; these two are four apart.
    others = PairOptions(pairs="window", pair_window=4)
    unseen = WarpDataModule(options.input_dir, num_workers=0, size=size, pairs=others, render=render)
    picture = options.output_dir / "before_after.jpg"
    before_after(model.cpu(), unseen, options.show).save(picture, quality=92)
    print(f"splat, repaired, target: {picture}")
    return model.epoch_losses


if __name__ == "__main__":
    main()
