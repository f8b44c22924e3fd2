"""The points that a reference contributes, as the renderer uses them."""

from __future__ import annotations

from warpdata.config import RenderOptions
from warpdata.formats.ply import PointCloud
from warpdata.render.world_points import points_of_reference
from warpdata.triplets.inputs import PairInputs


def point_cloud(inputs: PairInputs, options: RenderOptions) -> PointCloud:
    """World points of one pair's reference that have depth and are confident enough to be drawn, in pixel order."""
    camera = inputs.point_camera.resized(inputs.point_hw)
    points = points_of_reference(inputs.depth, inputs.confidence, camera, options)
    return PointCloud(
        xyz=points.xyz[points.kept],
        rgb=inputs.point_image.permute(1, 2, 0)[points.kept],
        confidence=points.confidence[points.kept],
    )
