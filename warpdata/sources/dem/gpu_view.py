"""A camera's view of a tile by NVIDIA Warp: the tile is copied to the device once, a view comes back."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
import warp as wp
from torch import Tensor

from warpdata.camera import Camera
from warpdata.gpu_kernel import Queue, array, warp_device
from warpdata.sources.dem.gpu_kernels import see_pixels
from warpdata.sources.dem.march import CLEARANCE
from warpdata.sources.dem.terrain import Pyramid, Terrain
from warpdata.sources.dem.view import TileView
from warpdata.sources.dem.viewpoint import Viewpoint

_TERRAINS_KEPT = 2


@dataclass(frozen=True, eq=False)
class _Uploaded:
    """A tile's arrays on a device, as the kernel's arguments of the same names."""

    heights: Tensor
    maxima: tuple[Tensor, Tensor]
    textured: Tensor
    textures: tuple[Tensor, Tensor]


@lru_cache(maxsize=_TERRAINS_KEPT)
def _uploaded(terrain: Terrain, device: torch.device) -> _Uploaded:
    def there(values: np.ndarray) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(values)).to(device)

    def levels(pyramid: Pyramid) -> tuple[Tensor, Tensor]:
        return there(pyramid.values), there(pyramid.shapes.astype(np.int32))

    return _Uploaded(there(terrain.heights), levels(terrain.maxima), there(terrain.textured), levels(terrain.textures))


def see_on(device: torch.device, terrain: Terrain, camera: Camera) -> TileView:
    """`view.see` with Warp's kernels; the same bits, in main memory.

    Raises:
        BackendError: Warp cannot use the device.
    """
    warp_device(device, otherwise="render tiles on the CPU, to the same bits")
    queue = Queue(device)
    tile, viewpoint = _uploaded(terrain, device), Viewpoint.of(terrain, camera)
    rgb = torch.empty((3, *camera.hw), dtype=torch.uint8, device=device)
    depth = torch.empty(camera.hw, dtype=torch.float32, device=device)
    usable = torch.empty(camera.hw, dtype=torch.bool, device=device)
    queue.launch(
        see_pixels,
        camera.hw,
        array(tile.heights),
        *map(array, tile.maxima),
        wp.vec2d(*terrain.grid.pitch_xy),
        wp.vec3d(*viewpoint.centre),
        wp.vec4d(*viewpoint.intrinsics),
        wp.mat33d(*viewpoint.rotation.reshape(-1).tolist()),
        wp.float64(terrain.highest + CLEARANCE),
        array(tile.textured),
        *map(array, tile.textures),
        wp.vec2d(*terrain.texture_grid.pitch_xy),
        wp.vec2d(*viewpoint.texture_centre),
        wp.float64(viewpoint.footprint),
        array(rgb),
        array(depth),
        array(usable),
    )
    return TileView(rgb=rgb.cpu(), depth=depth.cpu(), usable=usable.cpu())
