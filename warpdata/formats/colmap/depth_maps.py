"""Dense depth maps of COLMAP, `stereo/depth_maps/*.bin`: `width&height&channels&`, then float32 row by row."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Float32

MAX_DEPTH_PIXELS = 400_000_000


def encode_depth_map(depth: Float[np.ndarray, "h w"]) -> bytes:
    """A dense depth map: planar z in the scene's unit, 0 where there is none."""
    height, width = depth.shape
    return f"{width}&{height}&1&".encode() + depth.astype("<f4").tobytes()


def decode_depth_map(data: bytes) -> Float32[np.ndarray, "h w"]:
    """A dense depth map.

    Raises:
        ValueError: it is none, or it is cut short.
    """
    *words, rest = data.split(b"&", 3)
    if len(words) != 3 or not all(word.isdigit() and len(word) < 10 for word in words):
        raise ValueError("no depth map of COLMAP: expected width&height&channels& at its beginning")
    width, height, channels = map(int, words)
    if channels != 1 or not 0 < width * height <= MAX_DEPTH_PIXELS or len(rest) != 4 * width * height:
        raise ValueError(f"a depth map of {width}x{height}x{channels} does not have {len(rest):,} bytes")
    return np.frombuffer(rest, "<f4").reshape(height, width).astype(np.float32)
