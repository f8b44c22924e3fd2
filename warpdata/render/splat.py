"""Points into pixels: where each point falls, and which one a pixel keeps.

Every sum and product below is rounded to float32 by itself and in the order written, never contracted into a
multiply-add; all backends keep to it and so agree on every pixel's point. Rows of results count from the bottom, as
the pyramid needs them.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from warpdata.camera import pixel_centres
from warpdata.geometry.maths.resample import has_depth
from warpdata.render.view import View

SUBPIXELS = 256
"""Steps a pixel is divided into by the earlier program's rasteriser."""


@dataclass(frozen=True, kw_only=True)
class Points:
    """Points in target axes.

    Attributes:
        position: (B, 3, N), x right, y down, z forward, scene units.
        drawn: (B, N), which of them may be drawn as far as their own values go.
    """

    position: Float[Tensor, "B 3 N"]
    drawn: Bool[Tensor, "B N"]


@dataclass(frozen=True, kw_only=True)
class Splat:
    """The nearest point of every pixel, row 0 at the bottom.

    Attributes:
        winner: (B, H, W), index of the point; -1 where none fell.
        position: (B, 3, H, W), that point itself, in target axes; its z is the pixel's depth. 0 where none fell.
    """

    winner: Int[Tensor, "B H W"]
    position: Float[Tensor, "B 3 H W"]


def points_of_depth(
    depth: Float[Tensor, "B h w"],
    confidence: Float[Tensor, "B h w"] | None,
    cam_from_ray: Float[Tensor, "B 3 4"],
    confidence_threshold: float,
) -> Points:
    """The centre of every reference pixel at its depth, in target axes; points in row-major pixel order."""
    x, y = pixel_centres(depth.shape[-2:], dtype=torch.float32, device=depth.device).unbind(-1)
    a = cam_from_ray[..., None, None]
    ray = (a[:, :, 0] * x + a[:, :, 1] * y) + a[:, :, 2]
    position = ray * depth[:, None] + a[:, :, 3]
    drawn = has_depth(depth) & is_confident(confidence, confidence_threshold, like=depth)
    return Points(position=position.flatten(2), drawn=drawn.flatten(1))


def points_of_world(
    points: Float[Tensor, "B N 3"],
    confidence: Float[Tensor, "B N"] | None,
    cam_from_world: Float[Tensor, "B 3 4"],
    confidence_threshold: float,
) -> Points:
    """World points in target axes."""
    x, y, z = points[:, None].unbind(-1)
    m = cam_from_world[..., None]
    position = ((m[:, :, 0] * x + m[:, :, 1] * y) + m[:, :, 2] * z) + m[:, :, 3]
    return Points(position=position, drawn=is_confident(confidence, confidence_threshold, like=points[..., 0]))


def is_confident(
    confidence: Float[Tensor, "*shape"] | None, threshold: float, *, like: Float[Tensor, "*shape"]
) -> Bool[Tensor, "*shape"]:
    """Finite and not below the threshold, as float32; everywhere when there is no confidence."""
    if confidence is None:
        return torch.ones_like(like, dtype=torch.bool)
    return confidence.isfinite() & (confidence >= torch.tensor(threshold, dtype=torch.float32))


def is_between(depth: Float[Tensor, "B N"], near_far: Float[Tensor, "B 2"]) -> Bool[Tensor, "B N"]:
    """Which depths lie from near to far, both included."""
    return (depth >= near_far[:, :1]) & (depth <= near_far[:, 1:])


def draw_nearest(points: Points, view: View, *, compat: bool) -> Splat:
    """Draw every point into the one pixel it falls in; the nearest keeps it, the lowest index among equals."""
    B, _, N = points.position.shape
    H, W = view.hw
    X, Y, Z = points.position.unbind(1)
    fx, fy, cx, cy = view.intrinsics[:, :, None].unbind(1)
    a, b = (fx * X) / Z + cx, (fy * Y) / Z + cy
    drawn = points.drawn & is_between(Z, view.near_far)
    if compat:
        column, row_up = snapped_pixel(a, W), snapped_pixel(H - b, H)
    else:
        column, row_up = a.floor(), (H - 1) - b.floor()
    drawn = drawn & (column >= 0) & (column < W) & (row_up >= 0) & (row_up < H)
    pixel = (row_up.where(drawn, 0).long() * W + column.where(drawn, 0).long()).where(drawn, H * W)

    # The bits of a positive float are ordered as the float: depth first, then the index.
    key = (Z.contiguous().view(torch.int32).long() << 32) | torch.arange(N, device=Z.device)
    nothing = torch.iinfo(torch.int64).max
    nearest = torch.full((B, H * W + 1), nothing, device=Z.device)
    nearest = nearest.scatter_reduce_(1, pixel, key, "amin")[:, : H * W]
    covered = nearest != nothing
    winner = (nearest & 0xFFFFFFFF).where(covered, -1)
    position = take_points(points.position, winner)
    return Splat(winner=winner.view(B, H, W), position=position.view(B, 3, H, W))


def snapped_pixel(x: Float[Tensor, "*shape"], size: int) -> Float[Tensor, "*shape"]:
    """The earlier program's pixel of a position counted from the left or the bottom edge; -1 outside.

    Positions are rounded to 1/256 pixel, halves away from zero, and one on a boundary belongs to the pixel before it.
    """
    steps = SUBPIXELS * (x - 0.5)
    steps = torch.copysign((steps.abs() + 0.5).floor(), steps)
    return ((steps + 127) / SUBPIXELS).floor().where((x >= 0) & (x <= size), -1)


def take_points(values: Tensor, winner: Int[Tensor, "B P"]) -> Tensor:
    """(B, C, N) values of points to (B, C, P) values of pixels; 0 where no point fell."""
    if values.shape[-1] == 0:
        return values.new_zeros((*values.shape[:2], winner.shape[-1]))
    index = winner.clamp(min=0)[:, None].expand(-1, values.shape[1], -1)
    return values.gather(2, index).where((winner >= 0)[:, None], 0)
