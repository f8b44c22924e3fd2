"""The points that a reference contributes, as the renderer uses them."""

from __future__ import annotations

import torch

from warpdata.camera import unproject
from warpdata.config import RenderOptions
from warpdata.formats.ply import PointCloud
from warpdata.geometry.maths.resample import SamplingGrid, resample_depth
from warpdata.triplets.inputs import PairInputs


def point_cloud(inputs: PairInputs, options: RenderOptions) -> PointCloud:
    """World points of one pair's reference that have depth and are confident enough to be drawn, in pixel order."""
    hw = inputs.point_hw
    depth, confidence = resample_depth(
        inputs.depth, inputs.confidence, SamplingGrid.spanning(inputs.depth.shape[-2:], hw)
    )
    scale_xy = (hw[1] / inputs.output_hw[1], hw[0] / inputs.output_hw[0])
    camera = inputs.reference_camera.mapped(scale_xy, (0.0, 0.0), hw)
    kept = (depth > 0) & torch.isfinite(confidence) & (confidence >= options.confidence_threshold)
    return PointCloud(
        xyz=unproject(depth, camera, pixel_offset=0.0 if options.compat else 0.5)[kept],
        rgb=inputs.point_image.permute(1, 2, 0)[kept],
        confidence=confidence[kept],
    )
