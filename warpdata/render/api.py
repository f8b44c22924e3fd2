"""The warp as callers see it: any batch, any device, any backend."""

from __future__ import annotations

from dataclasses import replace

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from warpdata.camera import Camera
from warpdata.config import RenderOptions
from warpdata.render.backends import choose_backend
from warpdata.render.near_far import near_far_of_depth, near_far_of_points
from warpdata.render.scale import estimate_s0
from warpdata.render.types import Rendering
from warpdata.render.view import view_of_depth, view_of_points
from warpdata.render.world_points import points_of_reference


def warp(
    image: UInt8[Tensor, "*#batch 3 H W"],
    depth: Float[Tensor, "*#batch h w"],
    reference_camera: Camera,
    target_camera: Camera,
    *,
    confidence: Float[Tensor, "*#batch h w"] | None = None,
    s0: Float[Tensor, "*#batch"] | None = None,
    options: RenderOptions = RenderOptions(),
    backend: str = "auto",
) -> Rendering:
    """See a picture with depth from another camera: each pixel moved to where its point falls, the nearest kept.

    Points that others hide are removed, holes are filled from their surroundings and faded to the background, as
    docs/warp.md defines. A view warped into itself is itself, exactly. The result is the same for every run, number
    of threads, and batch.

    Args:
        image: the reference pictures.
        depth: float32 z-depth of the same pictures, in scene units, at the image's size or any other; 0, negative and
            non-finite mean "no value". It is brought to the image's size without interpolating across silhouettes.
        reference_camera: camera of `image`, at the image's size.
        target_camera: the view to render; its `hw` is the result's size.
        confidence: of the depth; pixels below `options.confidence_threshold`, or not finite, are dropped. None keeps
            all.
        s0: neighbourhood sizes in scene units, one a picture, in place of `options.s0`.
        options: see `RenderOptions`.
        backend: a name in `BACKENDS`, or `auto`.

    The batch shapes of all arguments broadcast against each other.

    Raises:
        ValueError: wrong types or shapes, tensors on different devices, or an unknown backend.
        BackendError: the backend cannot run here.
    """
    check_tensor("image", image, torch.uint8, "(..., 3, H, W)", channels_at=-3)
    check_tensor("depth", depth, torch.float32, "(..., h, w)", like=image)
    if confidence is not None:
        check_tensor("confidence", confidence, torch.float32, "(..., h, w)", like=image)
        if confidence.shape[-2:] != depth.shape[-2:]:
            raise ValueError(
                f"confidence is {list(confidence.shape)}, depth is {list(depth.shape)}; they are of one size"
            )
    hw = tuple(image.shape[-2:])
    if min(*hw, *depth.shape[-2:], *target_camera.hw) < 1:
        raise ValueError(
            f"image {list(hw)}, depth {list(depth.shape[-2:])} and target {list(target_camera.hw)} "
            "need sides of 1 or more"
        )
    if tuple(reference_camera.hw) != hw:
        raise ValueError(
            f"the reference camera is of size {tuple(reference_camera.hw)}, its image of {hw}; "
            "give the camera of the image (`Camera.resized` follows a resize)"
        )
    s0 = given_s0(s0, options, image.device)
    batch = torch.broadcast_shapes(
        image.shape[:-3],
        depth.shape[:-2],
        *([] if confidence is None else [confidence.shape[:-2]]),
        *([] if s0 is None else [s0.shape]),
        *batches(reference_camera),
        *batches(target_camera),
    )
    image, depth = flatten(image, batch, 3), flatten(depth, batch, 2)
    confidence = None if confidence is None else flatten(confidence, batch, 2)
    reference_camera, target_camera = flatten_camera(reference_camera, batch), flatten_camera(target_camera, batch)
    s0 = None if s0 is None else flatten(s0, batch, 0)
    run = choose_backend(backend, image.device).load()
    near_far = near_far_of_depth(depth, options)
    if options.compat:
        points = points_of_reference(depth, confidence, reference_camera, options)
        if s0 is None:
            s0 = estimate_s0(points.depth, reference_camera.K)
        confidence = None if points.confidence is None else points.confidence.flatten(1)
        view = view_of_points(target_camera).to(image.device).within(near_far)
        colors = image.flatten(2).mT.contiguous()
        rendering = run.splat_points(points.xyz.flatten(1, 2), colors, confidence, view, s0, options)
    else:
        view = view_of_depth(reference_camera, target_camera).to(image.device).within(near_far)
        rendering = run.splat_depth(image, depth, confidence, view, s0, options)
    return with_batch(rendering, batch)


