"""Image encoders: DINOv2 (VGGT) and DINOv3 (VGGT-Omega), from pixels to one token per patch."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from .config import VGGTConfig, VGGTOmegaConfig
from .layers import Block
from .position import resample_position_embedding
from .probe import Record, ignore
from .rope import RopeTable, default_periods, omega_rope_table, with_still_tokens

MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)


def token(*shape: int) -> nn.Parameter:
    """A learned token, small and random until weights are loaded."""
    return nn.Parameter(0.02 * torch.randn(*shape, dtype=torch.float32))


def _forget_tables(module: nn.Module, _: object) -> None:
    """Tables made from weights end with them."""
    module._tables.clear()


class PatchEmbed(nn.Module):
    """Normalises with ImageNet's mean and deviation, then maps the pixels of each patch to a token."""

    def __init__(self, patch: int, dim: int, dtype: torch.dtype) -> None:
        super().__init__()
        self.proj = nn.Conv2d(3, dim, patch, stride=patch, dtype=dtype)

    def forward(self, images: Float[Tensor, "n 3 H W"], _: Record = ignore) -> Float[Tensor, "n p C"]:
        """Tokens of the patches of RGB images in [0, 1], row-major."""
        patch = self.proj.kernel_size[0]
        n, _, height, width = images.shape
        mean = torch.stack([images.new_full((), value) for value in MEAN])[:, None, None]
        std = torch.stack([images.new_full((), value) for value in STD])[:, None, None]
        pixels = (images - mean).div_(std)
        pixels = pixels.reshape(n, 3, height // patch, patch, width // patch, patch).permute(0, 2, 4, 1, 3, 5)
        # A matrix product does the convolution: the patches do not overlap.
        weight = self.proj.weight.flatten(1)
        return F.linear(pixels.reshape(n, -1, weight.shape[1]).to(weight.dtype), weight, self.proj.bias)


class DinoV2Encoder(nn.Module):
    """ViT with a learned position embedding: class token, four registers, patches."""

    def __init__(self, config: VGGTConfig, dtype: torch.dtype) -> None:
        super().__init__()
        dim, sizes = config.aggregator.embed_dim, config.vit
        side = config.aggregator.img_size // config.aggregator.patch_size
        self.patch_embed = PatchEmbed(config.aggregator.patch_size, dim, dtype)
        self.cls_token = token(1, 1, dim)
        self.pos_embed = token(1, 1 + side * side, dim)
        self.register_tokens = token(1, config.aggregator.num_register_tokens, dim)
        self.mask_token = token(1, dim)  # of the training; in the checkpoint, never read
        self.blocks = nn.ModuleList(
            Block(dim, sizes.num_heads, mlp_ratio=sizes.mlp_ratio, eps=sizes.norm_eps, dtype=dtype)
            for _ in range(sizes.depth)
        )
        self.norm = nn.LayerNorm(dim, eps=sizes.norm_eps, dtype=torch.float32)
        self._tables: dict[tuple, Tensor] = {}
        self.register_load_state_dict_post_hook(_forget_tables)

    def position_embedding(self, grid_hw: tuple[int, int]) -> Float[Tensor, "1 m C"]:
        """The position embedding of a grid; resampled once per grid and device."""
        key = (grid_hw, self.pos_embed.device)
        if key not in self._tables:
            self._tables[key] = resample_position_embedding(self.pos_embed.detach(), grid_hw)
        return self._tables[key]

    def forward(self, images: Float[Tensor, "n 3 H W"], record: Record = ignore) -> Float[Tensor, "n p C"]:
        """Tokens of the patches of RGB images in [0, 1], row-major, float32."""
        patch = self.patch_embed.proj.kernel_size[0]
        positions = self.position_embedding((images.shape[2] // patch, images.shape[3] // patch))
        patches = self.patch_embed(images)
        record("vit.patch_proj", patches)
        n = len(patches)
        # The registers come after the class token and have no position.
        x = torch.cat(
            (
                (self.cls_token + positions[:, :1]).expand(n, -1, -1),
                self.register_tokens.expand(n, -1, -1),
                patches + positions[:, 1:],
            ),
            dim=1,
        )
        record("vit.embedded", x)
        for i, block in enumerate(self.blocks):
            block(x)
            record(f"vit.block{i}", x)
        return self.norm(x[:, -patches.shape[1] :])


class RopePeriods(nn.Module):
    """The rotation periods that a checkpoint of VGGT-Omega stores."""

    def __init__(self, head_dim: int, base: float) -> None:
        super().__init__()
        self.register_buffer("periods", default_periods(head_dim, base))
        self._tables: dict[tuple, RopeTable] = {}
        self.register_load_state_dict_post_hook(_forget_tables)

    def table(self, grid_hw: tuple[int, int], num_leading: int) -> RopeTable:
        """The rotation of a frame's tokens; built once per grid and device."""
        key = (grid_hw, num_leading, self.periods.device)
        if key not in self._tables:
            self._tables[key] = with_still_tokens(omega_rope_table(grid_hw, self.periods), num_leading)
        return self._tables[key]


class DinoV3Encoder(nn.Module):
    """ViT with rotary positions: class token, storage tokens, patches."""

    def __init__(self, config: VGGTOmegaConfig, dtype: torch.dtype) -> None:
        super().__init__()
        dim, sizes = config.aggregator.embed_dim, config.vit
        self.patch_embed = PatchEmbed(config.aggregator.patch_size, dim, dtype)
        self.cls_token = token(1, 1, dim)
        self.storage_tokens = token(1, sizes.num_storage_tokens, dim)
        self.mask_token = token(1, dim)  # of the training; in the checkpoint, never read
        self.rope_embed = RopePeriods(dim // sizes.num_heads, config.aggregator.rope_base)
        self.blocks = nn.ModuleList(
            Block(dim, sizes.num_heads, mlp_ratio=sizes.mlp_ratio, eps=sizes.norm_eps, masked_bias=True, dtype=dtype)
            for _ in range(sizes.depth)
        )
        self.norm = nn.LayerNorm(dim, eps=sizes.norm_eps, dtype=torch.float32)

    def forward(self, images: Float[Tensor, "n 3 H W"], record: Record = ignore) -> Float[Tensor, "n p C"]:
        """Tokens of the patches of RGB images in [0, 1], row-major, float32."""
        patch = self.patch_embed.proj.kernel_size[0]
        grid_hw = (images.shape[2] // patch, images.shape[3] // patch)
        patches = self.patch_embed(images).float()
        n = len(patches)
        leading = torch.cat((self.cls_token, self.storage_tokens), dim=1)
        x = torch.cat((leading.expand(n, -1, -1), patches), dim=1)
        table = self.rope_embed.table(grid_hw, leading.shape[1])
        for i, block in enumerate(self.blocks):
            block(x, table)
            record(f"vit.block{i}", x)
        return self.norm(x[:, -patches.shape[1] :])
