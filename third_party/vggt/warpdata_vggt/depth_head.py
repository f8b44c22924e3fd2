"""The depth heads of both families: what follows the shared pyramid."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from .config import VGGTConfig, VGGTOmegaConfig
from .dpt import DenseHead, resize
from .position import add_position_map
from .probe import Record


class DepthHead(DenseHead):
    """VGGT's: convolutions up to full resolution."""

    def __init__(self, config: VGGTConfig) -> None:
        sizes = config.depth_head
        width, patch = 2 * config.aggregator.embed_dim, config.aggregator.patch_size
        super().__init__(width, sizes, patch, rectified_skip=True)
        half = sizes.features // 2
        self.scratch.output_conv1 = nn.Conv2d(sizes.features, half, 3, padding=1)
        self.scratch.output_conv2 = nn.Sequential(
            nn.Conv2d(half, 32, 3, padding=1), nn.ReLU(inplace=True), nn.Conv2d(32, 2, 1)
        )
        self.to(memory_format=torch.channels_last)

    def top_size(self, finest_hw: tuple[int, int]) -> tuple[int, int]:
        return (2 * finest_hw[0], 2 * finest_hw[1])

    def read_out(
        self, x: Float[Tensor, "n c h w"], image_hw: tuple[int, int], record: Record
    ) -> Float[Tensor, "n 2 H W"]:
        x = self.scratch.output_conv1(x)
        record("output_conv1", x)
        x = resize(x, image_hw)
        add_position_map(x, aspect=image_hw[1] / image_hw[0])
        conv, relu, last = self.scratch.output_conv2
        return last(relu(conv(x)))


class OmegaDenseHead(DenseHead):
    """VGGT-Omega's: a 1x1 convolution at quarter resolution and a pixel shuffle."""

    def __init__(self, config: VGGTOmegaConfig) -> None:
        sizes = config.dense_head
        width, patch = 2 * config.aggregator.embed_dim, config.aggregator.patch_size
        super().__init__(width, sizes, patch, rectified_skip=False)
        self.up = patch // 4
        self.proj = nn.Conv2d(sizes.features, self.up**2, 1)
        self.proj_conf = nn.Conv2d(sizes.features, self.up**2, 1)
        self.to(memory_format=torch.channels_last)

    def top_size(self, finest_hw: tuple[int, int]) -> tuple[int, int]:
        return finest_hw

    def read_out(
        self, x: Float[Tensor, "n c h w"], image_hw: tuple[int, int], record: Record
    ) -> Float[Tensor, "n 2 H W"]:
        add_position_map(x, aspect=image_hw[1] / image_hw[0])
        depth, conf = self.proj(x), self.proj_conf(x)
        record("proj", depth)
        record("proj_conf", conf)
        return F.pixel_shuffle(torch.cat((depth, conf), dim=1), self.up)
