"""From a tile's files to its surface in the local frame, see `terrain`.

A projected tile keeps its own grid: its CRS gives the metres. A tile in degrees is brought into an azimuthal
equidistant projection about its centre, heights by cubic interpolation on square pixels of its finer side.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Bool, Float64, UInt8
from PIL import Image

from warpdata.formats.geotiff import (
    MAX_TILE_PIXELS,
    Bands,
    Tile,
    encode_geotiff,
    pixel_size_m,
    place_of,
    read_bands,
    read_tile,
)
from warpdata.formats.reflectance import reflectance_255
from warpdata.sources.dem.hill_shade import hill_shade
from warpdata.sources.dem.options import GroundOptions
from warpdata.sources.dem.terrain import Grid, Terrain

if TYPE_CHECKING:
    from affine import Affine
    from rasterio.crs import CRS

EARTH_RADIUS_M = 6_371_000.0

_OUTLINE_POINTS = 33
"""Points along each side of a tile by which its extent in the local frame is found."""


@dataclass(frozen=True, kw_only=True)
class Frame:
    """The local frame of a tile.

    Attributes:
        crs: whose metres it counts; None where the file has none, and its units are taken for metres.
        origin_xy: coordinates of the tile's centre in `crs`.
        metres: of a unit of `crs`.
        place: the origin in words.
    """

    crs: CRS | None
    origin_xy: tuple[float, float]
    metres: float
    place: str


@dataclass(frozen=True, kw_only=True, eq=False)
class Ground:
    """A tile as a surface.

    Attributes:
        terrain: the surface.
        frame: where it lies.
        has_image: whether its colours are those of an image; else it is shaded by slope.
    """

    terrain: Terrain
    frame: Frame
    has_image: bool


def load_ground(heights: Path, image: Path | None, options: GroundOptions | None = None) -> Ground:
    """A tile's surface from its files.

    Args:
        heights: a raster of one band, in metres or another length.
        image: reflectance in red, green and blue, or an 8-bit picture (a `.png` has the place of the heights). None
            shades the ground by its slope.

    Raises:
        ValueError: a file cannot be read, is too large, or holds no height.
        ImportError: rasterio is not installed.
    """
    options = options or GroundOptions()
    tile = read_tile(heights)
    if min(tile.heights.shape) < 2 or not np.isfinite(tile.heights).any():
        raise ValueError(f"{heights} holds no surface; it needs heights in 2 x 2 pixels at least")
    frame = _frame(tile)
    values, grid = _heights_in(frame, tile)
    values = values * options.exaggeration
    if options.earth_curvature:
        x = grid.first_xy[0] + grid.pitch_xy[0] * np.arange(values.shape[1])
        y = grid.first_xy[1] - grid.pitch_xy[1] * np.arange(values.shape[0])
        values = values - (x[None, :] ** 2 + y[:, None] ** 2) / (2 * EARTH_RADIUS_M)
    if image is None:
        texture, texture_grid = _shaded(values, grid), grid
        textured = np.isfinite(values)
    else:
        texture, textured, texture_grid = _image_in(frame, image, tile)
    terrain = Terrain(heights=values, grid=grid, texture=texture, textured=textured, texture_grid=texture_grid)
    return Ground(terrain=terrain, frame=frame, has_image=image is not None)


def _frame(tile: Tile) -> Frame:
    height, width = tile.heights.shape
    centre = place_of(tile.transform, width / 2, height / 2)
    if tile.crs is None or tile.crs.is_projected:
        metres = 1.0 if tile.crs is None else float(tile.crs.linear_units_factor[1])
        of = "its own units" if tile.crs is None else tile.crs.to_string()[:40]
        place = f"{centre[0]:.2f}, {centre[1]:.2f} of {of}"
        return Frame(crs=tile.crs, origin_xy=centre, metres=metres, place=place)
    from rasterio.crs import CRS

    (longitude,), (latitude,) = _moved(tile.crs, CRS.from_epsg(4326), [centre[0]], [centre[1]])
    local = CRS.from_proj4(f"+proj=aeqd +lat_0={latitude!r} +lon_0={longitude!r} +datum=WGS84 +units=m")
    place = f"{abs(latitude):.6f}° {'NS'[latitude < 0]}, {abs(longitude):.6f}° {'EW'[longitude < 0]}"
    return Frame(crs=local, origin_xy=(0.0, 0.0), metres=1.0, place=place)


def _moved(from_crs: CRS, to_crs: CRS, x: list[float], y: list[float]) -> tuple[list[float], list[float]]:
    with _quiet():
        from rasterio.warp import transform

        found = transform(from_crs, to_crs, x, y)
    return found[0], found[1]


@contextmanager
def _quiet() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PendingDeprecationWarning)  # rasterio's own, of affine 3
        yield


def _is_upright(transform: Affine) -> bool:
    return transform.b == 0 and transform.d == 0 and transform.a > 0 and transform.e < 0


def _grid(frame: Frame, transform: Affine) -> Grid:
    """Pixel centres of an upright raster in the frame's CRS."""
    x, y = place_of(transform, 0.5, 0.5)
    return Grid(
        first_xy=((x - frame.origin_xy[0]) * frame.metres, (y - frame.origin_xy[1]) * frame.metres),
        pitch_xy=(transform.a * frame.metres, -transform.e * frame.metres),
    )


