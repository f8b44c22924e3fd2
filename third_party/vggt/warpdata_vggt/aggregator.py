"""Alternating attention: inside each frame, then across the frames of a scene.

Shape letters: B scenes, S frames of a scene, N = B*S, P tokens of a frame, C width.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from .config import VGGTConfig, VGGTOmegaConfig
from .encoder import DinoV2Encoder, DinoV3Encoder, PatchEmbed, RopePeriods, token
from .layers import Block
from .probe import Record, ignore, under
from .rope import RopeTable, frame_table


class LayerOutput(NamedTuple):
    """Output of one alternating layer, as the two halves that are its channels.

    `scene` is the running residual stream: the next layer overwrites it, so what is needed has to be taken at once.
    """

    index: int
    frame: Float[Tensor, "N P C"]
    scene: Float[Tensor, "N P C"]


class AlternatingAggregator(nn.Module, ABC):
    """Images to tokens, and the tokens through the alternating layers; what both families share."""

    def __init__(self, config: VGGTConfig | VGGTOmegaConfig, encoder: nn.Module) -> None:
        super().__init__()
        sizes = config.aggregator
        self.config = sizes
        self.patch_embed = encoder
        # Index 0 is for the first frame of a scene, index 1 for all others.
        self.camera_token = token(1, 2, 1, sizes.embed_dim)
        self.register_token = token(1, 2, sizes.num_register_tokens, sizes.embed_dim)

    @abstractmethod
    def frame_rope(self, grid_hw: tuple[int, int]) -> RopeTable:
        """The rotation in attention inside a frame."""

    @abstractmethod
    def mix(
        self, index: int, x: Float[Tensor, "N P C"], across: int, chunk: int, rope: RopeTable, record: Record
    ) -> None:
        """The cross-frame block of a layer, in place; `across` frames form a scene."""

    def layers(
        self, images: Float[Tensor, "B S 3 H W"], read: frozenset[int], chunk: int, record: Record = ignore
    ) -> Iterator[LayerOutput]:
        """The outputs of the layers in `read`, in order.

        `chunk` frames are worked on at a time wherever frames do not interact, and in the wide intermediate tensors
        where they do.
        """
        frames, patch = images.shape[1], self.config.patch_size
        grid_hw = (images.shape[3] // patch, images.shape[4] // patch)
        x = self.tokens(images, chunk, record)
        rope = self.frame_rope(grid_hw)
        for i, block in enumerate(self.frame_blocks):
            for part in x.split(chunk):
                block(part, rope, record=under(record, f"agg.frame{i}."))
            record(f"agg.frame{i}", x)
            kept = x.clone() if i in read else None
            self.mix(i, x, frames, chunk, rope, record)
            if kept is not None:
                yield LayerOutput(i, kept, x)
            del kept

    def tokens(self, images: Float[Tensor, "B S 3 H W"], chunk: int, record: Record) -> Float[Tensor, "N P C"]:
        """Camera token, registers and encoded patches of every frame, float32."""
        scenes, frames = images.shape[:2]
        leading = torch.cat((self.camera_token, self.register_token), dim=2)[0]
        patch, count = self.config.patch_size, leading.shape[1]
        patches = (images.shape[3] // patch) * (images.shape[4] // patch)
        x = leading.new_empty(scenes * frames, count + patches, self.config.embed_dim)
        by_scene = x.unflatten(0, (scenes, frames))
        by_scene[:, :1, :count] = leading[0]
        by_scene[:, 1:, :count] = leading[1]
        for part, pixels in zip(x.split(chunk), images.flatten(0, 1).split(chunk), strict=True):
            part[:, count:] = self.patch_embed(pixels.float(), record)
        record("patch_tokens", x[:, count:])
        record("agg.input", x)
        return x


class Aggregator(AlternatingAggregator):
    """VGGT's: every cross-frame block sees all tokens of the scene, rotated by their place in their own frame."""

    def __init__(self, config: VGGTConfig, dtype: torch.dtype) -> None:
        sizes = config.aggregator
        conv = sizes.patch_embed == "conv"
        encoder = PatchEmbed(sizes.patch_size, sizes.embed_dim, dtype) if conv else DinoV2Encoder(config, dtype)
        super().__init__(config, encoder)

        def blocks() -> nn.ModuleList:
            return nn.ModuleList(
                Block(sizes.embed_dim, sizes.num_heads, mlp_ratio=sizes.mlp_ratio, qk_norm=True, dtype=dtype)
                for _ in range(sizes.depth)
            )

        self.frame_blocks = blocks()
        self.global_blocks = blocks()

    def frame_rope(self, grid_hw: tuple[int, int]) -> RopeTable:
        sizes = self.config
        return frame_table(
            grid_hw,
            1 + sizes.num_register_tokens,
            sizes.embed_dim // sizes.num_heads,
            sizes.rope_freq,
            self.camera_token.device,
        )

    def mix(
        self, index: int, x: Float[Tensor, "N P C"], across: int, chunk: int, rope: RopeTable, record: Record
    ) -> None:
        record = under(record, f"agg.global{index}.")
        self.global_blocks[index](x, rope, across=across, chunk=chunk, record=record)


class OmegaAggregator(AlternatingAggregator):
    """VGGT-Omega's: no rotation across frames, and some blocks see only the camera and register tokens."""

    def __init__(self, config: VGGTOmegaConfig, dtype: torch.dtype) -> None:
        super().__init__(config, DinoV3Encoder(config, dtype))
        sizes = config.aggregator

        def blocks() -> nn.ModuleList:
            return nn.ModuleList(
                Block(
                    sizes.embed_dim,
                    sizes.num_heads,
                    mlp_ratio=sizes.mlp_ratio,
                    qk_norm=True,
                    masked_bias=True,
                    dtype=dtype,
                )
                for _ in range(sizes.depth)
            )

        self.rope_embed = RopePeriods(sizes.embed_dim // sizes.num_heads, sizes.rope_base)
        self.frame_blocks = blocks()
        self.inter_frame_blocks = blocks()

    def frame_rope(self, grid_hw: tuple[int, int]) -> RopeTable:
        return self.rope_embed.table(grid_hw, 1 + self.config.num_register_tokens)

    def mix(
        self, index: int, x: Float[Tensor, "N P C"], across: int, chunk: int, rope: RopeTable, record: Record
    ) -> None:
        block = self.inter_frame_blocks[index]
        if index in self.config.register_attention_block_indices:
            count = 1 + self.config.num_register_tokens
            leading = x[:, :count].contiguous()
            block(leading, across=across)
            x[:, :count] = leading
            record(f"agg.inter{index}", leading)
        else:
            block(x, across=across, chunk=chunk)
            record(f"agg.inter{index}", x)
