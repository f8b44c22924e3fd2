"""Plane sweep: how well every source view agrees with the reference, for each of many depths.

Shape letters: s sources, d planes, h and w the reference's size. All of it runs on the device of its inputs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional as F

from warpdata.camera import Camera, pixel_centres
from warpdata.geometry.sfm.types import StereoView

NOISE_VARIANCE = (0.7 / 255) ** 2
"""Added to every window's variance: where the picture varies less than this, the correlation fades to 0."""

WORST_CORRELATION = -1.0
"""Of a pixel that falls outside the source or behind it."""

BEHIND = 1e-6
"""Depth in the source over depth in the reference, up to which a point counts as behind the source."""

PIXELS_AT_ONCE = 1_000_000
"""Pixels times planes warped in one go; bounds the temporary memory to a few of these in float32."""


def sweep_planes(
    inverse_depth_range: tuple[float, float], reference: Camera, sources: Sequence[Camera], *, limits: tuple[int, int]
) -> Float[Tensor, " d"]:
    """Inverse depths, uniform, descending (near to far), so that one step is about a pixel in the widest source.

    Args:
        inverse_depth_range: of the nearest and of the farthest plane, in 1 / scene unit.
        limits: fewest and most planes.
    """
    nearest, farthest = inverse_depth_range
    height, width = reference.hw
    corners = torch.tensor(
        [[x * width, y * height] for x in (0.1, 0.5, 0.9) for y in (0.1, 0.5, 0.9)], dtype=torch.float64
    )
    longest = 0.0
    for source in sources:
        at_infinity, per_inverse_depth = epipolar_line(reference, source, corners)
        ends = [at_infinity + per_inverse_depth * inverse_depth for inverse_depth in (nearest, farthest)]
        xy = [end[:, :2] / end[:, 2:].clamp_min(BEHIND) for end in ends]
        longest = max(longest, (xy[0] - xy[1]).norm(dim=1).median().item())
    count = min(max(round(longest) + 1, limits[0]), limits[1])
    return torch.linspace(nearest, farthest, count, dtype=torch.float64)


def epipolar_line(
    reference: Camera, source: Camera, xy: Float[Tensor, "*n 2"]
) -> tuple[Float[Tensor, "*n 3"], Float[Tensor, "3"]]:
    """Where a reference pixel can be in the source: at `(a + b / depth)`, homogeneous, for the a and b returned.

    Computed in float64. The third coordinate is depth in the source over depth in the reference.
    """
    K_source, K_reference = source.K.double().to(xy.device), reference.K.double().to(xy.device)
    source_from_reference = (source.cam_from_world.double() @ reference.world_from_cam.double()).to(xy.device)
    homogeneous = torch.cat([xy.double(), torch.ones_like(xy[..., :1], dtype=torch.float64)], dim=-1)
    infinite = K_source @ source_from_reference[:3, :3] @ torch.linalg.inv(K_reference)
    return homogeneous @ infinite.T, K_source @ source_from_reference[:3, 3]


def correlation(
    reference: StereoView, source: StereoView, inverse_depth: Float[Tensor, "d #h #w"], *, radius: int
) -> Float[Tensor, "d h w"]:
    """Zero-mean normalised cross-correlation of windows of (2 radius + 1) pixels, for a depth a pixel and plane.

    In [-1, 1]; -1 where a pixel projects outside the source or behind it.
    """
    seen, inside = warp_picture(reference.camera, source.luminance[None], source.camera, inverse_depth)
    warped = seen[0]
    mean_source, variance_source = window_statistics(warped, radius)
    mean, variance = window_statistics(reference.luminance[None], radius)
    covariance = box_mean(warped * reference.luminance, radius) - mean_source * mean
    score = covariance / (variance * variance_source).sqrt_()
    return torch.where(inside, score.clamp_(-1, 1), WORST_CORRELATION)


def window_statistics(values: Float[Tensor, "d h w"], radius: int) -> tuple[Tensor, Tensor]:
    """Mean, and variance with that of noise added, of every window; both (d, h, w)."""
    mean = box_mean(values, radius)
    return mean, (box_mean(values * values, radius) - mean * mean).clamp_min_(0) + NOISE_VARIANCE


