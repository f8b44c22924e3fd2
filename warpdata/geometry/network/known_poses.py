"""Depth of a network in the scale of cameras that are known: `--poses given`.

A network's depth fits the poses that it estimates itself, in a scale of its own. Its geometry says which pixels of two
views show the same point; with the known cameras such a pair of pixels is triangulated. Inverse depth is what an error
of a pixel enters linearly, so the scale is the robust mean of the network's depth times the triangulated inverse depth,
over many pixels of many pairs of views: one scale a window. Sparse points that the scene ships are a better
measure, where there are enough of them (`point_scale`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from warpdata.camera import Camera, pixel_centres, project, unproject
from warpdata.errors import GeometryError
from warpdata.geometry.maths.sim3 import biweight, median_rotation, rotation_angle, spread_of, weighted_quantile
from warpdata.geometry.network.point_scale import fit_to_points
from warpdata.geometry.network.windows import Window, reliability, thinned
from warpdata.geometry.types import ContentBox, FrameGeometry
from warpdata.sources.points import SparsePoints

POINTS_A_VIEW = 500
PARTNER_STEPS = (1, 2, 4, 8, 16)
"""Each view is paired with those this many frames later: near ones agree, far ones have parallax."""
SAME_SURFACE = 0.05
"""Two views see the same point where the network's depths of it agree within this part."""
LEAST_MATCHES = 20
ROBUST_ITERATIONS = 10


@dataclass
class KnownPoses:
    """Places each window under the scene's own cameras: a `Place`.

    Attributes:
        cameras: of the whole upright picture, by the frame's place in the scene.
        fits: how well each window's depth fits them, as JSON: for the report.
        points: sparse points in the cameras' world, if there are any.
    """

    cameras: Mapping[int, Camera]
    fits: list[dict[str, Any]]
    points: SparsePoints | None = None

    def __call__(self, window: Window, previous: Window) -> Window:
        if not window:
            return window
        known = {
            index: camera_of_map(frame.content_box, frame.camera.hw, self.cameras[index])
            for index, frame in window.items()
        }
        scale, fit = self._fit(window, known)
        self.fits.append({"frame": window[min(window)].name, **fit})
        return {
            index: replace(frame, depth=frame.depth * scale, camera=known[index]) for index, frame in window.items()
        }

    def _fit(self, window: Window, known: Mapping[int, Camera]) -> tuple[float, dict[str, Any]]:
        found = None if self.points is None else fit_to_points(window, known, self.points)
        if found is None:
            return fit_depth_scale(window, known)
        scale, fit = found
        return scale, {"rotation_degrees": rotation_misfit(window, known), **fit}


def camera_of_map(box: ContentBox, hw: tuple[int, int], image_camera: Camera) -> Camera:
    """The camera of a map of size `hw` that spans `box` of the whole picture, from that picture's."""
    height, width = hw
    scale_x, scale_y = width / (box.right - box.left), height / (box.bottom - box.top)
    return image_camera.mapped((scale_x, scale_y), (-box.left * scale_x, -box.top * scale_y), hw)


def fit_depth_scale(window: Window, known: Mapping[int, Camera]) -> tuple[float, dict[str, Any]]:
    """What the window's depth is multiplied with to fit known cameras of its maps, and how well it then fits.

    Where views hardly overlap, the scale is that of the distances between camera centres, which is less exact.

    Raises:
        GeometryError: the cameras do not determine a scale: there is one only, or all stand in one place.
    """
    pairs = [(i, i + step) for i in sorted(window) for step in PARTNER_STEPS if i + step in window]
    matches = [match_views(window[i], window[j], known[i], known[j]) for i, j in pairs]
    products = torch.cat([match.products for match in matches]) if matches else torch.empty(0)
    fit: dict[str, Any] = {"rotation_degrees": rotation_misfit(window, known), "matches": len(products)}
    if len(products) < LEAST_MATCHES:
        return centre_scale(window, known), {**fit, "scale_from": "camera centres"}
    parallax = torch.cat([match.parallax for match in matches])
    trust = torch.cat([match.trust for match in matches])
    weights = trust * parallax.square()
    inverse_scale = weighted_quantile(products, trust * parallax)
    for _ in range(ROBUST_ITERATIONS):
        residuals = (products - inverse_scale) * parallax
        robust = weights * biweight(residuals, spread_of(residuals, trust))
        inverse_scale = (robust * products).sum() / robust.sum()
    if not inverse_scale > 0:
        return centre_scale(window, known), {**fit, "scale_from": "camera centres"}
    scale = 1 / inverse_scale.item()
    offsets = torch.cat([match.reprojection(scale) for match in matches])
    return scale, {
        **fit,
        "scale_from": "triangulated points",
        "scale": scale,
        "relative_depth_residual": spread_of(products / inverse_scale - 1, weights),
        "reprojection_px": offsets.median().item(),
    }


