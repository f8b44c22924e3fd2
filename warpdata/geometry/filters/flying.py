"""Pixels beside silhouettes, whose depth cannot be trusted: a network's or stereo's is blurred there, and makes points
that hang in the air between two surfaces."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from warpdata.geometry.maths.resample import has_depth

REACH = 2
"""Of the window around a pixel, to each side: 5 x 5."""


def beside_silhouettes(depth: Float[Tensor, "h w"], threshold: float) -> Bool[Tensor, "h w"]:
    """Where depth in the window around a pixel ranges over more than a share of its mean.

    Args:
        depth: z-depth; pixels without depth are not part of any window.
        threshold: the share.
    """
    valid = has_depth(depth)
    if not valid.any():
        return torch.zeros_like(valid)
    near = _over_window(depth.where(valid, torch.inf), torch.minimum, torch.inf)
    far = _over_window(depth.where(valid, -torch.inf), torch.maximum, -torch.inf)
    total = _over_window(depth.where(valid, 0).double(), torch.add, 0.0)
    count = _over_window(valid.double(), torch.add, 0.0)
    return valid & ((far.double() - near.double()) * count > threshold * total)


def _over_window(
    values: Float[Tensor, "h w"], join: Callable[[Tensor, Tensor], Tensor], outside: float
) -> Float[Tensor, "h w"]:
    """The values of each pixel's window joined, row by row and then down the columns."""
    height, width = values.shape
    padded = F.pad(values[None], (REACH, REACH, REACH, REACH), value=outside)[0]
    rows = padded[:, :width]
    for k in range(1, 2 * REACH + 1):
        rows = join(rows, padded[:, k : k + width])
    joined = rows[:height]
    for k in range(1, 2 * REACH + 1):
        joined = join(joined, rows[k : k + height])
    return joined
