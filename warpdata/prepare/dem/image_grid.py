"""The grid on which an image is asked for, its blocks, and whether an answer lies on it."""

from __future__ import annotations

import html
import math
import re
import threading
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Bool, Float32, Shaped

from warpdata.formats.geotiff import decode_bands, open_raster, place_of, window_of
from warpdata.prepare.dem.attempts import RequestError

if TYPE_CHECKING:
    from affine import Affine
    from rasterio.crs import CRS

MAX_REQUEST_BYTES = 48 * 2**20
"""Earth Engine's limit on the pixels of a request, uncompressed."""

MAX_REQUEST_SIDE = 32_768
"""Its limit on either side."""

SMALLEST_BLOCK = 128
"""Blocks are not halved below this side."""

BYTES_OF_PIXEL = 3 * 4

_ON_GRID_PX = 0.01
RASTERIO = threading.Lock()
"""To hold while rasters are read or written by several threads: it changes the filters of warnings, which are those of
all threads."""


@dataclass(frozen=True, kw_only=True)
class ImageGrid:
    """Pixels with their place on the ground.

    Attributes:
        transform: takes (column, row) from the corner of the first pixel to coordinates of `crs`.
        crs: coordinate reference system.
        wh: width and height.
    """

    transform: Affine
    crs: CRS
    wh: tuple[int, int]

    @classmethod
    def of_tile(cls, path: Path, *, finer: int = 1) -> ImageGrid:
        """The grid of a raster, or one `finer` times as fine with the same outline.

        Raises:
            ValueError: the file cannot be read, or has no CRS.
        """
        with RASTERIO, open_raster(path) as dataset:
            if dataset.crs is None:
                raise ValueError(f"{path} has no CRS, so that nobody knows where it lies; give its raster one")
            transform = window_of(dataset.transform, 0, 0, finer=finer)
            return cls(transform=transform, crs=dataset.crs, wh=(dataset.width * finer, dataset.height * finer))

    def part(self, block: Block) -> ImageGrid:
        """The grid of a block."""
        return ImageGrid(
            transform=window_of(self.transform, block.column, block.row), crs=self.crs, wh=(block.width, block.height)
        )

    def as_request(self) -> dict[str, Any]:
        """As Earth Engine takes it (`PixelGrid` of its REST interface)."""
        a, b, c, d, e, f = self.transform[:6]
        code = self.crs.to_epsg()
        return {
            "dimensions": {"width": self.wh[0], "height": self.wh[1]},
            "affineTransform": dict(scaleX=a, shearX=b, translateX=c, shearY=d, scaleY=e, translateY=f),
            **({"crsCode": f"EPSG:{code}"} if code is not None else {"crsWkt": self.crs.to_wkt()}),
        }

    def outline_degrees(self) -> tuple[float, float, float, float]:
        """West, south, east, north of the smallest box of longitude and latitude around it."""
        with RASTERIO, warnings.catch_warnings():
            warnings.simplefilter("ignore", PendingDeprecationWarning)  # rasterio's own, of affine 3
            from rasterio.warp import transform_bounds

            corners = [place_of(self.transform, x, y) for x in (0, self.wh[0]) for y in (0, self.wh[1])]
            (left, right), (bottom, top) = ((min(values), max(values)) for values in zip(*corners, strict=True))
            west, south, east, north = transform_bounds(self.crs, "EPSG:4326", left, bottom, right, top)
        return west, south, east if east >= west else east + 360, north

    def holds(self, transform: Affine, crs: CRS | None) -> bool:
        """Whether another grid of as many pixels lies on this one, to a hundredth of a pixel at every corner."""
        if crs is None or not (crs == self.crs or crs.to_dict() == self.crs.to_dict()):
            return False
        pixel = min(math.hypot(self.transform.a, self.transform.d), math.hypot(self.transform.b, self.transform.e))
        corners = [(x, y) for x in (0, self.wh[0]) for y in (0, self.wh[1])]
        gaps = [math.dist(place_of(self.transform, *corner), place_of(transform, *corner)) for corner in corners]
        return max(gaps) <= _ON_GRID_PX * pixel


@dataclass(frozen=True, kw_only=True)
class Block:
    """Part of a grid."""

    column: int
    row: int
    width: int
    height: int

    def split(self, side: int) -> list[Block]:
        """Blocks of at most this side that cover it, row by row."""
        return [
            Block(
                column=self.column + x,
                row=self.row + y,
                width=min(side, self.width - x),
                height=min(side, self.height - y),
            )
            for y in range(0, self.height, side)
            for x in range(0, self.width, side)
        ]


@dataclass(frozen=True, kw_only=True)
class Image:
    """An image on the grid it was asked for on.

    Attributes:
        values: red, green and blue reflectance.
        valid: where all three hold data.
        sent: bytes as they came, None where it is put together of blocks.
    """

    values: Float32[np.ndarray, "3 h w"]
    valid: Bool[np.ndarray, "h w"]
    sent: bytes | None


