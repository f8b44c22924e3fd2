"""How far a depth can be vouched for, from what the other views say about it.

    confidence = 1                                              where no other view confirms the depth
    confidence = 1 + LEAST + (1 - LEAST) * agreement * likeness      elsewhere, at most 2

`agreement` is the share of the sources whose own depth confirms the pixel (`fusion.agreement`), `likeness` falls from 1
to 0 as the colour found in the better half of the sources departs from the pixel's own, and is 0 at
`LARGEST_COLOUR_ERROR`. A depth is confirmed when at least one source agrees within 1 % and the likeness is not 0. The
renderer's default threshold of 1.01 therefore keeps exactly the confirmed depths; 1.25 keeps, of a view with six
sources, those that about two of them confirm with the right colour.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from warpdata.geometry.sfm.sweep import better_half_mean, warp_picture
from warpdata.geometry.sfm.types import StereoView

LEAST = 0.02
"""Score of a depth that is confirmed and no more; above the default threshold."""

ONE_VIEW_AGREES = 0.5
"""`fusion.agreement` of a pixel that one view confirms at the limit."""

LARGEST_COLOUR_ERROR = 0.065
"""Root mean square over the channels, 0 to 1. A point whose colour is another in the sources is a wrong point."""


LARGEST_GAIN = 2.0
"""Between the exposures of two photographs."""


def confidence(
    agreement: Float[Tensor, "h w"], colour_error: Float[Tensor, "h w"], source_count: int
) -> Float[Tensor, "h w"]:
    """The definition at the top of this file.

    Args:
        agreement: number of sources that confirm each pixel.
        colour_error: see `colour_error`.
        source_count: number of sources that were asked.
    """
    likeness = (1 - colour_error / LARGEST_COLOUR_ERROR).clamp(0, 1)
    confirmed = (agreement >= ONE_VIEW_AGREES) & (likeness > 0)
    score = LEAST + (1 - LEAST) * (agreement / source_count) * likeness
    return 1 + score.where(confirmed, 0.0)


def colour_error(
    inverse_depth: Float[Tensor, "h w"], reference: StereoView, sources: Sequence[StereoView]
) -> Float[Tensor, "h w"]:
    """Root mean square difference in colour between each pixel and where it is in the better half of the sources.

    Sources are first brought to the exposure of the reference. 1, the largest error there is, where a pixel falls
    outside a source.
    """
    errors = []
    for source in sources:
        seen, inside = warp_picture(reference.camera, source.rgb, source.camera, inverse_depth[None])
        seen = seen[:, 0] * exposure_gain(reference.rgb, seen[:, 0], inside[0])[:, None, None]
        squared = (seen - reference.rgb).square().mean(dim=0, keepdim=True)
        errors.append(torch.where(inside, -squared.sqrt(), -1.0))
    return -better_half_mean(iter(errors), len(errors))[0]


def exposure_gain(
    reference: Float[Tensor, "3 h w"], seen: Float[Tensor, "3 h w"], inside: Bool[Tensor, "h w"]
) -> Float[Tensor, "3"]:
    """What the channels of a source have to be multiplied by: the ratio of medians where both see something."""
    if not inside.any():
        return torch.ones(3, device=seen.device)
    ratio = reference[:, inside].median(dim=1).values / seen[:, inside].median(dim=1).values.clamp_min(1 / 255)
    return ratio.clamp(1 / LARGEST_GAIN, LARGEST_GAIN)
