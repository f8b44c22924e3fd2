"""A picture as another camera sees it, back in its own: splat and target of one photograph, for `--pairs reproject`.

docs/reproject.md defines it. Every point of the picture that the other camera sees stays where it is, in its own
colour; what that camera does not see is a hole, filled and faded as the warp does it.
"""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Bool, Float, UInt8
from torch import Tensor

from warpdata.camera import Camera, stack_cameras
from warpdata.config import PairOptions, RenderOptions
from warpdata.render import Rendering, warp
from warpdata.render.near_far import near_far_of_depth
from warpdata.render.splat import is_between, points_of_depth
from warpdata.render.upsample import upsample_depth
from warpdata.render.view import View, view_of_depth

SAME_SURFACE = 1.05
"""A point that shares its pixel with a nearer one is seen beside it up to this many times the nearer one's depth: the
factor within which neighbouring pixels span a surface."""


def refuse_compat(pairs: PairOptions, render: RenderOptions) -> None:
    """Refuse the earlier program's warp, which does not take a picture to itself.

    Raises:
        ValueError: both are asked for.
    """
    if pairs.pairs == "reproject" and render.compat:
        raise ValueError('`compat` continues data sets of an earlier program, which had no `pairs="reproject"`')


def reproject(
    image: UInt8[Tensor, "*batch 3 H W"],
    depth: Float[Tensor, "*batch h w"],
    camera_seen_from: Camera,
    camera: Camera,
    *,
    confidence: Float[Tensor, "*batch h w"],
    picture: Bool[Tensor, "*batch 1 H W"] | None = None,
    options: RenderOptions,
    backend: str = "auto",
) -> Rendering:
    """Warp pictures with depth to other cameras, and what these see back to their own.

    Args:
        image: the pictures; one, or a batch.
        depth: z-depth of the same pictures, at their size or any other, which is brought to it as the warp does.
        camera_seen_from: the other cameras, of the pictures' size.
        camera: of the pictures.
        confidence: like `depth`.
        picture: what of the pictures of either camera is picture, not border; None for all.
        options: of the warp, without `compat`.
        backend: of the renderer.
    """
    depth, confidence = upsample_depth(depth, confidence, tuple(image.shape[-2:]))
    one = image.ndim == 3
    seen = seen_from(
        image[None] if one else image,
        depth[None] if one else depth,
        confidence[None] if one else confidence,
        stack_cameras([camera]) if one else camera,
        stack_cameras([camera_seen_from]) if one else camera_seen_from,
        picture=picture[None] if one and picture is not None else picture,
        options=options,
        backend=backend,
    )
    depth = depth.where(seen[0] if one else seen, 0)
    return warp(image, depth, camera, camera, confidence=confidence, options=options, backend=backend)


def seen_from(
    image: UInt8[Tensor, "B 3 H W"],
    depth: Float[Tensor, "B H W"],
    confidence: Float[Tensor, "B H W"],
    camera: Camera,
    drawn_camera: Camera,
    *,
    picture: Bool[Tensor, "B 1 H W"] | None = None,
    options: RenderOptions,
    backend: str = "auto",
) -> Bool[Tensor, "B H W"]:
    """Which pixels' points other cameras see.

    A point is seen when it is one, falls into the camera's picture between near and far, and the pixel it falls into
    shows, by the warp, a point no nearer than it by more than `SAME_SURFACE`.

    Args: as for `reproject`, with depth at the pictures' size.
    """
    rendering = warp(image, depth, camera, drawn_camera, confidence=confidence, options=options, backend=backend)
    shown = rendering.depth if picture is None else rendering.depth.where(picture, 0)
    view = view_of_depth(camera, drawn_camera).within(near_far_of_depth(depth, options).cpu())
    if image.is_cuda:
        return _seen(depth, confidence, view.to(image.device), shown, options.confidence_threshold)
    from warpdata.triplets import seen_kernels  # numba takes a second to import

    numbers = (view.cam_from_source, view.intrinsics, view.near_far, shown[:, 0])
    one_by_one = zip(depth.contiguous(), confidence.contiguous(), *numbers, strict=True)
    marked = [
        seen_kernels.seen(
            *(one_depth.numpy(), one_confidence.numpy(), options.confidence_threshold),
            *(number.numpy() for number in of_view),
            SAME_SURFACE,
            torch.get_num_threads(),
        )
        for one_depth, one_confidence, *of_view in one_by_one
    ]
    return torch.from_numpy(np.stack(marked))


def _seen(
    depth: Float[Tensor, "B H W"],
    confidence: Float[Tensor, "B H W"],
    view: View,
    shown: Float[Tensor, "B 1 h w"],
    confidence_threshold: float,
) -> Bool[Tensor, "B H W"]:
    """The definition of `seen_from`, on any device.

    Args:
        view: of the depth from the drawn cameras.
        shown: the depth that these show, 0 where none.
    """
    points = points_of_depth(depth, confidence, view.cam_from_source, confidence_threshold)
    X, Y, Z = points.position.unbind(1)
    fx, fy, cx, cy = view.intrinsics[:, :, None].unbind(1)
    column, row = ((fx * X) / Z + cx).floor(), ((fy * Y) / Z + cy).floor()
    (H, W), seen = view.hw, points.drawn & is_between(Z, view.near_far)
    seen &= (column >= 0) & (column < W) & (row >= 0) & (row < H)
    pixel = (row.where(seen, 0) * W + column.where(seen, 0)).long()
    nearest = shown.flatten(1).gather(1, pixel)
    return (seen & (nearest > 0) & (nearest * SAME_SURFACE >= Z)).view(depth.shape)