def _heights_in(frame: Frame, tile: Tile) -> tuple[Float64[np.ndarray, "h w"], Grid]:
    values = tile.heights.astype(np.float32)
    if frame.crs == tile.crs and _is_upright(tile.transform):
        return values.astype(np.float64), _grid(frame, tile.transform)
    warped, transform = _warped(frame, values[None], tile.transform, tile.crs, np.nan)
    return warped[0].astype(np.float64), _grid(frame, transform)


def _image_in(frame: Frame, path: Path, tile: Tile) -> tuple[UInt8[np.ndarray, "h w 3"], Bool[np.ndarray, "h w"], Grid]:
    bands = _picture(path, tile) if path.suffix.lower() == ".png" else read_bands(path)
    if len(bands.values) < 3:
        raise ValueError(f"{path} has {len(bands.values)} bands; an image has red, green and blue")
    colours, valid = _bytes(bands), bands.valid
    if bands.crs == tile.crs and frame.crs == tile.crs and _is_upright(bands.transform):
        return colours.transpose(1, 2, 0), valid, _grid(frame, bands.transform)
    crs = bands.crs if bands.crs is not None else tile.crs
    stacked = np.concatenate([colours, 255 * valid[None].astype(np.uint8)]).astype(np.float32)
    stacked[:3, ~valid] = np.nan
    warped, transform = _warped(frame, stacked, bands.transform, crs, np.nan)
    seen = np.isfinite(warped[:3]).all(axis=0)
    whole = np.rint(np.clip(np.where(seen, warped[:3], 0), 0, 255)).astype(np.uint8)
    return whole.transpose(1, 2, 0), seen, _grid(frame, transform)


def _picture(path: Path, tile: Tile) -> Bands:
    """A picture without a place, which covers what the heights do."""
    with Image.open(path) as image:
        if image.width * image.height > MAX_TILE_PIXELS:
            raise ValueError(f"{path} is {image.width}x{image.height} pixels, more than {MAX_TILE_PIXELS:,}")
        values = np.asarray(image.convert("RGBA"))
    height, width = tile.heights.shape
    a, b, c, d, e, f = tile.transform[:6]
    across, down = width / values.shape[1], height / values.shape[0]
    transform = type(tile.transform)(a * across, b * down, c, d * across, e * down, f)
    return Bands(values=values[..., :3].transpose(2, 0, 1), valid=values[..., 3] > 0, transform=transform, crs=tile.crs)


def _bytes(bands: Bands) -> UInt8[np.ndarray, "3 h w"]:
    """8 bits as they are; numbers as reflectances, which whole ones give in ten thousandths."""
    values = bands.values[:3]
    if values.dtype == np.uint8:
        return values
    scale = 1e-4 if values.dtype.kind in "iu" else 1.0
    return np.where(bands.valid, np.rint(reflectance_255(np.where(bands.valid, values, 0) * scale)), 0).astype(np.uint8)


def _warped(
    frame: Frame, values: np.ndarray, transform: Affine, crs: CRS | None, nodata: float
) -> tuple[np.ndarray, Affine]:
    """A raster of floats on an upright grid of the frame, cubic, with square pixels of its finer side."""
    if crs is None:
        raise ValueError("a raster that is turned or mirrored has no CRS; give it one")
    from affine import Affine as AffineTransform
    from rasterio.enums import Resampling
    from rasterio.io import MemoryFile
    from rasterio.vrt import WarpedVRT

    count, height, width = values.shape
    pitch = min(pixel_size_m(transform, crs, (height, width))) / frame.metres
    left, bottom, right, top = _extent(frame, transform, crs, (height, width))
    columns, rows = max(2, round((right - left) / pitch)), max(2, round((top - bottom) / pitch))
    if columns * rows * count > 4 * MAX_TILE_PIXELS:
        raise ValueError(f"on the ground it takes {columns:,} x {rows:,} pixels, too many; cut it into smaller tiles")
    # The tile's centre stays where it is, whatever the whole number of pixels is.
    grid = AffineTransform(pitch, 0, (left + right - columns * pitch) / 2, 0, -pitch, (top + bottom + rows * pitch) / 2)
    encoded = encode_geotiff(values.astype(np.float32), transform=transform, crs=crs, nodata=nodata)
    options: dict[str, Any] = dict(crs=frame.crs, transform=grid, width=columns, height=rows, tolerance=1e-6)
    with _quiet(), MemoryFile(encoded) as memory, memory.open() as dataset:
        with WarpedVRT(dataset, resampling=Resampling.cubic, src_nodata=nodata, nodata=nodata, **options) as warped:
            return warped.read(), grid


def _extent(frame: Frame, transform: Affine, crs: CRS, hw: tuple[int, int]) -> tuple[float, float, float, float]:
    """Left, bottom, right, top of a raster's outline in the frame's CRS."""
    height, width = hw
    along = np.linspace(0, 1, _OUTLINE_POINTS)
    sides = [(0 * along, along), (0 * along + 1, along), (along, 0 * along), (along, 0 * along + 1)]
    x, y = (np.concatenate(part) for part in zip(*sides, strict=True))
    places = [place_of(transform, column * width, row * height) for column, row in zip(x, y, strict=True)]
    xs, ys = _moved(crs, frame.crs, [float(place[0]) for place in places], [float(place[1]) for place in places])
    return min(xs), min(ys), max(xs), max(ys)


def _shaded(heights: Float64[np.ndarray, "h w"], grid: Grid) -> UInt8[np.ndarray, "h w 3"]:
    shade = np.maximum(hill_shade(heights, grid), 0.05)
    return np.repeat(np.rint(255 * shade).astype(np.uint8)[..., None], 3, axis=2)