@dataclass(frozen=True, kw_only=True)
class Matches:
    """Pixels of one view, and where another sees the same points.

    Attributes:
        products: the network's depth times the triangulated inverse depth: 1 / scale, without error.
        parallax: inverse to the error that a pixel's error makes in a product: baseline across the ray over depth.
        trust: confidence as a weight.
        centre: of the first camera, in the known world.
        rays: from it through the pixels, as long as their depth is the network's.
        seen_xy: where the second view sees the points.
        second: its known camera.
    """

    products: Float[Tensor, "n"]
    parallax: Float[Tensor, "n"]
    trust: Float[Tensor, "n"]
    centre: Float[Tensor, "3"]
    rays: Float[Tensor, "n 3"]
    seen_xy: Float[Tensor, "n 2"]
    second: Camera

    def reprojection(self, scale: float) -> Float[Tensor, "n"]:
        """How far from where it is seen each point projects with depth at this scale, in pixels."""
        xy, _ = project(self.centre + scale * self.rays, self.second)
        return (xy - self.seen_xy).norm(dim=-1)


def match_views(first: FrameGeometry, second: FrameGeometry, known_first: Camera, known_second: Camera) -> Matches:
    """Which pixels of two views show the same point by the network, triangulated with the known cameras."""
    # The known camera follows the pixels that are kept.
    known = thinned(replace(first, camera=known_first), POINTS_A_VIEW).camera
    first = thinned(first, POINTS_A_VIEW)
    depth, trust = first.depth.double().flatten(), reliability(first).flatten()
    points = unproject(first.depth.double(), first.camera).flatten(0, 1)
    seen_xy, seen_depth = project(points, second.camera)
    height, width = second.depth.shape
    column, row = seen_xy.floor().nan_to_num(-1).clamp(-1, max(height, width)).long().unbind(-1)
    inside = (depth > 0) & (seen_depth > 0) & (column >= 0) & (column < width) & (row >= 0) & (row < height)
    there = second.depth[row.clamp(0, height - 1), column.clamp(0, width - 1)].double()
    same = inside & (there > 0) & ((seen_depth / there).log().abs() < SAME_SURFACE)

    first_rays = world_rays(pixel_centres(known.hw, dtype=torch.float64).flatten(0, 1), known)
    second_rays = world_rays(seen_xy, known_second)
    centre, other = known.world_from_cam[:3, 3], known_second.world_from_cam[:3, 3]
    inverse_depth, across = meet(first_rays, second_rays, other - centre)
    good = same & (across > 0)
    return Matches(
        products=(depth * inverse_depth)[good],
        parallax=(across / depth)[good],
        trust=trust[good],
        centre=centre,
        rays=(first_rays * depth[:, None])[good],
        seen_xy=seen_xy[good],
        second=known_second,
    )


def world_rays(xy: Float[Tensor, "n 2"], camera: Camera) -> Float[Tensor, "n 3"]:
    """Directions through image positions in world axes, as long as a depth of 1."""
    return camera.rays(xy) @ camera.cam_from_world[:3, :3]


def meet(
    first_rays: Float[Tensor, "n 3"], second_rays: Float[Tensor, "n 3"], baseline: Float[Tensor, "3"]
) -> tuple[Float[Tensor, "n"], Float[Tensor, "n"]]:
    """Inverse depth along the first rays at which the second meet them, and the part of the baseline across the second.

    From `(z first - baseline) x second = 0`, `baseline` going from first to second camera: linear in 1 / z.
    """
    across = torch.linalg.cross(baseline.expand_as(second_rays), second_rays)
    squared = across.square().sum(-1)
    inverse_depth = (torch.linalg.cross(first_rays, second_rays) * across).sum(-1) / squared
    return inverse_depth, (squared / second_rays.square().sum(-1)).sqrt()


def centre_scale(window: Window, known: Mapping[int, Camera]) -> float:
    """Distances between known camera centres over those between estimated ones, their median."""
    order = sorted(window)
    ours = torch.stack([window[index].camera.world_from_cam[:3, 3] for index in order])
    theirs = torch.stack([known[index].world_from_cam[:3, 3] for index in order])
    ratios = torch.pdist(theirs) / torch.pdist(ours)
    usable = ratios[torch.isfinite(ratios) & (ratios > 0)]
    if len(usable) == 0:
        names = f"{window[order[0]].name} to {window[order[-1]].name}"
        raise GeometryError(
            f'`poses="given"`: depth of the views {names} has no scale, because their cameras all stand in one place; '
            'use `poses="estimated"`'
        )
    return usable.median().item()


def rotation_misfit(window: Window, known: Mapping[int, Camera]) -> float:
    """Median angle in degrees between estimated and known rotations, after the best turn of the world."""
    turns = torch.stack(
        [known[i].cam_from_world[:3, :3].mT @ frame.camera.cam_from_world[:3, :3] for i, frame in window.items()]
    )
    return rotation_angle(median_rotation(turns).mT @ turns).median().item()
