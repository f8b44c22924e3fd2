"""A splat brought to the exposure and white balance of its target: a factor a channel, by what both show."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float, Int64, UInt8
from torch import Tensor

from warpdata.triplets.scores import kernels

LEVELS = 256
LEAST_PIXELS = 100
"""With fewer to go by, a channel stays as it is."""

LEAST_GAIN, GREATEST_GAIN = 1 / 8, 8.0

OUTLIER = 3.0
"""Pixels farther from the fit than this many standard deviations, told by the median, show something else."""

LEAST_DEVIATION = 1.0
"""Of a level, below which the standard deviation is not believed: levels are whole numbers."""

REFINEMENTS = 3


def fit_gains(
    splat: UInt8[Tensor, "B 3 H W"], target: UInt8[Tensor, "B 3 H W"], shown: Bool[Tensor, "B 1 H W"]
) -> Float[Tensor, "B 3"]:
    """What each channel of a splat is to be multiplied by to be like its target where points are seen.

    The line through the origin nearest to the pairs of levels by the sum of distances, which half of the pixels cannot
    mislead; then three times by least squares over those that are near it. Pairs with a level of 0 or 255 say nothing
    and are left out, and the factor of a channel with less than a hundred others is 1.
    """
    counts = joint_levels(splat, target, shown).double()
    levels = torch.arange(LEVELS, dtype=torch.float64, device=splat.device)
    tells = (levels > 0) & (levels < LEVELS - 1)
    counts = counts * (tells[:, None] & tells)
    s, t = levels[:, None], levels
    gains = _least_absolute(counts)
    for _ in range(REFINEMENTS):
        off = (t - gains[..., None, None] * s).abs()
        deviation = (1.4826 * _median_level(off, counts)).clamp(min=LEAST_DEVIATION)
        near = counts * (off <= OUTLIER * deviation[..., None, None])
        gains = (near * s * t).sum((-2, -1)) / (near * s * s).sum((-2, -1)).clamp(min=1)
    enough = counts.sum((-2, -1)) >= LEAST_PIXELS
    return gains.clamp(LEAST_GAIN, GREATEST_GAIN).where(enough, 1.0).float()


def joint_levels(
    splat: UInt8[Tensor, "B 3 H W"], target: UInt8[Tensor, "B 3 H W"], shown: Bool[Tensor, "B 1 H W"]
) -> Int64[Tensor, "B 3 256 256"]:
    """How many of the pixels shown have each pair of levels, of splat and target."""
    if not splat.is_cuda:
        pictures = zip(splat, target, shown, strict=True)
        return torch.stack(
            [torch.from_numpy(kernels.joint_levels(*(part.numpy() for part in one))) for one in pictures]
        )
    return define_joint_levels(splat, target, shown)


def define_joint_levels(
    splat: UInt8[Tensor, "B 3 H W"], target: UInt8[Tensor, "B 3 H W"], shown: Bool[Tensor, "B 1 H W"]
) -> Int64[Tensor, "B 3 256 256"]:
    """The definition of `joint_levels`."""
    pair = (splat.long() * LEVELS + target).flatten(2)
    counts = torch.zeros(*pair.shape[:2], LEVELS * LEVELS, dtype=torch.int64, device=splat.device)
    return counts.scatter_add_(2, pair, shown.flatten(2).long().expand_as(pair)).unflatten(2, (LEVELS, LEVELS))


def apply_gains(
    splat: UInt8[Tensor, "B 3 H W"],
    coverage: UInt8[Tensor, "B 1 H W"],
    gains: Float[Tensor, "B 3"],
    background: tuple[int, int, int],
) -> UInt8[Tensor, "B 3 H W"]:
    """The splat with its channels multiplied; what holes show of the background stays as it is."""
    gains = gains[..., None, None]
    changed = splat.float() * gains
    if any(background):
        colour = torch.tensor(background, dtype=torch.float32, device=splat.device)[:, None, None]
        changed += colour * (1 - coverage.float() / 255) * (1 - gains)
    return changed.round().clamp(0, 255).to(torch.uint8)


def _least_absolute(counts: Float[Tensor, "B 3 n n"]) -> Float[Tensor, "B 3"]:
    """The slope g for which |t - g s| sums to the least: the median of t / s, each weighted by s."""
    levels = torch.arange(1, LEVELS, dtype=torch.float64, device=counts.device)
    ratios, order = (levels / levels[:, None]).flatten().sort(stable=True)
    weights = (counts[..., 1:, 1:] * levels[:, None]).flatten(-2)[..., order].cumsum(-1)
    middle = torch.searchsorted(weights, weights[..., -1:] / 2).clamp(max=len(ratios) - 1)
    return ratios[middle.squeeze(-1)]


def _median_level(values: Float[Tensor, "B 3 n n"], counts: Float[Tensor, "B 3 n n"]) -> Float[Tensor, "B 3"]:
    """The median of values that have counts, to a whole number."""
    bins = values.round().clamp(max=LEVELS * GREATEST_GAIN).long().flatten(-2)
    sums = torch.zeros(*bins.shape[:2], int(LEVELS * GREATEST_GAIN) + 1, dtype=torch.float64, device=values.device)
    sums = sums.scatter_add_(-1, bins, counts.flatten(-2)).cumsum(-1)
    return torch.searchsorted(sums, sums[..., -1:] / 2).squeeze(-1).double()
