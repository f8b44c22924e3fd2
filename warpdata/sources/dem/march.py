"""Rays through a tile: the definition, in plain torch.

A ray is o + t d with d of depth 1 along the camera's axis, so that t is planar depth. It walks the patches in plan, in
the order in which it crosses the lines between pixel centres (columns first where it meets a corner). Within a patch
its height above the bilinear surface,

    s(t) = o_z + t d_z - H(o_xy + t d_xy),

is a quadratic, and the ray hits the surface at the first t at which s falls through 0. A ray that comes from the side,
or from a hole, below the surface hits nothing. Everything is float64; sums and products are rounded one by one in the
order written, so that `kernels` gives the same bits.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from jaxtyping import Float64
from torch import Tensor

from warpdata.camera import Camera
from warpdata.sources.dem.terrain import Grid, Terrain

CLEARANCE = 1.0
"""Metres above the highest point at which the walk begins."""

BLOCK_MARGIN = 1e-6
"""Metres by which a ray has to stay above a block that is stepped over, far more than rounding can be."""

STEEPEST = math.cos(math.radians(80))
"""Cosine of the angle between ray and normal beyond which a hit is no point: the image is smeared there."""

MAX_STRETCH = 4.0
"""Largest footprint of a pixel along the slope, in pixels of the image, of a hit that may be a point."""


def rays(camera: Camera) -> tuple[Float64[Tensor, " 3"], Float64[Tensor, "h w 3"]]:
    """A camera's centre and the directions through its pixels' centres, in the frame of the tile."""
    world_from_cam = camera.world_from_cam.double()
    K = camera.K.double()
    height, width = camera.hw
    x = (torch.arange(width, dtype=torch.float64) + 0.5 - K[0, 2]) / K[0, 0]
    y = (torch.arange(height, dtype=torch.float64) + 0.5 - K[1, 2]) / K[1, 1]
    rotation = world_from_cam[:3, :3]
    directions = [row[0] * x[None, :] + row[1] * y[:, None] + row[2] for row in rotation]
    return world_from_cam[:3, 3], torch.stack(directions, dim=-1)


def march(terrain: Terrain, camera: Camera) -> Float64[Tensor, "h w"]:
    """Planar depth of every pixel's hit, in metres; 0 where the ray hits nothing."""
    centre, directions = rays(camera)
    depth = torch.zeros(camera.hw, dtype=torch.float64).reshape(-1)
    walk = _Walk(terrain, centre, directions.reshape(-1, 3))
    while len(walk.ray):
        walk.step(depth)
    return depth.reshape(camera.hw)


