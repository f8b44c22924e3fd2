"""VGGT in the plainest words: the definition that the network is tested against, and timed against.

One function a section of the architecture, on the tensors of a state dict, in float32 from end to end. It does what a
direct implementation does: every layer output is kept, tables are made where they are used, nothing is chunked.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from .config import VGGTConfig
from .encoder import MEAN, STD
from .network import VGGTOutput
from .position import position_map, resample_position_embedding
from .rope import RopeTable, grid_positions, rope_table, rotate

State = Mapping[str, Tensor]


@torch.no_grad()
def reference_forward(state: State, config: VGGTConfig, images: Tensor) -> VGGTOutput:
    """What `VGGT(config)` with the weights `state` gives for `images` [B, S, 3, H, W]; float32."""
    outputs = aggregate(state, config, images)
    steps = camera_head(state, config, outputs[-1][:, :, 0])
    depth, conf = depth_head(state, config, outputs, images.shape[-2:])
    return VGGTOutput(pose_enc=steps[-1], depth=depth, depth_conf=conf, pose_enc_steps=steps)


def linear(state: State, name: str, x: Tensor) -> Tensor:
    return F.linear(x, state[f"{name}.weight"].float(), state[f"{name}.bias"].float())


def norm(state: State, name: str, x: Tensor, eps: float = 1e-5) -> Tensor:
    return F.layer_norm(x, x.shape[-1:], state[f"{name}.weight"], state[f"{name}.bias"], eps)


def conv(state: State, name: str, x: Tensor, **options) -> Tensor:
    bias = state.get(f"{name}.bias")
    return F.conv2d(x, state[f"{name}.weight"].float(), None if bias is None else bias.float(), **options)


def resize(x: Tensor, size: tuple[int, int]) -> Tensor:
    return F.interpolate(x, size=size, mode="bilinear", align_corners=True)


def block(state: State, name: str, x: Tensor, heads: int, positions: Tensor | None = None, eps: float = 1e-5) -> Tensor:
    """One transformer block on x [n, tokens, width]; `positions` [tokens, 2] rotate q and k."""
    qkv = linear(state, f"{name}.attn.qkv", norm(state, f"{name}.norm1", x, eps))
    q, k, v = qkv.unflatten(-1, (3, heads, -1)).permute(2, 0, 3, 1, 4)
    if f"{name}.attn.q_norm.weight" in state:
        q, k = norm(state, f"{name}.attn.q_norm", q), norm(state, f"{name}.attn.k_norm", k)
    if positions is not None:
        table: RopeTable = rope_table(positions, q.shape[-1])
        q, k = rotate(q, table), rotate(k, table)
    attended = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)
    x = x + state[f"{name}.ls1.gamma"] * linear(state, f"{name}.attn.proj", attended)
    hidden = F.gelu(linear(state, f"{name}.mlp.fc1", norm(state, f"{name}.norm2", x, eps)))
    return x + state[f"{name}.ls2.gamma"] * linear(state, f"{name}.mlp.fc2", hidden)


def encode(state: State, config: VGGTConfig, images: Tensor) -> Tensor:
    """Patch tokens of images [n, 3, H, W]."""
    name, patch = "aggregator.patch_embed", config.aggregator.patch_size
    mean, std = (images.new_tensor(values)[:, None, None] for values in (MEAN, STD))
    images = (images - mean) / std
    if config.aggregator.patch_embed == "conv":
        return conv(state, f"{name}.proj", images, stride=patch).flatten(2).transpose(1, 2)
    patches = conv(state, f"{name}.patch_embed.proj", images, stride=patch).flatten(2).transpose(1, 2)
    grid = (images.shape[2] // patch, images.shape[3] // patch)
    positions = resample_position_embedding(state[f"{name}.pos_embed"], grid)
    n, count = patches.shape[:2]
    x = torch.cat((state[f"{name}.cls_token"].expand(n, -1, -1), patches), dim=1) + positions
    x = torch.cat((x[:, :1], state[f"{name}.register_tokens"].expand(n, -1, -1), x[:, 1:]), dim=1)
    eps = config.vit.norm_eps
    for i in range(config.vit.depth):
        x = block(state, f"{name}.blocks.{i}", x, config.vit.num_heads, eps=eps)
    return norm(state, f"{name}.norm", x, eps)[:, -count:]


def aggregate(state: State, config: VGGTConfig, images: Tensor) -> list[Tensor]:
    """The outputs of all alternating layers, [B, S, P, 2C] each."""
    sizes = config.aggregator
    scenes, frames, _, height, width = images.shape
    patches = encode(state, config, images.flatten(0, 1)).unflatten(0, (scenes, frames))
    leading = torch.cat((state["aggregator.camera_token"], state["aggregator.register_token"]), dim=2)
    leading = leading[0, [0] + [1] * (frames - 1)].expand(scenes, -1, -1, -1)
    x = torch.cat((leading, patches), dim=2)
    positions = grid_positions((height // sizes.patch_size, width // sizes.patch_size), leading.shape[2], x.device)
    count, outputs = x.shape[2], []
    for i in range(sizes.depth):
        x = x.reshape(scenes * frames, count, -1)
        x = block(state, f"aggregator.frame_blocks.{i}", x, sizes.num_heads, positions)
        inside = x.reshape(scenes, frames, count, -1)
        x = x.reshape(scenes, frames * count, -1)
        x = block(state, f"aggregator.global_blocks.{i}", x, sizes.num_heads, positions.repeat(frames, 1))
        outputs.append(torch.cat((inside, x.reshape(scenes, frames, count, -1)), dim=-1))
    return outputs


def camera_head(state: State, config: VGGTConfig, tokens: Tensor) -> tuple[Tensor, ...]:
    """The pose encoding after each step, from camera tokens [B, S, 2C]."""
    name, sizes = "camera_head", config.camera_head
    tokens = norm(state, f"{name}.token_norm", tokens)
    raw, steps = None, []
    for _ in range(sizes.num_iterations):
        pose = state[f"{name}.empty_pose_tokens"].expand(*tokens.shape[:2], -1) if raw is None else raw
        modulation = linear(state, f"{name}.poseLN_modulation.1", F.silu(linear(state, f"{name}.embed_pose", pose)))
        shift, scale, gate = modulation.chunk(3, dim=-1)
        x = gate * (F.layer_norm(tokens, tokens.shape[-1:], eps=1e-6) * (1 + scale) + shift) + tokens
        for i in range(sizes.trunk_depth):
            x = block(state, f"{name}.trunk.{i}", x, sizes.num_heads)
        hidden = F.gelu(linear(state, f"{name}.pose_branch.fc1", norm(state, f"{name}.trunk_norm", x)))
        delta = linear(state, f"{name}.pose_branch.fc2", hidden)
        raw = delta if raw is None else raw + delta
        steps.append(torch.cat((raw[..., :7], raw[..., 7:].relu()), dim=-1))
    return tuple(steps)


def depth_head(
    state: State, config: VGGTConfig, outputs: list[Tensor], image_hw: tuple[int, int]
) -> tuple[Tensor, Tensor]:
    """Depth [B, S, H, W, 1] and confidence [B, S, H, W] from the layer outputs."""
    name, patch, lead = "depth_head", config.aggregator.patch_size, config.num_leading_tokens
    scenes, frames = outputs[0].shape[:2]
    grid = (image_hw[0] // patch, image_hw[1] // patch)

    def with_positions(x: Tensor) -> Tensor:
        return x + position_map(x.shape[1], tuple(x.shape[2:]), tuple(image_hw), x.device)

    def residual_unit(unit: str, x: Tensor) -> Tensor:
        x = x.relu()
        return conv(state, f"{unit}.conv2", conv(state, f"{unit}.conv1", x, padding=1).relu(), padding=1) + x

    branches = []
    for j, layer in enumerate(config.depth_head.intermediate_layer_idx):
        x = norm(state, f"{name}.norm", outputs[layer].flatten(0, 1)[:, lead:]).transpose(1, 2).unflatten(2, grid)
        x = with_positions(conv(state, f"{name}.projects.{j}", x))
        resizer = f"{name}.resize_layers.{j}"
        if j < 2:
            weight, bias = state[f"{resizer}.weight"].float(), state[f"{resizer}.bias"].float()
            x = F.conv_transpose2d(x, weight, bias, stride=weight.shape[-1])
        elif j == 3:
            x = conv(state, resizer, x, stride=2, padding=1)
        branches.append(conv(state, f"{name}.scratch.layer{j + 1}_rn", x, padding=1))

    x = branches[3]
    for j in (4, 3, 2, 1):
        refine = f"{name}.scratch.refinenet{j}"
        if j < 4:
            x = x + residual_unit(f"{refine}.resConfUnit1", branches[j - 1])
        x = residual_unit(f"{refine}.resConfUnit2", x)
        size = tuple(2 * side for side in x.shape[2:]) if j == 1 else tuple(branches[j - 2].shape[2:])
        x = conv(state, f"{refine}.out_conv", resize(x, size))
    x = with_positions(resize(conv(state, f"{name}.scratch.output_conv1", x, padding=1), tuple(image_hw)))
    x = conv(state, f"{name}.scratch.output_conv2.0", x, padding=1).relu()
    depth, conf = conv(state, f"{name}.scratch.output_conv2.2", x).unflatten(0, (scenes, frames)).unbind(2)
    return depth.exp()[..., None], 1 + conf.exp()