def render_points(
    points: Float[Tensor, "*#batch N 3"],
    colors: UInt8[Tensor, "*#batch N 3"],
    confidence: Float[Tensor, "*#batch N"] | None,
    camera: Camera,
    *,
    s0: Float[Tensor, "*#batch"] | None = None,
    options: RenderOptions = RenderOptions(),
    backend: str = "auto",
) -> Rendering:
    """See coloured points from a camera: as `warp`, for points that are no depth map.

    Args:
        points: float32 positions in world coordinates, scene units; non-finite ones are not drawn.
        colors: their colours.
        confidence: points below `options.confidence_threshold`, or not finite, are dropped; None keeps all.
        camera: the view to render; its `hw` is the result's size.
        s0: neighbourhood sizes in scene units, one a batch item, in place of `options.s0`. With neither, the size of
            one of the camera's pixels at the median depth of the points in front of it.
        options: see `RenderOptions`. Points have no reference: `auto` bounds come from their depths in the target
            camera, of those before it. Here `compat` changes the pixel rule and the rounding of bytes alone.
        backend: a name in `BACKENDS`, or `auto`.

    The batch shapes of all arguments broadcast against each other. Of points equally near, the first keeps a pixel.

    Raises:
        ValueError: wrong types or shapes, tensors on different devices, or an unknown backend.
        BackendError: the backend cannot run here.
    """
    check_tensor("points", points, torch.float32, "(..., N, 3)", channels_at=-1)
    check_tensor("colors", colors, torch.uint8, "(..., N, 3)", channels_at=-1, like=points)
    if confidence is not None:
        check_tensor("confidence", confidence, torch.float32, "(..., N)", like=points)
    counts = [points.shape[-2], colors.shape[-2], *([] if confidence is None else [confidence.shape[-1]])]
    if len(set(counts)) > 1:
        raise ValueError(f"points, colors and confidence count {counts}; they describe the same points")
    if min(camera.hw) < 1:
        raise ValueError(f"the camera's size is {tuple(camera.hw)}; both sides need to be 1 or more")
    s0 = given_s0(s0, options, points.device)
    batch = torch.broadcast_shapes(
        points.shape[:-2],
        colors.shape[:-2],
        *([] if confidence is None else [confidence.shape[:-1]]),
        *([] if s0 is None else [s0.shape]),
        *batches(camera),
    )
    run = choose_backend(backend, points.device).load()
    points, colors = flatten(points, batch, 2), flatten(colors, batch, 2)
    confidence = None if confidence is None else flatten(confidence, batch, 1)
    view = view_of_points(flatten_camera(camera, batch)).to(points.device)
    view = view.within(near_far_of_points(points, confidence, view, options))
    s0 = None if s0 is None else flatten(s0, batch, 0)
    rendering = run.splat_points(points, colors, confidence, view, s0, options)
    return with_batch(rendering, batch)


def given_s0(s0: Tensor | None, options: RenderOptions, device: torch.device) -> Float[Tensor, "*batch"] | None:
    """The neighbourhood sizes the caller chose, None for automatic ones."""
    if s0 is not None:
        return s0.to(device, torch.float32)
    return None if options.s0 == "auto" else torch.full((), options.s0, dtype=torch.float32, device=device)


def check_tensor(
    name: str,
    tensor: Tensor,
    dtype: torch.dtype,
    shape: str,
    *,
    channels_at: int | None = None,
    like: Tensor | None = None,
) -> None:
    """Refuse a tensor of another type, with fewer axes than `shape` names, without 3 channels, or on another device."""
    dimensions = shape.count(",")
    if tensor.dtype != dtype or tensor.ndim < dimensions or (channels_at and tensor.shape[channels_at] != 3):
        raise ValueError(f"{name} must be {dtype} of shape {shape}, found {tensor.dtype} {list(tensor.shape)}")
    if like is not None and tensor.device != like.device:
        raise ValueError(f"{name} is on {tensor.device}, the rest on {like.device}; bring them to one device")


def batches(camera: Camera) -> tuple[torch.Size, torch.Size]:
    return camera.K.shape[:-2], camera.cam_from_world.shape[:-2]


def flatten(tensor: Tensor, batch: torch.Size, dimensions: int) -> Tensor:
    """Spread over the batch, with the batch as one leading axis, contiguous."""
    shape = tensor.shape[tensor.ndim - dimensions :]
    return tensor.expand((*batch, *shape)).reshape(batch.numel(), *shape).contiguous()


def flatten_camera(camera: Camera, batch: torch.Size) -> Camera:
    return replace(camera, K=flatten(camera.K, batch, 2), cam_from_world=flatten(camera.cam_from_world, batch, 2))


def with_batch(rendering: Rendering, batch: torch.Size) -> Rendering:
    fields = ("rgb", "coverage", "visible", "depth")
    tensors = {name: getattr(rendering, name) for name in fields}
    return replace(rendering, **{name: t.reshape(*batch, *t.shape[1:]) for name, t in tensors.items()})