def on_grid(
    grid: Grid, centre: Float64[Tensor, " 3"], directions: Float64[Tensor, "n 3"]
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Rays in columns and rows of a raster, pixel centres being whole: start and step along both."""
    column, row = grid.place(centre[0], centre[1])
    return column, row, directions[:, 0] / grid.pitch_xy[0], -directions[:, 1] / grid.pitch_xy[1]


class _Walk:
    """Rays on their way, each in one patch.

    Attributes:
        ray: the number of each in the picture.
    """

    def __init__(self, terrain: Terrain, centre: Tensor, directions: Tensor):
        self._heights = torch.from_numpy(terrain.heights)
        self._column_0, self._row_0, du, dv = on_grid(terrain.grid, centre, directions)
        self._z_0, dz = centre[2], directions[:, 2]
        height, width = terrain.heights.shape
        begin, end = torch.zeros_like(du), torch.full_like(du, torch.inf)
        for start, step, last in ((self._column_0, du, width - 1), (self._row_0, dv, height - 1)):
            at_first, at_last = (0.0 - start) / step, (last - start) / step
            moves = step != 0
            begin = torch.where(moves, torch.maximum(begin, torch.minimum(at_first, at_last)), begin)
            end = torch.where(moves, torch.minimum(end, torch.maximum(at_first, at_last)), end)
            outside = ~moves & ((start < 0) | (start > last))
            end = torch.where(outside, -1.0, end)
        top = terrain.highest + CLEARANCE
        if self._z_0 > top:
            begin = torch.where(dz < 0, torch.maximum(begin, (top - self._z_0) / dz), torch.inf)
        self.ray = (begin < end).nonzero()[:, 0]
        self._du, self._dv, self._dz, self._t, self._end = (values[self.ray] for values in (du, dv, dz, begin, end))
        self._i = (self._row_0 + self._t * self._dv).floor().clamp(0, height - 2).long()
        self._j = (self._column_0 + self._t * self._du).floor().clamp(0, width - 2).long()
        self._came_from_a_patch = torch.zeros(len(self.ray), dtype=torch.bool)

    def step(self, depth: Float64[Tensor, " pixels"]) -> None:
        """Look at the patch of each ray; write the depth of those that hit, and move the others on."""
        next_u = torch.where(self._du == 0, torch.inf, (self._j + (self._du > 0) - self._column_0) / self._du)
        next_v = torch.where(self._dv == 0, torch.inf, (self._i + (self._dv > 0) - self._row_0) / self._dv)
        leaves = torch.minimum(torch.minimum(next_u, next_v), self._end)
        hit, below, there = self._patch(leaves)
        found = ~torch.isnan(hit)
        depth[self.ray[found]] = hit[found]
        along_u = next_u <= next_v
        self._j = self._j + torch.where(along_u, torch.where(self._du > 0, 1, -1), 0)
        self._i = self._i + torch.where(along_u, 0, torch.where(self._dv > 0, 1, -1))
        height, width = self._heights.shape
        inside = (self._i >= 0) & (self._i <= height - 2) & (self._j >= 0) & (self._j <= width - 2)
        self._t, self._came_from_a_patch = leaves, there
        self._keep(~found & ~below & inside & (leaves < self._end))

    def _patch(self, leaves: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Of each ray in its patch: t of the hit or NaN, whether it is below the surface at the side, whether there is
        a patch."""
        i, j, t = self._i, self._j, self._t
        h00, h01 = self._heights[i, j], self._heights[i, j + 1]
        h10, h11 = self._heights[i + 1, j], self._heights[i + 1, j + 1]
        along_u, along_v, twist = h01 - h00, h10 - h00, h00 - h01 - h10 + h11
        u, v = self._column_0 + t * self._du - j, self._row_0 + t * self._dv - i
        above = self._z_0 + t * self._dz - (h00 + along_u * u + along_v * v + twist * u * v)
        there = ~torch.isnan(above)
        slope = self._dz - (along_u * self._du + along_v * self._dv + twist * (u * self._dv + v * self._du))
        bend = 0.0 - twist * self._du * self._dv
        step = fall(above, slope, bend, leaves - t)
        below = there & (above < 0)
        step = torch.where(below, torch.where(self._came_from_a_patch, 0.0, torch.nan), step)
        return t + step, below & ~self._came_from_a_patch, there

    def _keep(self, which: Tensor) -> None:
        for name in ("ray", "_du", "_dv", "_dz", "_t", "_end", "_i", "_j", "_came_from_a_patch"):
            setattr(self, name, getattr(self, name)[which])


def fall(above: Tensor, slope: Tensor, bend: Tensor, length: Tensor) -> Tensor:
    """The first step in [0, length] at which above + slope x + bend x² falls through 0; NaN where it does not."""
    discriminant = slope * slope - 4.0 * bend * above
    with np.errstate(invalid="ignore"):
        root = torch.from_numpy(np.sqrt(discriminant.numpy()))  # NaN where there is none; torch's own rounds otherwise
    q = -0.5 * (slope + torch.where(slope >= 0, root, -root))
    first, second = above / q, q / bend
    best = torch.full_like(above, torch.nan)
    for step in (first, second):
        falls = (step >= 0) & (step <= length) & (slope + 2.0 * bend * step < 0)
        best = torch.where(falls & ~(best <= step), step, best)
    return best
