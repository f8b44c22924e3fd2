"""Weights and images given by a formula: the full-size network can be checked and timed without a checkpoint.

The values are random-looking, every one of them matters, and any program can make them; results of the published
network with the very same weights exist.
"""

from __future__ import annotations

import math
import zlib

import numpy as np
import torch
from torch import Tensor

from .network import GeometryNetwork

SALT = "warpdata-full-1"

_TOKENS = (
    "camera_token",
    "register_token",
    "cls_token",
    "register_tokens",
    "storage_tokens",
    "mask_token",
    "pos_embed",
    "empty_pose_tokens",
)
_HALVED = ("output_conv2.2.weight", "pose_branch.fc2.weight")
_TRANSPOSED = ("resize_layers.0.weight", "resize_layers.1.weight")


def uniform(key: str, shape: tuple[int, ...]) -> Tensor:
    """Numbers in [-1, 1), float32, that depend on `key` alone: PCG64 seeded with the key's CRC-32."""
    words = np.random.PCG64(zlib.crc32(key.encode())).random_raw(math.prod(shape))
    values = (words >> np.uint64(40)).astype(np.float32)
    values *= np.float32(2**-23)
    values -= 1
    return torch.from_numpy(values).reshape(shape)


def formula_weight(name: str, shape: tuple[int, ...]) -> Tensor:
    """The value of the parameter `name`, float32."""
    u = uniform(f"{SALT}:{name}", shape)
    module, _, kind = name.rpartition(".")
    if kind == "gamma":
        return 0.3 + 0.2 * u
    if kind in _TOKENS:
        return 0.5 * u
    if kind == "bias":
        return (0.2 if "norm" in module.rpartition(".")[2] else 0.1) * u
    if kind != "weight":
        raise ValueError(f"the formula does not say what {name} is")
    if len(shape) == 1:
        return 1 + 0.3 * u
    fan = shape[0] if name.endswith(_TRANSPOSED) else math.prod(shape[1:])
    scale = np.float32(math.sqrt(3 / fan)).item()
    return (scale / 2 if name.endswith(_HALVED) else scale) * u


@torch.no_grad()
def fill_by_formula(network: GeometryNetwork) -> None:
    """Give every parameter of a network its formula value, in the dtype it is held in; buffers stay."""
    for name, parameter in network.named_parameters():
        parameter.copy_(formula_weight(name, tuple(parameter.shape)))


def formula_images(frames: int, hw: tuple[int, int]) -> Tensor:
    """Images of one scene, [1, frames, 3, H, W] in [0, 1]."""
    shape = (1, frames, 3, *hw)
    return 0.5 * uniform(f"{SALT}:images_{frames}x{hw[0]}x{hw[1]}", shape) + 0.5
