"""Pairs to triplets: the one place where training, files and inference meet the warp."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, UInt8
from torch import Tensor

from warpdata.config import RenderOptions
from warpdata.config.quality import GAINS
from warpdata.render import warp
from warpdata.triplets.exposure import apply_gains, fit_gains
from warpdata.triplets.inputs import PairInputs
from warpdata.triplets.masks import confidence_picture, content_mask, nearest
from warpdata.triplets.reproject import reproject
from warpdata.triplets.scores import score
from warpdata.triplets.triplet import Triplet

BORDER = 255
"""Pictures padded to another aspect ratio are bordered in white, the splat like the rest."""


@dataclass(frozen=True, kw_only=True)
class SplatPicture:
    """The warp's part of a triplet, or with a leading dimension of a batch, at the output size (H, W).

    Attributes:
        rgb: the reference's points seen from the target camera, holes filled and faded.
        coverage: 255 where a point or surface is seen, fading to 0 in holes.
        visible: where a point or surface is seen, borders taken out.
        backend: the renderer that made it.
    """

    rgb: UInt8[Tensor, "*batch 3 H W"]
    coverage: UInt8[Tensor, "*batch 1 H W"]
    visible: Bool[Tensor, "*batch 1 H W"]
    backend: str


def render_triplets(
    inputs: PairInputs, options: RenderOptions, *, backend: str = "auto", match_exposure: bool = False
) -> Triplet:
    """Warp each reference into its target camera, or with drawn cameras each target to one of these and back.

    Args:
        inputs: one pair or a batch, on the device that is to render.
        options: of the warp; `sigma` counts pixels of the size at which points are made.
        backend: a name of `warpdata.render.BACKENDS`, or `auto`.
        match_exposure: bring each splat to its target's exposure; the factors are among the scores.

    Returns:
        A triplet, or a batch, of uint8 pictures on the same device.
    """
    splat = render_splat(inputs, options, backend=backend)
    gains = {}
    if match_exposure:
        splat, gains = matched(splat, inputs, options)
    scores = score(inputs, splat.rgb, splat.visible, options) | gains
    return Triplet(
        id=inputs.id,
        splat=splat.rgb,
        reference=inputs.reference,
        target=inputs.target,
        coverage=splat.coverage,
        confidence=confidence_picture(inputs.depth, inputs.confidence, inputs.output_hw),
        reference_camera=inputs.reference_camera,
        target_camera=inputs.target_camera,
        drawn_camera=inputs.drawn_camera,
        reference_name=inputs.reference_name,
        target_name=inputs.target_name,
        scores=scores if isinstance(inputs.id, list) else {name: value.item() for name, value in scores.items()},
        backend=splat.backend,
    )


def render_splat(inputs: PairInputs, options: RenderOptions, *, backend: str = "auto") -> SplatPicture:
    """The splats alone of `render_triplets`, which do not depend on the targets' pixels."""
    point_hw, output_hw = inputs.point_hw, inputs.output_hw
    cameras = inputs.seeing_camera.resized(point_hw), inputs.target_camera.resized(point_hw)
    picture = picture_of_targets(inputs)
    points = {"confidence": inputs.confidence, "options": options, "backend": backend}
    if inputs.drawn_camera is None:
        rendering = warp(inputs.point_image, inputs.depth, *cameras, **points)
    else:
        rendering = reproject(inputs.point_image, inputs.depth, *cameras, picture=picture, **points)
    rgb = enlarge(rendering.rgb, output_hw)
    coverage = enlarge(rendering.coverage, output_hw)
    visible = nearest(rendering.visible.to(torch.uint8), output_hw).bool()
    if picture is not None:
        rgb = rgb.where(picture, BORDER)
        coverage = coverage.where(picture, 0)
        visible &= picture
    return SplatPicture(rgb=rgb, coverage=coverage, visible=visible, backend=rendering.backend)


def picture_of_targets(inputs: PairInputs) -> Bool[Tensor, "*batch 1 H W"] | None:
    """Where the targets are picture, not border; None where all of them is."""
    contents = inputs.target_content if isinstance(inputs.target_content, list) else [inputs.target_content]
    H, W = inputs.output_hw
    if all(content == (0, 0, W, H) for content in contents):
        return None
    mask = content_mask(contents, (H, W), inputs.target.device)
    return mask.reshape(*inputs.target.shape[:-3], 1, H, W)


def matched(
    splat: SplatPicture, inputs: PairInputs, options: RenderOptions
) -> tuple[SplatPicture, dict[str, Float[Tensor, "*batch"]]]:
    """A splat at its target's exposure, and the factors by name, see `exposure`."""
    batch = splat.rgb.shape[:-3]
    rgb, coverage, target, visible = (
        part.reshape(-1, *part.shape[-3:]) for part in (splat.rgb, splat.coverage, inputs.target, splat.visible)
    )
    gains = fit_gains(rgb, target, visible)
    changed = apply_gains(rgb, coverage, gains, options.background).reshape(splat.rgb.shape)
    picture = picture_of_targets(inputs)
    if picture is not None:
        changed = changed.where(picture, BORDER)
    by_name = {name: gain.reshape(batch) for name, gain in zip(GAINS, gains.unbind(-1), strict=True)}
    return replace(splat, rgb=changed), by_name


def enlarge(image: UInt8[Tensor, "*batch c h w"], hw: tuple[int, int]) -> UInt8[Tensor, "*batch c H W"]:
    """A rendered picture at the output size, bicubic; unchanged when it has it."""
    if image.shape[-2:] == hw:
        return image
    flat = image.reshape(-1, *image.shape[-3:]).float()
    flat = F.interpolate(flat, size=hw, mode="bicubic", align_corners=False)
    return flat.round().clamp(0, 255).to(torch.uint8).reshape(*image.shape[:-2], *hw)
