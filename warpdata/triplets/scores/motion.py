"""Scores of how a pair's cameras stand to each other."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from warpdata.camera import Camera
from warpdata.geometry.maths.resample import has_depth
from warpdata.render.splat import is_confident
from warpdata.triplets.inputs import PairInputs

SAMPLES_A_SIDE = 256
"""The median depth is that of a regular sample of at most so many rows and columns."""


def rotation_deg(reference: Camera, target: Camera) -> Float[Tensor, "*batch"]:
    """Angle by which the target camera is turned against the reference, 0 to 180 degrees.

    From sine and cosine, so that small angles are as good as large ones.
    """
    turned = target.cam_from_world[..., :3, :3].double() @ reference.cam_from_world[..., :3, :3].double().mT
    axis = torch.stack(
        [turned[..., i, j] - turned[..., j, i] for i, j in ((2, 1), (0, 2), (1, 0))], dim=-1
    )  # the axis, twice the sine long
    return torch.atan2(axis.norm(dim=-1), turned.diagonal(dim1=-2, dim2=-1).sum(-1) - 1).rad2deg()


def baseline(inputs: PairInputs, confidence_threshold: float) -> Float[Tensor, "*batch"]:
    """Distance of the cameras over the median depth of the reference's points; 0 where there is no point.

    Of a picture that was seen from a drawn camera and back it is the distance of that.
    """
    centres = [camera.world_from_cam[..., :3, 3] for camera in (inputs.seeing_camera, inputs.target_camera)]
    distance = (centres[1] - centres[0]).norm(dim=-1)
    step_y, step_x = (-(-side // SAMPLES_A_SIDE) for side in inputs.depth.shape[-2:])
    depth, confidence = (
        values[..., step_y // 2 :: step_y, step_x // 2 :: step_x].flatten(-2)
        for values in (inputs.depth, inputs.confidence)
    )
    points = has_depth(depth) & is_confident(confidence, confidence_threshold, like=depth)
    middle = depth.where(points, torch.nan).nanmedian(dim=-1).values
    return (distance.to(middle.device) / middle).nan_to_num(0.0)
