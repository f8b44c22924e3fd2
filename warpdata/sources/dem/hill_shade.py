"""Hill shading: how much light ground takes from the north-west."""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Float64

from warpdata.sources.dem.terrain import Grid

LIGHT = np.array([-0.5, 0.5, math.sqrt(0.5)])
"""Towards the light, east, north and up: from the north-west, 45 degrees high, as cartographers have it."""


def hill_shade(heights: Float64[np.ndarray, "h w"], grid: Grid) -> Float64[np.ndarray, "h w"]:
    """Cosine of the angle between the ground's normal and `LIGHT`, 0 where it is turned away.

    Args:
        heights: metres; pixels without data (NaN) lie at the mean height for this.
    """
    slope_south, slope_east = np.gradient(np.where(np.isfinite(heights), heights, np.nanmean(heights)))
    normal = np.stack([-slope_east / grid.pitch_xy[0], slope_south / grid.pitch_xy[1], np.ones_like(slope_east)])
    return np.clip(np.tensordot(LIGHT, normal / np.linalg.norm(normal, axis=0), 1), 0, 1)
