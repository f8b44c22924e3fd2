"""Pixels beside silhouettes, whose depth cannot be trusted: a network's or stereo's is blurred there, and makes points
that hang in the air between two surfaces."""

from __future__ import annotations

import cv2
import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

WINDOW = 5
"""Side of the window around a pixel."""

_SQUARE, _LINE = np.ones((WINDOW, WINDOW), np.uint8), np.ones(WINDOW)
_OUTSIDE_IS_0 = cv2.BORDER_CONSTANT


def beside_silhouettes(depth: Float[Tensor, "h w"], threshold: float) -> Bool[Tensor, "h w"]:
    """Where depth in the window around a pixel ranges over more than a share of its mean.

    Args:
        depth: float32 z-depth on the CPU; pixels without depth, and outside of the map, are not part of any window.
        threshold: the share.
    """
    values = depth.numpy()
    valid = (values > 0) & (values < np.inf)
    known = np.where(valid, values, np.float32(0))
    nearest = cv2.erode(np.where(valid, values, np.float32(np.inf)), _SQUARE)
    farthest = cv2.dilate(known, _SQUARE)
    # Summed in double precision, so that no processor's order of additions decides about a pixel.
    total = cv2.sepFilter2D(known, cv2.CV_64F, _LINE, _LINE, borderType=_OUTSIDE_IS_0).astype(np.float32)
    count = cv2.boxFilter(valid.view(np.uint8), -1, (WINDOW, WINDOW), normalize=False, borderType=_OUTSIDE_IS_0)
    with np.errstate(invalid="ignore"):  # where a window has no depth at all
        ranges_widely = (farthest - nearest) * count > np.float32(threshold) * total
    return torch.from_numpy(valid & ranges_widely)
