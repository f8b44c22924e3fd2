"""A camera over a tile, as the kernels take it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from warpdata.camera import Camera
from warpdata.sources.dem.terrain import Terrain


@dataclass(frozen=True, kw_only=True)
class Viewpoint:
    """Where a camera is and how its rays run.

    Attributes:
        centre: column, row and height of the camera's centre.
        intrinsics: fx, fy, cx, cy.
        rotation: camera axes to the tile's.
        texture_centre: column and row of the image of the camera's centre.
        footprint: width of a pixel's view at depth 1, in pixels of the image.
    """

    centre: tuple[float, float, float]
    intrinsics: tuple[float, float, float, float]
    rotation: Float64[np.ndarray, "3 3"]
    texture_centre: tuple[float, float]
    footprint: float

    @classmethod
    def of(cls, terrain: Terrain, camera: Camera) -> Viewpoint:
        K, world_from_cam = camera.K.double(), camera.world_from_cam.double()
        eye = world_from_cam[:3, 3]
        fx, fy = K[0, 0].item(), K[1, 1].item()
        return cls(
            centre=(*terrain.grid.place(*eye[:2].tolist()), eye[2].item()),
            intrinsics=(fx, fy, K[0, 2].item(), K[1, 2].item()),
            rotation=np.ascontiguousarray(world_from_cam[:3, :3].numpy()),
            texture_centre=terrain.texture_grid.place(*eye[:2].tolist()),
            footprint=1 / min(fx, fy) / max(terrain.texture_grid.pitch_xy),
        )
