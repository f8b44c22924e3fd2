"""Whether depth and camera positions can be in one unit: a factor of 1000 between them leaves no usable splat."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median

import torch
from jaxtyping import Float
from torch import Tensor

from warpdata.errors import listed
from warpdata.geometry.types import FrameGeometry

FARTHEST = 100
"""Median depth, in distances between the two outermost cameras, beyond which nothing moves from view to view by more
than about 10 pixels."""

NEAREST = 10
"""Median distance to the next camera, in median depths, beyond which neighbouring views hardly see a common surface.
Depth that is 100 times too small against the baselines of a usable scene, which are up to half its depth, lies far
beyond it."""

ODD = 30
"""Times a view's median depth may be above or below the scene's; units differ by 39 (metre, inch), 100 or 1000."""

_SAMPLES = 10_000


def median_depth(frame: FrameGeometry) -> float:
    """Median of a frame's depths, from some ten thousand of its pixels; 0 where none of them has depth."""
    depth = frame.depth.flatten()
    depth = depth[:: max(1, depth.numel() // _SAMPLES)]
    depth = depth[depth > 0]
    return depth.median().item() if depth.numel() else 0.0


def scale_warning(median_depths: Sequence[float], centres: Float[Tensor, "n 3"]) -> str | None:
    """What is wrong with a scene whose depth and cameras differ in unit, or None.

    Args:
        median_depths: of each view, in scene units; 0 where it has no depth.
        centres: positions of the cameras.

    Returns:
        None as well where there is nothing to compare: fewer than two cameras, all in one place, or no depth.
    """
    depths = torch.tensor([depth for depth in median_depths if depth > 0], dtype=torch.float64)
    if len(centres) < 2 or not len(depths):
        return None
    depth = depths.median().item()
    extent = (centres.amax(dim=0) - centres.amin(dim=0)).norm().item()
    if extent == 0:
        return None
    if depth > FARTHEST * extent:
        found = f"is {depth / extent:,.0f} times the distance between the outermost cameras, {extent:.3g}"
    elif (step := _median_step(centres)) > NEAREST * depth:
        found = f"is {step / depth:,.0f} times smaller than the distance from camera to camera, {step:.3g}"
    else:
        return None
    return (
        f"the median depth, {depth:.3g}, {found}: are depth and poses in one unit? If not, give the unit of the depth "
        "(depth_unit_scale_factor in transforms.json)"
    )


def odd_depths_warning(median_depths: Mapping[str, float]) -> str | None:
    """Which views' depths are in another unit than those of the other views, or None.

    Args:
        median_depths: view name -> its median depth, 0 where it has none.
    """
    depths = {name: depth for name, depth in median_depths.items() if depth > 0}
    if len(depths) < 2:
        return None
    usual = median(depths.values())
    odd = [name for name, depth in depths.items() if max(depth / usual, usual / depth) > ODD]
    if not odd:
        return None
    return (
        f"the median depths of {listed(odd)} differ from the scene's usual, {usual:.3g}, by more than {ODD} times: are "
        "all depth maps in one unit?"
    )


def _median_step(centres: Float[Tensor, "n 3"]) -> float:
    """Median over the cameras of the distance to the nearest other one."""
    nearest = [
        torch.cat([centres[:index], centres[index + 1 :]]).sub(centre).norm(dim=1).amin()
        for index, centre in enumerate(centres)
    ]
    return torch.stack(nearest).median().item()
