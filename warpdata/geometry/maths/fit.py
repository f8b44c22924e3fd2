"""A view's depth on the pixels of its output: the same rectangle of the picture, the same size, nothing invented."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from warpdata.geometry.maths.resample import SamplingGrid, resample_depth
from warpdata.geometry.types import FrameGeometry
from warpdata.sources.fit import Fit


def fit_depth(frame: FrameGeometry, fit: Fit) -> tuple[Float[Tensor, "H W"], Float[Tensor, "H W"]]:
    """Depth and confidence at `fit.output_hw`, over exactly what a picture fitted by `fit` shows.

    Depth is 0 and confidence 1 where the depth map does not reach and on the borders of a padded picture, whatever
    the map holds there. Their camera is `fit.map_camera(frame.image_camera)`.

    Raises:
        ValueError: the fit is for pictures of another size.
    """
    if fit.source_hw != frame.image_hw:
        raise ValueError(f"the fit is for pictures of size {fit.source_hw}, view {frame.name} has {frame.image_hw}")
    depth, confidence = resample_depth(frame.depth, frame.confidence, depth_grid(frame, fit))
    left, top, right, bottom = fit.place
    content = torch.zeros(fit.output_hw, dtype=torch.bool)
    content[top:bottom, left:right] = True
    return depth.where(content, 0), confidence.where(content, 1)


def depth_grid(frame: FrameGeometry, fit: Fit) -> SamplingGrid:
    """Where the output's pixels lie in the frame's depth map.

    Both are rectangles of the original picture. Products come before the one division, so that for a map of the whole
    picture and an output that shows all of it the scale is that of `SamplingGrid.spanning`, bit for bit.
    """
    box, (left, top, right, bottom) = frame.content_box, fit.span
    (height, width), (out_height, out_width) = frame.depth.shape, fit.output_hw
    box_width, box_height = box.right - box.left, box.bottom - box.top
    return SamplingGrid(
        hw=fit.output_hw,
        scale_xy=(
            ((right - left) * width) / (out_width * box_width),
            ((bottom - top) * height) / (out_height * box_height),
        ),
        offset_xy=((left - box.left) * width / box_width, (top - box.top) * height / box_height),
    )


def point_size(output_hw: tuple[int, int], depth_hw: tuple[int, int], upsample_depth: bool) -> tuple[int, int]:
    """Height and width at which points are made: one point a pixel.

    The output size where depth is to be enlarged to it or is at least as fine; else the largest size of the output's
    shape that is nowhere finer than the depth map.
    """
    scale = min(depth_hw[0] / output_hw[0], depth_hw[1] / output_hw[1])
    if upsample_depth or scale >= 1:
        return output_hw
    return max(1, round(output_hw[0] * scale)), max(1, round(output_hw[1] * scale))
