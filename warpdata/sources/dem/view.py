"""A camera's view of a tile: colours, planar depth, and where a pixel may become a point."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float32, UInt8
from torch import Tensor

from warpdata.camera import Camera
from warpdata.sources.dem.kernels import march_rows, shade_rows
from warpdata.sources.dem.march import CLEARANCE, on_grid, rays
from warpdata.sources.dem.terrain import Terrain

STEEPEST = math.cos(math.radians(80))
"""Cosine of the angle between ray and normal beyond which a hit is no point: the image is smeared there."""

MAX_STRETCH = 4.0
"""Largest footprint of a pixel along the slope, in pixels of the image, of a hit that may be a point."""

_BAND_ROWS = 8


@dataclass(frozen=True, eq=False)
class TileView:
    """What a camera sees.

    Attributes:
        rgb: 8-bit colours, 0 where nothing is hit.
        depth: planar, in metres; 0 where nothing is hit.
        usable: where a hit may become a point: not too steep, not too stretched, with an image under it.
    """

    rgb: UInt8[Tensor, "3 h w"]
    depth: Float32[Tensor, "h w"]
    usable: Bool[Tensor, "h w"]


def see(terrain: Terrain, camera: Camera) -> TileView:
    """The view of a camera in the tile's frame; the same for every number of threads."""
    height, width = camera.hw
    centre, directions = rays(camera)
    per_depth = directions.reshape(-1, 3)
    column, row, du, dv = on_grid(terrain.grid, centre, per_depth)
    on_heights = torch.stack([du, dv, per_depth[:, 2]], dim=-1).numpy()
    column_t, row_t, du_t, dv_t = on_grid(terrain.texture_grid, centre, per_depth)
    on_texture = torch.stack([du_t, dv_t], dim=-1).numpy()
    footprint = 1 / min(camera.K[0, 0].item(), camera.K[1, 1].item())  # metres a pixel at depth 1
    texel = max(terrain.texture_grid.pitch_xy)
    depth = np.empty(height * width)
    rgb, usable = np.empty((height * width, 3), np.uint8), np.empty(height * width, bool)
    maxima, textures = terrain.maxima, terrain.textures
    lengths = per_depth.norm(dim=-1).numpy()

    def band(first: int) -> None:
        part = slice(first * width, (first + _BAND_ROWS) * width)
        march_rows(
            terrain.heights,
            maxima.values,
            maxima.shapes,
            (column.item(), row.item(), centre[2].item()),
            on_heights[part],
            terrain.highest + CLEARANCE,
            depth[part],
        )
        shade_rows(
            depth[part],
            lengths[part],
            terrain.heights,
            terrain.grid.pitch_xy,
            (column.item(), row.item()),
            on_heights[part],
            terrain.textured,
            textures.values,
            textures.shapes,
            (column_t.item(), row_t.item()),
            on_texture[part],
            footprint / texel,
            STEEPEST,
            MAX_STRETCH,
            rgb[part],
            usable[part],
        )

    with ThreadPoolExecutor(max(1, torch.get_num_threads())) as threads:
        list(threads.map(band, range(0, height, _BAND_ROWS)))
    return TileView(
        rgb=torch.from_numpy(rgb.reshape(height, width, 3)).permute(2, 0, 1).contiguous(),
        depth=torch.from_numpy(depth.reshape(height, width).astype(np.float32)),
        usable=torch.from_numpy(usable.reshape(height, width)),
    )
