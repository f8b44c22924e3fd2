"""The warp: coloured points seen from a camera. One definition, several backends that agree on it."""

from warpdata.config import RenderOptions
from warpdata.render.api import render_points, warp
from warpdata.render.backends import BACKENDS
from warpdata.render.scale import estimate_s0
from warpdata.render.types import WARP_VERSION, Rendering
from warpdata.render.upsample import upsample_depth

__all__ = [
    "BACKENDS",
    "Rendering",
    "RenderOptions",
    "WARP_VERSION",
    "estimate_s0",
    "render_points",
    "upsample_depth",
    "warp",
]
