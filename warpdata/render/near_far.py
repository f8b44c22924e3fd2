"""Which depths are drawn: near and far, from the scene's own depths where the options do not give them.

A scene's unit may be anything: a millimetre, a metre, the distance of its cameras. So what is "too near to draw" is a
share of the depths that are there, never a length. The shares are powers of two: a scene that is scaled by one renders
to the same bytes.

Depths are read from a small regular sample, at most `SAMPLES_A_SIDE` squared, and sorted, which is exact, so the result
is the same on every device, in any batch, and costs next to nothing.
"""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from warpdata.config import RenderOptions
from warpdata.geometry.maths.resample import has_depth
from warpdata.render.splat import points_of_world
from warpdata.render.view import View

NEAR_SHARE = 2.0**-7
"""near="auto" is this part of the depth at which the sample begins: 8 mm where the nearest things stand 1 m away."""

BEGINNING = 64
"""The sample begins at its 64th part, so that a few wild values near 0 do not count."""

FAR_SHARE = 2.0**18
"""far="auto" is the sample's median so many times over: what lies farther is a stand-in for the sky, such as 1e10."""

SAMPLES_A_SIDE = 32

_LEAST, _MOST = torch.finfo(torch.float32).tiny, torch.finfo(torch.float32).max


def near_far_of_depth(depth: Float[Tensor, "B h w"], options: RenderOptions) -> Float[Tensor, "B 2"]:
    """Near and far of each of a batch of depth maps, at whatever size they come.

    A map without depth gives all that float32 can hold.
    """
    if "auto" not in (options.near, options.far):
        return _near_far(None, None, options, len(depth), depth.device)
    step_y, step_x = (-(-side // SAMPLES_A_SIDE) for side in depth.shape[1:])
    sample = depth[:, step_y // 2 :: step_y, step_x // 2 :: step_x].flatten(1)
    return _near_far(sample, has_depth(sample), options, len(depth), depth.device)


def near_far_of_points(
    points: Float[Tensor, "B N 3"], confidence: Float[Tensor, "B N"] | None, view: View, options: RenderOptions
) -> Float[Tensor, "B 2"]:
    """Near and far of points, which have no reference: by their depth in the view, of those before the camera."""
    B, N, _ = points.shape
    if "auto" not in (options.near, options.far) or N == 0:
        return _near_far(None, None, options, B, points.device)
    step = -(-N // SAMPLES_A_SIDE**2)
    few = None if confidence is None else confidence[:, step // 2 :: step]
    sample = points_of_world(points[:, step // 2 :: step], few, view.cam_from_source, options.confidence_threshold)
    depth = sample.position[:, 2]
    return _near_far(depth, has_depth(depth) & sample.drawn, options, B, points.device)


def _near_far(
    sample: Float[Tensor, "B n"] | None,
    valid: Bool[Tensor, "B n"] | None,
    options: RenderOptions,
    B: int,
    device: torch.device,
) -> Float[Tensor, "B 2"]:
    """The options' numbers, and of "auto" the sample's; nothing waits for the host."""
    near = torch.full((B,), _LEAST if options.near == "auto" else options.near, device=device, dtype=torch.float32)
    far = torch.full(
        (B,), _MOST if options.far == "auto" else min(options.far, _MOST), device=device, dtype=torch.float32
    )
    if sample is None:
        return torch.stack([near, far], dim=-1)
    ascending = sample.where(valid, torch.inf).sort(dim=-1).values
    count = valid.sum(dim=-1, keepdim=True)
    if options.near == "auto":
        beginning = ascending.gather(-1, count // BEGINNING).squeeze(-1)
        near = (beginning * NEAR_SHARE).clamp(min=_LEAST).where(count.squeeze(-1) > 0, near)
    if options.far == "auto":
        middle = ascending.gather(-1, (count // 2)).squeeze(-1)
        far = (middle * FAR_SHARE).clamp(max=_MOST)
    return torch.stack([near, far], dim=-1)
