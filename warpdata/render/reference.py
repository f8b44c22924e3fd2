"""The definition: the whole warp in plain PyTorch, on any device. The other backends are tested against it.

Its stages, each in the file of its name: upsample, splat, visibility (on the pyramid), fill, distance, fade.
B is the flat batch, N the number of points, (h, w) the size of a depth map, (H, W) of the result.
"""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float, UInt8
from torch import Tensor

from warpdata.config import RenderOptions
from warpdata.geometry.maths.resample import has_depth
from warpdata.render.distance import squared_distance
from warpdata.render.fade import fade_and_round, fade_reach, fade_table
from warpdata.render.fill import fill_holes
from warpdata.render.scale import median_of_valid, s0_from_median
from warpdata.render.splat import Points, Splat, draw_nearest, is_between, points_of_depth, points_of_world, take_points
from warpdata.render.surface import find_surfaces
from warpdata.render.types import Rendering
from warpdata.render.upsample import upsample_depth
from warpdata.render.view import View
from warpdata.render.visibility import Visibility, find_visible


@dataclass(frozen=True, kw_only=True)
class Stages:
    """What each stage of a rendering gave, for tests and for other backends to compare with.

    Rows of `splat`, `visibility` and `fill` count from the bottom; `rendering` is the result, upright. There is no
    `visibility` by openness where surfaces decide.
    """

    s0: Float[Tensor, "B"]
    splat: Splat
    visibility: Visibility | None
    fill: Float[Tensor, "B 4 H W"]
    rendering: Rendering


def splat_depth(
    image: UInt8[Tensor, "B 3 h2 w2"],
    depth: Float[Tensor, "B h w"],
    confidence: Float[Tensor, "B h w"] | None,
    view: View,
    s0: Float[Tensor, "B"] | None,
    options: RenderOptions,
) -> Rendering:
    """Render the reference's pixels, at their depth, into the view. The pixel rule is the default one, not compat's.

    Args:
        image: the reference picture.
        depth: of the same picture at any size; brought to the image's size first.
        confidence: like `depth`, or None.
        view: from `view_of_depth`.
        s0: neighbourhood sizes in scene units; None estimates them as `estimate_s0` does at the image's size.
        options: all but `s0`, `compat` and the bounds, which the view holds, are used.
    """
    return depth_stages(image, depth, confidence, view, s0, options).rendering


def splat_points(
    points: Float[Tensor, "B N 3"],
    colors: UInt8[Tensor, "B N 3"],
    confidence: Float[Tensor, "B N"] | None,
    view: View,
    s0: Float[Tensor, "B"] | None,
    options: RenderOptions,
) -> Rendering:
    """Render world points into the view.

    Args:
        points, colors, confidence: the points; non-finite ones and those below the threshold are not drawn.
        view: from `view_of_points`.
        s0: neighbourhood sizes in scene units; None takes the view's pixel footprint at the median depth of the
            confident points between near and far.
        options: all but `s0` and the bounds are used.
    """
    return points_stages(points, colors, confidence, view, s0, options).rendering


def depth_stages(image, depth, confidence, view, s0, options) -> Stages:
    """`splat_depth`, with what happened on the way."""
    depth, confidence = upsample_depth(depth, confidence, image.shape[-2:])
    if s0 is None:
        flat = depth.flatten(1)
        s0 = s0_from_median(median_of_valid(flat, has_depth(flat)), view.footprint)
    points = points_of_depth(depth, confidence, view.cam_from_source, options.confidence_threshold)
    occluders = depth if options.version == 2 else None
    return finish(points, image.flatten(2), view, s0, options, occluders)


def points_stages(points, colors, confidence, view, s0, options) -> Stages:
    """`splat_points`, with what happened on the way."""
    points = points_of_world(points, confidence, view.cam_from_source, options.confidence_threshold)
    if s0 is None:
        Z = points.position[:, 2]
        in_front = points.drawn & is_between(Z, view.near_far)
        s0 = s0_from_median(median_of_valid(Z, in_front), view.footprint)
    return finish(points, colors.mT, view, s0, options)


def finish(
    points: Points,
    colors: UInt8[Tensor, "B 3 N"],
    view: View,
    s0: Float[Tensor, "B"],
    options: RenderOptions,
    depth: Float[Tensor, "B h w"] | None = None,
) -> Stages:
    """From points in target axes to the picture; surfaces of the depth map they come from hide and fill, if given."""
    splat = draw_nearest(points, view, compat=options.compat)
    color = take_points(colors, splat.winner.flatten(1)).view(splat.position.shape)
    z = splat.position[:, 2]
    visibility = None
    if depth is not None:
        surfaces = find_surfaces(points, depth, colors, z, view)
        visible = ((z != 0) & ~surfaces.hidden) | surfaces.shown
        color = surfaces.color.where(surfaces.shown[:, None], color)
        z = surfaces.z.where(surfaces.shown, z)
    else:
        neighbourhood = s0 * (10 * view.intrinsics[:, 1])
        visibility = find_visible(splat.position, neighbourhood, view.same_centre, options.occlusion_threshold)
        visible = visibility.visible
    fill = fill_holes(color, visible)
    table = fade_table(options.sigma, view.hw, compat=options.compat, device=colors.device)
    distance2 = squared_distance(visible, fade_reach(table))
    rgb, coverage = fade_and_round(fill, distance2, table, options)
    visible = visible[:, None]
    depth_seen = z[:, None].where(visible, 0)
    upright = [image.flip(-2) for image in (rgb, coverage, visible, depth_seen)]
    planes = dict(zip(("rgb", "coverage", "visible", "depth"), upright, strict=True))
    rendering = Rendering(**planes, backend="torch", version=options.version)
    return Stages(s0=s0, splat=splat, visibility=visibility, fill=fill, rendering=rendering)
