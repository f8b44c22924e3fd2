"""The masks that views ship: where a picture is not to become points."""

from __future__ import annotations

from dataclasses import replace

import torch
from jaxtyping import Bool
from torch import Tensor

from warpdata.errors import ViewError
from warpdata.geometry.maths.sample import sample_picture
from warpdata.geometry.types import FrameGeometry
from warpdata.sources.orientation import check_turned, same_shape
from warpdata.sources.scene import View


def view_mask(view: View, image_hw: tuple[int, int]) -> Bool[Tensor, "h w"] | None:
    """A view's mask at its own resolution, true where there may be points; None where the view ships none.

    Args:
        image_hw: height and width of the view's upright picture.

    Raises:
        ViewError: it cannot be read, belongs to a picture of another shape, or leaves nothing.
    """
    if view.mask is None:
        return None
    mask = view.mask.load()
    height, width = mask.shape
    if not same_shape((height, width), image_hw):
        raise ViewError(
            f"mask {view.mask.label} is {width}x{height} pixels, another shape than its picture of "
            f"{image_hw[1]}x{image_hw[0]}; a mask must cover the whole upright picture"
        )
    check_turned(view, (height, width), "its mask")
    if not mask.any():
        raise ViewError(f"mask {view.mask.label} is 0 everywhere, so nothing of the picture is left; 0 means: not used")
    return mask


def masked(frame: FrameGeometry, view: View) -> FrameGeometry:
    """A frame without the depth that its view's mask excludes.

    Raises:
        ViewError: as for `view_mask`.
    """
    mask = view_mask(view, frame.image_hw)
    if mask is None:
        return frame
    picture = mask.float()[None, None]
    sampled = sample_picture(picture, frame.image_hw, frame.content_box, frame.camera.hw, mode="nearest")[0, 0]
    excluded = sampled <= 0
    return replace(
        frame,
        depth=torch.where(excluded, 0.0, frame.depth),
        confidence=torch.where(excluded, 1.0, frame.confidence),
    )