def largest_side() -> int:
    """Side of the largest square that one request may ask for."""
    return min(math.isqrt(MAX_REQUEST_BYTES // BYTES_OF_PIXEL), MAX_REQUEST_SIDE)


def num_requests(wh: tuple[int, int]) -> int:
    """How many requests an image takes if none is refused as too large."""
    return len(_first_blocks(wh))


def _first_blocks(wh: tuple[int, int]) -> list[Block]:
    whole = Block(column=0, row=0, width=wh[0], height=wh[1])
    if wh[0] * wh[1] * BYTES_OF_PIXEL <= MAX_REQUEST_BYTES and max(wh) <= MAX_REQUEST_SIDE:
        return [whole]
    return whole.split(largest_side())


def fetch(grid: ImageGrid, ask: Callable[[ImageGrid], Image]) -> Image:
    """An image by as few requests as the service allows: blocks that it calls too large are halved.

    Args:
        ask: gives the image of a part; raises `RequestError`.

    Raises:
        RequestError: a block fails, or one of `SMALLEST_BLOCK` is too large still.
    """
    width, height = grid.wh
    blocks = _first_blocks(grid.wh)
    values, valid = np.empty((3, height, width), np.float32), np.empty((height, width), bool)
    while blocks:
        block = blocks.pop(0)
        try:
            image = ask(grid.part(block))
        except RequestError as error:
            side = max(block.width, block.height)
            if error.remedy != "smaller":
                raise
            if side <= SMALLEST_BLOCK:
                raise RequestError(f"{error.reason} (even for {side} x {side} pixels)", remedy="none") from error
            side = max(SMALLEST_BLOCK, -(-side // 2))
            blocks = [part for whole in (block, *blocks) for part in whole.split(side)]
            continue
        if (block.width, block.height) == grid.wh:
            return image
        rows, columns = slice(block.row, block.row + block.height), slice(block.column, block.column + block.width)
        values[:, rows, columns], valid[rows, columns] = image.values, image.valid
    return Image(values=values, valid=valid, sent=None)


def read_answer(data: bytes, grid: ImageGrid) -> Image:
    """What the service sent, if it is a GeoTIFF of three bands that lies on the grid.

    Pixels are without data where the file says so, or a band is not finite, or all three are 0: so the service sends
    what is masked everywhere.

    Raises:
        RequestError: it is not.
    """
    if data[:4] not in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        raise RequestError(f"the answer is not a TIFF{_opening(data)}", remedy="again")
    width, height = grid.wh
    try:
        with RASTERIO:
            bands = decode_bands(data, max_values=MAX_REQUEST_BYTES)
    except ValueError as error:
        raise RequestError(f"the answer is damaged: {error}", remedy="again") from error
    count, *hw = bands.values.shape
    if count != 3:
        raise RequestError(f"the answer has {count} bands, not red, green and blue", remedy="none")
    if hw != [height, width]:
        raise RequestError(
            f"the answer is {hw[1]} x {hw[0]} pixels, and {width} x {height} were asked for", remedy="none"
        )
    if not grid.holds(bands.transform, bands.crs):
        raise RequestError(
            f"the answer lies elsewhere: its transform {_numbers(bands.transform)} in {bands.crs}, asked for "
            f"{_numbers(grid.transform)} in {grid.crs}",
            remedy="none",
        )
    valid = bands.valid & (bands.values != 0).any(axis=0)
    return Image(values=bands.values.astype(np.float32), valid=valid, sent=data)


def check_content(values: Shaped[np.ndarray, "3 h w"], valid: Bool[np.ndarray, "h w"], *, max_masked: float) -> None:
    """Raises RequestError where an image is without data in too many pixels, or shows nothing."""
    masked = 1 - float(valid.mean())
    if not valid.any():
        raise RequestError("the image holds no data: no clear pixel in all that time", remedy="none")
    if masked > max_masked:
        raise RequestError(
            f"{100 * masked:.1f} % of the image is without data, more than `max_masked` allows ({max_masked:g})",
            remedy="none",
        )
    seen = values[:, valid]
    if not (seen.max(axis=1) > seen.min(axis=1)).any():
        raise RequestError("the image is constant", remedy="none")


def _opening(data: bytes) -> str:
    """The beginning of an answer that is text, for a message."""
    text = html.unescape(re.sub(r"<[^>]*>", " ", data[:2000].decode("utf-8", errors="replace")))
    words = " ".join(text.split())
    if not data:
        return ": it is empty"
    return f": it says {words[:80]!r}" if words and words.isprintable() else ""


def _numbers(transform: Affine) -> str:
    return " ".join(f"{value:.9g}" for value in transform[:6])
