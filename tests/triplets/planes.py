"""Pairs of views of the textured plane, with geometry at any resolution, ready to render."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image

from tests.scenes import HW, plane_camera, plane_depth, plane_picture
from warpdata.config import FilterOptions, SizeOptions
from warpdata.geometry.types import GIVEN_CONFIDENCE, ContentBox, FrameGeometry
from warpdata.triplets.inputs import PairInputs, prepare_pair


def plane_frame(index: int, depth_hw: tuple[int, int] = HW) -> FrameGeometry:
    """Geometry of one view of the plane, at a resolution of its own."""
    camera = plane_camera(index).resized(depth_hw)
    return FrameGeometry(
        name=f"view{index}",
        depth=plane_depth(camera).float(),
        confidence=torch.full(depth_hw, GIVEN_CONFIDENCE),
        camera=camera,
        image_hw=HW,
        content_box=ContentBox(left=0.0, top=0.0, right=float(HW[1]), bottom=float(HW[0])),
    )


def picture_loader(picture: np.ndarray):
    def load(fit):
        return torch.from_numpy(np.array(fit.apply(Image.fromarray(picture)))).permute(2, 0, 1).contiguous()

    return load


def plane_pair(
    reference=0, target=1, output_hw=HW, depth_hw=HW, filters=None, picture=None, frame=None, **size
) -> PairInputs:
    """The reference's geometry is `frame`, or the exact one of the plane at `depth_hw`."""
    pictures = [plane_picture(plane_camera(index)) if picture is None else picture for index in (reference, target)]
    return prepare_pair(
        f"plane/view{target}",
        plane_frame(reference, depth_hw) if frame is None else frame,
        plane_frame(target, depth_hw),
        *map(picture_loader, pictures),
        output_hw=output_hw,
        size=SizeOptions(**size),
        filters=filters or FilterOptions(),
    )
