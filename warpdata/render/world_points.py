"""Which pixels of a reference become points, and where in the world they are.

The depth kernels of the backends form the same points in target axes, without a list of them in between; whoever needs
the list itself takes it from here: rendering under `compat`, and the point cloud that goes with a triplet.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from warpdata.camera import Camera, unproject
from warpdata.config import RenderOptions
from warpdata.geometry.maths.resample import has_depth
from warpdata.render.splat import is_confident
from warpdata.render.upsample import upsample_depth


@dataclass(frozen=True, kw_only=True)
class WorldPoints:
    """A point for every pixel of a picture of height h and width w.

    Attributes:
        xyz: in the world, in scene units; NaN where there is no depth.
        depth: the pixel's z-depth, in scene units.
        confidence: of that depth; None where none was given.
        kept: which pixels are points at all: those with depth, and confident enough.
    """

    xyz: Float[Tensor, "*batch h w 3"]
    depth: Float[Tensor, "*batch h w"]
    confidence: Float[Tensor, "*batch h w"] | None
    kept: Bool[Tensor, "*batch h w"]


def points_of_reference(
    depth: Float[Tensor, "*batch dh dw"],
    confidence: Float[Tensor, "*batch dh dw"] | None,
    camera: Camera,
    options: RenderOptions,
) -> WorldPoints:
    """The points that a reference contributes to a warp, one a pixel of `camera`'s picture.

    Args:
        depth: z-depth over that picture, at its size or any other, which is brought to it as the warp does.
        confidence: like `depth`, or None.
        camera: of the picture.
        options: `confidence_threshold` and `compat` are used. Under `compat` depth is taken at whole-number pixels, as
            the earlier program did, and not at their centres.
    """
    depth, confidence = upsample_depth(depth, confidence, camera.hw)
    valid = has_depth(depth)
    xyz = unproject(depth, camera, pixel_offset=0.0 if options.compat else 0.5)
    return WorldPoints(
        xyz=xyz.where(valid[..., None], torch.nan),
        depth=depth,
        confidence=confidence,
        kept=valid & is_confident(confidence, options.confidence_threshold, like=depth),
    )
