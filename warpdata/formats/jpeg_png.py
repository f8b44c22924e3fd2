"""Pictures and depth as this program writes them, in memory: JPEG, PNG, and 16-bit PNG for depth."""

from __future__ import annotations

from typing import Literal

import cv2
import numpy as np
from jaxtyping import Float, UInt8
from torch import Tensor

JPEG_QUALITY = 95
PNG_LEVEL = 1

_PARAMETERS = {
    "jpg": [
        *(cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY),
        *(cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444),
    ],
    "png": [cv2.IMWRITE_PNG_COMPRESSION, PNG_LEVEL],
}


def encode_picture(image: UInt8[Tensor, "c h w"], kind: Literal["jpg", "png"]) -> bytes:
    """Compress RGB (c = 3) or one channel (c = 1); the same picture gives the same bytes.

    JPEG has quality 95 and full colour resolution (4:4:4).

    Raises:
        ValueError: it cannot be compressed, for example because it is too large for the format.
    """
    planes = image.numpy()
    rows = planes[0] if len(planes) == 1 else cv2.merge([planes[2], planes[1], planes[0]])
    done, data = cv2.imencode(f".{kind}", np.ascontiguousarray(rows), _PARAMETERS[kind])
    if not done:
        raise ValueError(f"cannot compress a picture of shape {tuple(image.shape)} as {kind}")
    return data.tobytes()


def encode_depth(depth: Float[Tensor, "h w"], unit: float) -> bytes | None:
    """Depth as a 16-bit PNG of multiples of `unit`, 0 where there is none; None where it does not fit into 16 bits."""
    stored = np.rint(depth.numpy() / unit)
    if stored.max() > np.iinfo(np.uint16).max:
        return None
    _, data = cv2.imencode(".png", stored.astype(np.uint16), _PARAMETERS["png"])
    return data.tobytes()
