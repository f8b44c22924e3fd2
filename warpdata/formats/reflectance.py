"""Reflectance as 8 bits: one curve for all images, so that neighbours match."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Shaped

WHITE_REFLECTANCE = 0.3
"""What is shown as white: land is darker, clouds and snow are brighter."""


def reflectance_255(values: Shaped[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape"]:
    """0 to `WHITE_REFLECTANCE` through the transfer function of sRGB (IEC 61966-2-1), to 0 to 255; not rounded."""
    linear = np.clip(values.astype(np.float64) / WHITE_REFLECTANCE, 0, 1)
    return 255 * np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * np.power(linear, 1 / 2.4) - 0.055)
