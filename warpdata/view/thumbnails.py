"""Small copies of pictures."""

from __future__ import annotations

import cv2
import numpy as np
from jaxtyping import UInt8
from torch import Tensor

THUMBNAIL_QUALITY = 85
"""Of their JPEGs."""


def thumbnail(image: UInt8[Tensor, "3 H W"], longest_px: int) -> bytes:
    """A JPEG of a picture whose longest side is at most so many pixels, each the mean of those it stands for."""
    height, width = image.shape[-2:]
    scale = min(1.0, longest_px / max(height, width))
    wh = max(1, round(width * scale)), max(1, round(height * scale))
    rows = np.ascontiguousarray(image.permute(1, 2, 0).numpy()[:, :, ::-1])
    small = cv2.resize(rows, wh, interpolation=cv2.INTER_AREA) if scale < 1 else rows
    _, data = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, THUMBNAIL_QUALITY])
    return data.tobytes()
