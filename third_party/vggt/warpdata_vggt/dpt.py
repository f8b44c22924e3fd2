"""The convolutional pyramid that both depth heads share (a DPT): four layer outputs in, one feature map out.

Frames are independent here, so any number of them may be taken at a time. Feature maps are [n, c, h, w] in
channels-last memory, which is the order the tokens come in. All of it is float32 whatever the rest runs in: an
exponential follows, and in bfloat16 the error of the depth doubles.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from .aggregator import LayerOutput
from .config import DenseHeadConfig
from .position import add_position_map
from .probe import Record, ignore, under


class ResidualUnit(nn.Module):
    """Two 3x3 convolutions with a skip.

    With `rectified_skip` the skip carries ReLU(x): VGGT was trained with a first ReLU that worked in place. Without
    it, as in VGGT-Omega, the skip carries x.
    """

    def __init__(self, features: int, *, rectified_skip: bool) -> None:
        super().__init__()
        self.rectified_skip = rectified_skip
        self.conv1 = nn.Conv2d(features, features, 3, padding=1)
        self.conv2 = nn.Conv2d(features, features, 3, padding=1)

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
        rectified = x.relu()
        skip = rectified if self.rectified_skip else x
        return self.conv2(self.conv1(rectified).relu_()).add_(skip)


class Fusion(nn.Module):
    """Adds a finer map to the running one (all but the coarsest have one), refines it and resizes it."""

    def __init__(self, features: int, *, lateral: bool, rectified_skip: bool) -> None:
        super().__init__()
        self.out_conv = nn.Conv2d(features, features, 1)
        if lateral:
            self.resConfUnit1 = ResidualUnit(features, rectified_skip=rectified_skip)
        self.resConfUnit2 = ResidualUnit(features, rectified_skip=rectified_skip)

    def forward(
        self, x: Tensor, lateral: Tensor | None, size: tuple[int, int], record: Record
    ) -> Float[Tensor, "n c h w"]:
        if lateral is not None:
            unit = self.resConfUnit1(lateral)
            record("rcu1", unit)
            x = unit.add_(x)
        x = self.resConfUnit2(x)
        record("rcu2", x)
        # The 1x1 convolution commutes with the resize; in front of it, it costs a quarter.
        return resize(self.out_conv(x), size)


def resize(x: Float[Tensor, "n c h w"], size: tuple[int, int]) -> Float[Tensor, "n c H W"]:
    """Bilinear, corners aligned."""
    if x.shape[-2:] == size:
        return x
    return F.interpolate(x, size=size, mode="bilinear", align_corners=True)


class DenseHead(nn.Module, ABC):
    """What is common to the depth heads of VGGT and VGGT-Omega."""

    def __init__(self, width: int, sizes: DenseHeadConfig, patch: int, *, rectified_skip: bool) -> None:
        super().__init__()
        self.layers = sizes.intermediate_layer_idx
        self.patch = patch
        channels, features = sizes.out_channels, sizes.features
        self.norm = nn.LayerNorm(width, eps=1e-5)
        self.projects = nn.ModuleList(nn.Conv2d(width, c, 1) for c in channels)
        self.resize_layers = nn.ModuleList(
            (
                nn.ConvTranspose2d(channels[0], channels[0], 4, stride=4),
                nn.ConvTranspose2d(channels[1], channels[1], 2, stride=2),
                nn.Identity(),
                nn.Conv2d(channels[3], channels[3], 3, stride=2, padding=1),
            )
        )
        self.scratch = nn.Module()
        for j, c in enumerate(channels, 1):
            rn = nn.Conv2d(c, features, 3, padding=1, bias=False)
            fusion = Fusion(features, lateral=j < 4, rectified_skip=rectified_skip)
            self.scratch.add_module(f"layer{j}_rn", rn)
            self.scratch.add_module(f"refinenet{j}", fusion)

    @abstractmethod
    def top_size(self, finest_hw: tuple[int, int]) -> tuple[int, int]:
        """Size of the fused map, given that of the finest branch."""

    @abstractmethod
    def read_out(
        self, x: Float[Tensor, "n c h w"], image_hw: tuple[int, int], record: Record
    ) -> Float[Tensor, "n 2 H W"]:
        """Logits of depth and of confidence, float32, from the fused map."""

    def project(
        self, branch: int, layer: LayerOutput, leading: int, grid_hw: tuple[int, int], chunk: int, record: Record
    ) -> Float[Tensor, "N p c"]:
        """A branch's view of a layer output: all of it that has to be kept.

        Norm and 1x1 convolution of the patch tokens, with the position map added; `chunk` frames at a time.
        """
        conv = self.projects[branch]
        frames, patches = len(layer.scene), layer.scene.shape[1] - leading
        kept = layer.scene.new_empty(frames, patches, conv.out_channels)
        for at in range(0, frames, chunk):
            part = slice(at, at + chunk)
            both = torch.cat((layer.frame[part, leading:], layer.scene[part, leading:]), dim=-1)
            as_maps(kept[part], grid_hw).copy_(conv(as_maps(self.norm(both), grid_hw)))
        maps = as_maps(kept, grid_hw)
        record(f"proj{branch}", maps)
        add_position_map(maps, aspect=grid_hw[1] / grid_hw[0])
        return kept

    def decode(
        self, projected: list[Float[Tensor, "n p _"]], grid_hw: tuple[int, int], record: Record = ignore
    ) -> tuple[Float[Tensor, "n H W"], Float[Tensor, "n H W"]]:
        """Depth (> 0) and confidence (> 1) of some frames from their projected layer outputs, float32."""
        image_hw = (grid_hw[0] * self.patch, grid_hw[1] * self.patch)
        # Nested, so that nothing here holds the fused map while the larger ones are made.
        logits = self.read_out(self.fuse(projected, grid_hw, record), image_hw, record)
        record("logits", logits)
        return logits[:, 0].exp(), 1 + logits[:, 1].exp()

    def fuse(
        self, projected: list[Float[Tensor, "n p _"]], grid_hw: tuple[int, int], record: Record
    ) -> Float[Tensor, "n c h w"]:
        """The four branches brought to their own scales, then joined from coarse to fine."""
        branches = []
        for j, tokens in enumerate(projected):
            x = self.resize_layers[j](as_maps(tokens, grid_hw))
            record(f"resized{j}", x)
            branches.append(getattr(self.scratch, f"layer{j + 1}_rn")(x))
            record(f"layer{j + 1}_rn", branches[-1])
        sizes = [tuple(branch.shape[-2:]) for branch in branches]
        # Each step ends at the size of the next finer branch.
        targets = [self.top_size(sizes[0]), *sizes[:-1]]
        x = branches.pop()
        for j in (4, 3, 2, 1):
            lateral = branches.pop() if j < 4 else None
            x = getattr(self.scratch, f"refinenet{j}")(x, lateral, targets[j - 1], under(record, f"refinenet{j}."))
            record(f"refinenet{j}", x)
        return x


def as_maps(tokens: Float[Tensor, "n p c"], grid_hw: tuple[int, int]) -> Float[Tensor, "n c h w"]:
    """Patch tokens seen as a channels-last feature map; no copy."""
    return tokens.unflatten(1, grid_hw).permute(0, 3, 1, 2)
