"""Captions of tiles from facts alone: where a tile is, how large, how high, how much of it is land."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np

from warpdata.formats.geotiff import Tile, place_of, read_tile


def caption(path: Path) -> str:
    """One sentence about a tile of heights.

    Raises:
        ValueError: the file cannot be read, or holds no height.
    """
    tile = read_tile(path)
    heights = tile.heights[np.isfinite(tile.heights)]
    if not heights.size:
        raise ValueError(f"{path} holds no height")
    height, width = tile.heights.shape
    across, down = (side * size / 1000 for side, size in zip((width, height), tile.pixel_size_m, strict=True))
    lowest, highest = float(heights.min()), float(heights.max())
    where = f" at {_degrees(tile)}" if tile.crs is not None else ""
    return (
        f"Satellite image of {across:.1f} by {down:.1f} km{where}; elevation {lowest:.0f} to {highest:.0f} m, "
        f"{float(heights.mean()):.0f} m on average, relief {highest - lowest:.0f} m; "
        f"{100 * float((heights > 0).mean()):.0f} % above sea level."
    )


def _degrees(tile: Tile) -> str:
    """Latitude and longitude of a tile's centre."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PendingDeprecationWarning)  # rasterio's own, of affine 3
        from rasterio.warp import transform

    height, width = tile.heights.shape
    x, y = place_of(tile.transform, width / 2, height / 2)
    (longitude,), (latitude,) = transform(tile.crs, "EPSG:4326", [x], [y])
    return f"{abs(latitude):.3f}° {'NS'[latitude < 0]}, {abs(longitude):.3f}° {'EW'[longitude < 0]}"
