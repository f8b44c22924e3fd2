"""A camera's view of a tile: colours, planar depth, and where a pixel may become a point."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float32, UInt8
from torch import Tensor

from warpdata.camera import Camera
from warpdata.sources.dem.kernels import march_rows, shade_rows
from warpdata.sources.dem.march import CLEARANCE, MAX_STRETCH, STEEPEST
from warpdata.sources.dem.terrain import Terrain
from warpdata.sources.dem.viewpoint import Viewpoint

CPU = torch.device("cpu")

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


def see(terrain: Terrain, camera: Camera, device: torch.device = CPU) -> TileView:
    """The view of a camera in the tile's frame, in main memory; the same for every device and number of threads.

    Raises:
        BackendError: NVIDIA Warp, which renders on CUDA, cannot use the device.
    """
    if device.type != "cpu":
        from warpdata.sources.dem.gpu_view import see_on

        return see_on(device, terrain, camera)
    height, width = camera.hw
    viewpoint = Viewpoint.of(terrain, camera)
    depth = np.empty((height, width))
    rgb, usable = np.empty((3, height, width), np.uint8), np.empty((height, width), bool)
    maxima, textures = terrain.maxima, terrain.textures

    def band(first: int) -> None:
        part = slice(first, first + _BAND_ROWS)
        march_rows(
            terrain.heights,
            maxima.values,
            maxima.shapes,
            terrain.grid.pitch_xy,
            viewpoint.centre,
            viewpoint.intrinsics,
            viewpoint.rotation,
            terrain.highest + CLEARANCE,
            first,
            depth[part],
        )
        shade_rows(
            depth[part],
            terrain.heights,
            terrain.grid.pitch_xy,
            viewpoint.centre,
            viewpoint.intrinsics,
            viewpoint.rotation,
            terrain.textured,
            textures.values,
            textures.shapes,
            terrain.texture_grid.pitch_xy,
            viewpoint.texture_centre,
            viewpoint.footprint,
            STEEPEST,
            MAX_STRETCH,
            first,
            rgb[:, part],
            usable[part],
        )

    with ThreadPoolExecutor(max(1, torch.get_num_threads())) as threads:
        list(threads.map(band, range(0, height, _BAND_ROWS)))
    return TileView(
        rgb=torch.from_numpy(rgb),
        depth=torch.from_numpy(depth.astype(np.float32)),
        usable=torch.from_numpy(usable),
    )
