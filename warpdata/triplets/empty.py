"""Is there anything in a splat? An empty one is no training example, and mostly a sign that units do not fit."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from warpdata.config import RenderOptions
from warpdata.geometry.maths.resample import has_depth
from warpdata.render.splat import is_confident
from warpdata.triplets.inputs import PairInputs
from warpdata.triplets.triplet import Triplet

EMPTY_HOLE_FRACTION = 0.99
"""From this share of holes on a splat counts as empty: where poses and depth have different units nothing is seen, or a
few stray pixels. Of a reference that has points in a part of its picture only, because the rest is masked, the same
share of that part is asked for."""


def is_empty(triplet: Triplet, inputs: PairInputs, options: RenderOptions) -> Bool[Tensor, "*batch"]:
    """Which splats of a batch, or whether the one, shows hardly a point; on the scores' device, without waiting."""
    holes = torch.as_tensor(triplet.scores["hole_fraction"], device=inputs.depth.device)
    least_seen = (1 - EMPTY_HOLE_FRACTION) * share_with_points(inputs, options)
    return (holes >= EMPTY_HOLE_FRACTION) & (1 - holes <= least_seen)


def share_with_points(inputs: PairInputs, options: RenderOptions) -> Float[Tensor, "*batch"]:
    """The share of the reference's depth map that becomes points."""
    confident = is_confident(inputs.confidence, options.confidence_threshold, like=inputs.depth)
    return (has_depth(inputs.depth) & confident).float().mean((-2, -1))


def why_empty(triplet: Triplet, inputs: PairInputs, options: RenderOptions) -> str | None:
    """What is wrong with one triplet whose splat is empty; None if it is not."""
    holes = triplet.scores["hole_fraction"]
    if holes < EMPTY_HOLE_FRACTION or not is_empty(triplet, inputs, options):
        return None
    if not share_with_points(inputs, options):
        return (
            "the reference has no point: no pixel of it has depth with a confidence of "
            f"{options.confidence_threshold:g} or more; look at its depth, or lower `confidence_threshold`"
        )
    return empty_splat(1 - holes)


def empty_splat(seen: float) -> str:
    """What to say of a splat that shows this share of its target."""
    return (
        f"{'hardly a' if seen else 'no'} point of the reference falls into the target ({seen:.1%} of it is seen): "
        "do poses and depth have one unit?"
    )