def warp_picture(
    reference: Camera, picture: Float[Tensor, "c h2 w2"], source: Camera, inverse_depth: Float[Tensor, "d #h #w"]
) -> tuple[Float[Tensor, "c d h w"], Bool[Tensor, "d h w"]]:
    """A source's picture as the reference would see it at these depths, bilinear, and where it is inside."""
    infinite, per_inverse_depth = epipolar_line(
        reference, source, pixel_centres(reference.hw, device=picture.device, dtype=torch.float64)
    )
    infinite, per_inverse_depth = infinite.float(), per_inverse_depth.tolist()
    height, width = source.hw
    depth_ratio = infinite[..., 2] + inverse_depth * per_inverse_depth[2]
    ahead = depth_ratio.clamp_min(BEHIND)
    # To [-1, 1] across the image, as grid_sample takes it with align_corners=False.
    x = (infinite[..., 0] + inverse_depth * per_inverse_depth[0]) / ahead * (2 / width) - 1
    y = (infinite[..., 1] + inverse_depth * per_inverse_depth[1]) / ahead * (2 / height) - 1
    inside = (x.abs() <= 1) & (y.abs() <= 1) & (depth_ratio > BEHIND)
    # Planes are stacked as rows of one tall picture: one call, and no copy of the source for each of them.
    tall = torch.stack([x, y], dim=-1).reshape(1, -1, x.shape[-1], 2)
    warped = F.grid_sample(picture[None], tall, padding_mode="border", align_corners=False)
    return warped.reshape(len(picture), *x.shape), inside


def box_mean(values: Float[Tensor, "d h w"], radius: int) -> Float[Tensor, "d h w"]:
    """Mean over windows of (2 radius + 1) pixels; at the border over the part that is inside.

    Sums of shifted copies, rows then columns: on a CPU fifteen times as fast as `avg_pool2d`.
    """
    return _window_sum(values, radius) / _window_sum(torch.ones_like(values[:1]), radius)


def _window_sum(values: Float[Tensor, "d h w"], radius: int) -> Float[Tensor, "d h w"]:
    height, width = values.shape[-2:]
    padded = F.pad(values, (0, 0, radius, radius))
    rows = padded[:, :height].clone()
    for shift in range(1, 2 * radius + 1):
        rows += padded[:, shift : shift + height]
    padded = F.pad(rows, (radius, radius))
    total = padded[..., :width].clone()
    for shift in range(1, 2 * radius + 1):
        total += padded[..., shift : shift + width]
    return total


def better_half_mean(scores: Iterator[Float[Tensor, "d h w"]], count: int) -> Float[Tensor, "d h w"]:
    """Mean of the better half (rounded up) of `count` score maps: a source in which the point is hidden is ignored."""
    best: list[Tensor] = []
    for score in scores:
        for rank, held in enumerate(best):
            best[rank], score = torch.maximum(held, score), torch.minimum(held, score)
        if len(best) < (count + 1) // 2:
            best.append(score)
    return torch.stack(best).mean(dim=0) if len(best) > 1 else best[0]


def cost_volume(
    reference: StereoView, sources: Sequence[StereoView], inverse_depths: Float[Tensor, " d"], *, radius: int
) -> Float[Tensor, "d h w"]:
    """Cost `1 - correlation` of every pixel on every plane, in [0, 2], by the better half of the sources."""
    height, width = reference.camera.hw
    planes = inverse_depths.to(reference.luminance)[:, None, None]
    volume = torch.empty((len(inverse_depths), height, width), device=reference.luminance.device)
    step = max(1, PIXELS_AT_ONCE // (height * width))
    for first in range(0, len(inverse_depths), step):
        chunk = planes[first : first + step]
        scores = (correlation(reference, source, chunk, radius=radius) for source in sources)
        torch.sub(1, better_half_mean(scores, len(sources)), out=volume[first : first + step])
    return volume
