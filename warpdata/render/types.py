"""What the renderer gives."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Bool, Float, UInt8
from torch import Tensor

WARP_VERSION = 2
"""Newest version of the warp's definition; raised whenever any pixel of any backend's result changes. Earlier ones stay
as `RenderOptions.version`."""


@dataclass(frozen=True, kw_only=True)
class Rendering:
    """Points and surfaces seen from a camera, (...) being the batch.

    Attributes:
        rgb: (..., 3, H, W), the picture: seen points in their own colour, holes filled and faded to the background.
        coverage: (..., 1, H, W), how much of the colour is seen: 255 where a point or surface is, fading to 0 in holes.
            `rgb` is the fill times this plus the background times the rest.
        visible: (..., 1, H, W), where a point landed and is not hidden behind others, or (version 2) a surface that the
            reference's pixels span lies between points.
        depth: (..., 1, H, W), z-depth of what is seen in the target camera, scene units; 0 where nothing is.
        backend: which backend made it.
        version: of the definition by which it was made.
    """

    rgb: UInt8[Tensor, "*batch 3 H W"]
    coverage: UInt8[Tensor, "*batch 1 H W"]
    visible: Bool[Tensor, "*batch 1 H W"]
    depth: Float[Tensor, "*batch 1 H W"]
    backend: str
    version: int
