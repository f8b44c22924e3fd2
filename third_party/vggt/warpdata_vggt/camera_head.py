"""Camera heads: from the leading tokens of the last layer to a pose encoding per frame.

A pose encoding is translation (3), quaternion x, y, z, w (4), vertical and horizontal field of view in radians; see
`pose`. The camera heads are float32 whatever the rest runs in: they are cheap, and a pose is all they give.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from .config import VGGTConfig, VGGTOmegaConfig
from .encoder import token
from .layers import Block, Mlp
from .probe import Record, ignore


class CameraHead(nn.Module):
    """VGGT's: refines a pose in steps from the camera tokens, with attention over the frames of a scene."""

    def __init__(self, config: VGGTConfig) -> None:
        super().__init__()
        dim, sizes = 2 * config.aggregator.embed_dim, config.camera_head
        self.num_iterations = sizes.num_iterations
        self.token_norm = nn.LayerNorm(dim, eps=1e-5)
        self.empty_pose_tokens = token(1, 1, 9)
        self.embed_pose = nn.Linear(9, dim)
        self.poseLN_modulation = nn.Sequential(nn.SiLU(), nn.Linear(dim, 3 * dim))
        self.trunk = nn.ModuleList(
            Block(dim, sizes.num_heads, mlp_ratio=sizes.mlp_ratio) for _ in range(sizes.trunk_depth)
        )
        self.trunk_norm = nn.LayerNorm(dim, eps=1e-5)
        self.pose_branch = Mlp(dim, dim // 2, 9, torch.float32)

    def forward(self, leading: Float[Tensor, "B S K C"], record: Record = ignore) -> tuple[Float[Tensor, "B S 9"], ...]:
        """The pose encoding after each step; the last one is the result."""
        tokens = self.token_norm(leading[:, :, 0])
        record("camera.token_normed", tokens)
        normed = F.layer_norm(tokens, tokens.shape[-1:], eps=1e-6)
        raw, steps = None, []
        for k in range(self.num_iterations):
            # The pose fed back is the one before activation.
            pose = self.embed_pose(self.empty_pose_tokens.expand(*tokens.shape[:2], -1) if raw is None else raw)
            record(f"camera.embed_pose_iter{k}", pose)
            shift, scale, gate = self.poseLN_modulation(pose).chunk(3, dim=-1)
            x = gate * (normed * (1 + scale) + shift) + tokens
            for block in self.trunk:
                block(x)
            record(f"camera.trunk_iter{k}", x)
            delta = self.pose_branch(self.trunk_norm(x))
            record(f"camera.delta_iter{k}", delta)
            raw = delta if raw is None else raw + delta
            steps.append(torch.cat((raw[..., :7], raw[..., 7:].relu()), dim=-1))
            record(f"camera.pose_enc_iter{k}", steps[-1])
        return tuple(steps)


class OmegaCameraHead(nn.Module):
    """VGGT-Omega's: one pass over the camera and register tokens of all frames of a scene."""

    def __init__(self, config: VGGTOmegaConfig) -> None:
        super().__init__()
        dim, sizes = 2 * config.aggregator.embed_dim, config.camera_head
        self.token_norm = nn.LayerNorm(dim, eps=1e-5)
        self.trunk = nn.ModuleList(
            Block(dim, sizes.num_heads, mlp_ratio=sizes.mlp_ratio, masked_bias=True) for _ in range(sizes.num_blocks)
        )
        self.trunk_norm = nn.LayerNorm(dim, eps=1e-5)
        self.camera_branch = nn.Sequential(nn.Linear(dim, dim // 2), nn.GELU(), nn.Linear(dim // 2, 9))

    def forward(self, leading: Float[Tensor, "B S K C"], record: Record = ignore) -> tuple[Float[Tensor, "B S 9"], ...]:
        """The pose encoding, as the only step."""
        x = self.token_norm(leading).flatten(1, 2)
        for i, block in enumerate(self.trunk):
            block(x)
            record(f"camera.trunk{i}", x)
        camera = x.unflatten(1, leading.shape[1:3])[:, :, 0]
        raw = self.camera_branch(self.trunk_norm(camera))
        return (torch.cat((raw[..., :7], raw[..., 7:].relu() + 0.01), dim=-1),)
