"""Exact Euclidean distance to the nearest visible pixel, as far as it matters."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Int
from torch import Tensor


def squared_distance(visible: Bool[Tensor, "B H W"], reach: int) -> Int[Tensor, "B H W"]:
    """Squared distance in pixels to the nearest visible pixel, exact up to `reach` pixels.

    Beyond it the result is some larger number. Separable: first along columns, then the smallest of
    dx^2 + (distance along the column at dx)^2 over all dx within reach.
    """
    W = visible.shape[-1]
    along_column = column_distance(visible, reach).square_()
    nearest = along_column.clone()
    for dx in range(1, min(reach, W - 1) + 1):
        candidate = along_column + dx * dx
        torch.minimum(nearest[..., dx:], candidate[..., :-dx], out=nearest[..., dx:])
        torch.minimum(nearest[..., :-dx], candidate[..., dx:], out=nearest[..., :-dx])
    return nearest


def column_distance(visible: Bool[Tensor, "B H W"], reach: int) -> Int[Tensor, "B H W"]:
    """Distance to the nearest visible pixel of the same column, at most `reach` + 1."""
    H = visible.shape[-2]
    row = torch.arange(H, dtype=torch.int32, device=visible.device)[:, None]
    none = -(reach + H)
    last = row.where(visible, none).cummax(dim=-2).values
    next_ = -((-row).where(visible, none - H).flip(-2).cummax(dim=-2).values.flip(-2))
    return torch.minimum(row - last, next_ - row).clamp(max=reach + 1)
