"""The same training from a YAML file: `python examples/train_cli.py fit --config examples/config.yaml`."""

from lightning.pytorch.cli import LightningCLI
from train_minimal import SplatRepair

from warpdata.training import WarpDataModule

if __name__ == "__main__":
    LightningCLI(SplatRepair, WarpDataModule, save_config_callback=None)
