"""Rotary position embedding in two dimensions, in the layouts of VGGT and of VGGT-Omega.

A table holds cosines and sines [..., groups, n], for heads of width 2 * groups * n. Within a group of 2n features,
feature j is paired with feature j + n. VGGT has two groups (row, column); VGGT-Omega has one, whose first angles are
the row's and whose last are the column's. Angles are float32 always.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor


class RopeTable(NamedTuple):
    """Cosines and sines of the rotation angles, broadcast against [..., groups, n]."""

    cos: Float[Tensor, "*tokens groups n"]
    sin: Float[Tensor, "*tokens groups n"]


def rotate(x: Float[Tensor, "*tokens d"], table: RopeTable) -> Float[Tensor, "*tokens d"]:
    """Rotate the feature pairs of `x` by the table's angles."""
    groups, n = table.cos.shape[-2:]
    a, b = x.unflatten(-1, (groups, 2, n)).unbind(-2)
    turned_a = torch.addcmul(a * table.cos, b, table.sin, value=-1)
    turned_b = torch.addcmul(b * table.cos, a, table.sin)
    return torch.stack((turned_a, turned_b), dim=-2).flatten(-3)


def grid_positions(
    grid_hw: tuple[int, int], num_leading: int, device: torch.device | str = "cpu"
) -> Int[Tensor, "p 2"]:
    """(row, column) of every token of a frame: (0, 0) for the leading tokens, patches counted from 1."""
    gh, gw = grid_hw
    rows, columns = torch.arange(1, gh + 1, device=device), torch.arange(1, gw + 1, device=device)
    patches = torch.cartesian_prod(rows, columns)
    return torch.cat((patches.new_zeros(num_leading, 2), patches))


def rope_table(positions: Int[Tensor, "*tokens 2"], head_dim: int, base: float = 100.0) -> RopeTable:
    """VGGT's table: the first half of a head is rotated by the row, the second by the column.

    Within a half of width n the pair (j, j + n/2) turns by position * base^(-2j/n); position 0 turns nothing.
    """
    half = head_dim // 2
    exponents = torch.arange(0, half, 2, device=positions.device, dtype=torch.float32) / half
    angles = positions[..., None].float() * base**-exponents
    return RopeTable(angles.cos(), angles.sin())


def omega_rope_table(grid_hw: tuple[int, int], periods: Float[Tensor, "m"]) -> RopeTable:
    """VGGT-Omega's table for the patches of a grid, row-major, [gh*gw, 1, 2m].

    Coordinates are those of patch centres, both divided by the larger side, in [-1, 1]; the angle is
    2 pi coordinate / period, m of them for the row, then m for the column.
    """
    gh, gw = grid_hw
    longest = max(gh, gw)
    y = 2 * (torch.arange(gh, device=periods.device, dtype=torch.float32) + 0.5) / longest - 1
    x = 2 * (torch.arange(gw, device=periods.device, dtype=torch.float32) + 0.5) / longest - 1
    centres = torch.cartesian_prod(y, x)
    angles = (2 * math.pi * centres[..., None] / periods.float()).flatten(-2)[:, None]
    return RopeTable(angles.cos(), angles.sin())


def default_periods(head_dim: int, base: float = 100.0) -> Float[Tensor, "m"]:
    """The periods that a VGGT-Omega network starts from, base^(i / m) with m = head_dim / 4."""
    m = head_dim // 4
    return base ** (torch.arange(m, dtype=torch.float32) / m)


@lru_cache(maxsize=16)
def frame_table(
    grid_hw: tuple[int, int], num_leading: int, head_dim: int, base: float, device: torch.device
) -> RopeTable:
    """VGGT's table of one frame, [p, 1, 2, d/4] to broadcast over heads; built once per grid and device."""
    table = rope_table(grid_positions(grid_hw, num_leading, device), head_dim, base)
    return RopeTable(table.cos[:, None], table.sin[:, None])


def with_still_tokens(table: RopeTable, num_leading: int) -> RopeTable:
    """A patch table [p, groups, n] with unrotated leading tokens put in front, shaped to broadcast over heads."""
    cos = torch.cat((table.cos.new_ones(num_leading, *table.cos.shape[1:]), table.cos))
    sin = torch.cat((table.sin.new_zeros(num_leading, *table.sin.shape[1:]), table.sin))
    return RopeTable(cos[:, None], sin[:, None])
