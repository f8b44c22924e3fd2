"""Figures by which triplets can be chosen, as docs/quality.md defines them."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float, UInt8
from torch import Tensor

from warpdata.config import RenderOptions
from warpdata.triplets.inputs import PairInputs
from warpdata.triplets.scores.motion import baseline, rotation_deg
from warpdata.triplets.scores.pictures import compare, sharpness
from warpdata.triplets.scores.points import flying_fraction

SCORES_VERSION = 1
"""Raised whenever a score of the same pictures changes, so that kept ones are measured again."""

CHANNELS = ("red", "green", "blue")


def score(
    inputs: PairInputs,
    splat: UInt8[Tensor, "*batch 3 H W"],
    shown: Bool[Tensor, "*batch 1 H W"],
    options: RenderOptions,
) -> dict[str, Float[Tensor, "*batch"]]:
    """All scores of one triplet or a batch, on the device of its pictures; nothing waits for it.

    Args:
        splat: rendered from the inputs.
        shown: where the splat shows a point and the target is picture, not border.
        options: the splat was rendered with.

    Returns:
        A value a triplet for each of `warpdata.config.quality.SCORES`.
    """
    device = splat.device
    batch = splat.shape[:-3]
    one = not batch
    targets, splats, shown = (part[None] if one else part for part in (inputs.target, splat, shown))
    target_contents = [inputs.target_content] if one else inputs.target_content
    reference_contents = [inputs.reference_content] if one else inputs.reference_content
    reference = inputs.reference[None] if one and inputs.reference is not None else inputs.reference
    areas = [(right - left) * (bottom - top) for left, top, right, bottom in target_contents]

    sums = compare(splats, targets, shown)
    seen, channels = sums.seen.double(), (3 * sums.seen).clamp(min=1).double()
    psnr = (10 * torch.log10(255**2 / (sums.square.sum(-1) / channels))).clamp(max=99.0)
    gaps = sums.difference / sums.seen.clamp(min=1).double()[:, None] / 255
    scores = {
        "hole_fraction": 1 - seen / torch.tensor(areas, device=device),
        "psnr": psnr.where(seen > 0, 0.0),
        "exposure_gap": sums.difference.sum(-1) / channels / 255,
        **{f"exposure_gap_{name}": gap for name, gap in zip(CHANNELS, gaps.unbind(-1), strict=True)},
        "sharpness_target": sharpness(targets, target_contents),
        "sharpness_reference": (
            torch.zeros(len(areas), device=device) if reference is None else sharpness(reference, reference_contents)
        ),
        "flying_fraction": flying_fraction(inputs.depth, inputs.confidence, options.confidence_threshold),
        "baseline": baseline(inputs, options.confidence_threshold),
        "rotation_deg": rotation_deg(inputs.seeing_camera, inputs.target_camera).to(device),
    }
    return {name: value.float().reshape(batch) for name, value in scores.items()}
