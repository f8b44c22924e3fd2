"""Pairs to triplets: the one place where training, files and inference meet the warp."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, UInt8
from torch import Tensor

from warpdata.config import RenderOptions
from warpdata.render import warp
from warpdata.triplets.inputs import PairInputs, Rectangle
from warpdata.triplets.triplet import Triplet

BORDER = 255
"""Pictures padded to another aspect ratio are bordered in white, the splat like the rest."""


def render_triplets(inputs: PairInputs, options: RenderOptions, *, backend: str = "auto") -> Triplet:
    """Warp each reference into its target camera.

    Args:
        inputs: one pair or a batch, on the device that is to render.
        options: of the warp; `sigma` counts pixels of the size at which points are made.
        backend: a name of `warpdata.render.BACKENDS`, or `auto`.

    Returns:
        A triplet, or a batch, of uint8 pictures on the same device.
    """
    point_hw, output_hw = inputs.point_hw, inputs.output_hw
    rendering = warp(
        inputs.point_image,
        inputs.depth,
        inputs.reference_camera.resized(point_hw),
        inputs.target_camera.resized(point_hw),
        confidence=inputs.confidence,
        options=options,
        backend=backend,
    )
    splat = enlarge(rendering.rgb, output_hw)
    coverage = enlarge(rendering.coverage, output_hw)
    visible = nearest(rendering.visible.to(torch.uint8), output_hw).bool()
    contents = inputs.target_content if isinstance(inputs.target_content, list) else [inputs.target_content]
    picture = content_mask(contents, output_hw, splat.device).reshape(coverage.shape)
    if any(content != (0, 0, output_hw[1], output_hw[0]) for content in contents):
        splat = splat.where(picture, BORDER)
        coverage = coverage.where(picture, 0)
    scores = score(splat, inputs.target, visible & picture, picture)
    return Triplet(
        id=inputs.id,
        splat=splat,
        reference=inputs.reference,
        target=inputs.target,
        coverage=coverage,
        confidence=confidence_picture(inputs.depth, inputs.confidence, output_hw),
        reference_camera=inputs.reference_camera,
        target_camera=inputs.target_camera,
        reference_name=inputs.reference_name,
        target_name=inputs.target_name,
        scores=scores if isinstance(inputs.id, list) else {name: value.item() for name, value in scores.items()},
        backend=rendering.backend,
    )


def enlarge(image: UInt8[Tensor, "*batch c h w"], hw: tuple[int, int]) -> UInt8[Tensor, "*batch c H W"]:
    """A rendered picture at the output size, bicubic; unchanged when it has it."""
    if image.shape[-2:] == hw:
        return image
    flat = image.reshape(-1, *image.shape[-3:]).float()
    flat = F.interpolate(flat, size=hw, mode="bicubic", align_corners=False)
    return flat.round().clamp(0, 255).to(torch.uint8).reshape(*image.shape[:-2], *hw)


def nearest(mask: UInt8[Tensor, "*batch 1 h w"], hw: tuple[int, int]) -> UInt8[Tensor, "*batch 1 H W"]:
    """A mask at the output size, by the nearest pixel; unchanged when it has it."""
    if mask.shape[-2:] == hw:
        return mask
    flat = F.interpolate(mask.reshape(-1, *mask.shape[-3:]), size=hw, mode="nearest-exact")
    return flat.reshape(*mask.shape[:-2], *hw)


def content_mask(contents: list[Rectangle], hw: tuple[int, int], device: torch.device) -> Bool[Tensor, "b 1 H W"]:
    """True where the target is picture, not border."""
    mask = torch.zeros(len(contents), 1, *hw, dtype=torch.bool, device=device)
    for picture, (left, top, right, bottom) in zip(mask, contents, strict=True):
        picture[:, top:bottom, left:right] = True
    return mask


def confidence_picture(
    depth: Float[Tensor, "*batch dh dw"], confidence: Float[Tensor, "*batch dh dw"], hw: tuple[int, int]
) -> UInt8[Tensor, "*batch 1 H W"]:
    """Confidence as a picture on the fixed scale 255 (1 - 1/c), so that 1 gives 0, 2 gives 128, and none is lost above.

    Pixels without depth give 0. At another size than the depth's, each pixel shows the nearest of the depth map.
    """
    level = (255 * (1 - 1 / confidence.clamp(min=1))).round()
    return nearest(level.where(depth > 0, 0).to(torch.uint8).unsqueeze(-3), hw)


def score(
    splat: UInt8[Tensor, "*batch 3 H W"],
    target: UInt8[Tensor, "*batch 3 H W"],
    visible: Bool[Tensor, "*batch 1 H W"],
    picture: Bool[Tensor, "*batch 1 H W"],
) -> dict[str, Float[Tensor, "*batch"]]:
    """Figures by which triplets can be chosen.

    Returns:
        hole_fraction: share of the target's picture where no point is seen.
        psnr: in dB, of the splat against the target over seen pixels; 0 where there is none, at most 99.
        exposure_gap: mean of target minus splat over seen pixels, as a share of full scale.
    """
    seen = visible.sum((-3, -2, -1)).double()
    channels = (3 * seen).clamp(min=1)
    difference = (target.to(torch.int16) - splat) * visible
    # Whole numbers, so exact in any order; rows are summed in 32 bits where that suffices, which is far faster.
    row = torch.int32 if 255**2 * splat.shape[-1] < 2**31 else torch.int64
    mean_square = difference.to(torch.int32).square_().sum(-1, dtype=row).sum((-2, -1)) / channels
    psnr = (10 * torch.log10(255**2 / mean_square)).clamp(max=99.0)
    return {
        "hole_fraction": (1 - seen / picture.sum((-3, -2, -1))).float(),
        "psnr": psnr.where(seen > 0, 0.0).float(),
        "exposure_gap": (difference.sum(-1, dtype=row).sum((-2, -1)) / channels / 255).float(),
    }
