"""Makes the sample area `valley`: terrain that never was, worn by rivers, seen from above on a grid of arc seconds.

    python examples/dem/make_area.py [FOLDER]

writes `DataDEM-valley/valley.tif` (heights), and `DEM-valley/` and `Image/tif-valley/` (tiles with images) as the
stages of `warpdata prepare dem` would. It needs warpdata with its extra `geo`, and makes the same numbers every time.
"""

from __future__ import annotations

import sys
import tempfile
from functools import lru_cache
from pathlib import Path

import cv2
import numba
import numpy as np
from affine import Affine
from rasterio.crs import CRS

from warpdata.formats.geotiff import read_tile, window_of, write_geotiff
from warpdata.prepare.dem.area import Area, numbered
from warpdata.prepare.dem.tiling import TileOptions, cut_area

NAME = "valley"
HW = (520, 560)
TRANSFORM = Affine(1 / 3600, 0, 11.2, 0, -1 / 3600, 47.3)
CELL_M = 26.0  # between the two sides of an arc second at this latitude
TILE = (256, 256)
IMAGE_SCALE = 2
NODATA = -9999.0
BORDER = 24
LEVELS = 128  # of reflectance; a power of two, so that the mantissas end in zeros and the files stay small
SUN = np.array([-0.5, 0.5, 0.7])  # from the north-west, as cartographers have it


def noise(hw: tuple[int, int], cell: float, seed: int) -> np.ndarray:
    """Smooth noise of about [-1, 1] with features of `cell` pixels."""
    grid = np.random.default_rng(seed).uniform(-1, 1, (int(hw[0] / cell) + 4, int(hw[1] / cell) + 4))
    wide = cv2.resize(grid, (round(grid.shape[1] * cell), round(grid.shape[0] * cell)), interpolation=cv2.INTER_CUBIC)
    start = round(1.5 * cell)
    return wide[start : start + hw[0], start : start + hw[1]]


@numba.njit(cache=False)
def drain(heights, order, receivers):
    """Cells drained through each cell; `order` from the highest to the lowest."""
    area = np.ones(heights.size)
    for cell in order:
        if receivers[cell] != cell:
            area[receivers[cell]] += area[cell]
    return area


@numba.njit(cache=False)
def steepest(heights, rows, columns):
    """The neighbour to which each cell drains, itself where none is lower, and its distance in cells."""
    receivers = np.arange(heights.size)
    lengths = np.ones(heights.size)
    for r in range(rows):
        for c in range(columns):
            best = 0.0
            for dr in range(-1, 2):
                for dc in range(-1, 2):
                    y, x = r + dr, c + dc
                    if (dr == 0 and dc == 0) or y < 0 or x < 0 or y >= rows or x >= columns:
                        continue
                    length = np.sqrt(dr * dr + dc * dc)
                    slope = (heights[r * columns + c] - heights[y * columns + x]) / length
                    if slope > best:
                        best = slope
                        receivers[r * columns + c] = y * columns + x
                        lengths[r * columns + c] = length
    return receivers, lengths


@numba.njit(cache=False)
def erode(heights, order, receivers, lengths, area, strength):
    """One implicit step of stream power erosion (Braun and Willett, 2013), from the outlets upwards."""
    for i in range(order.size - 1, -1, -1):
        cell, down = order[i], receivers[order[i]]
        if down != cell:
            k = strength * np.sqrt(area[cell]) / lengths[cell]
            heights[cell] = (heights[cell] + k * heights[down]) / (1 + k)


@lru_cache(maxsize=1)
def terrain() -> tuple[np.ndarray, np.ndarray]:
    """Heights in metres, and how many cells drain through each; made with a border that is cut off."""
    rows, columns = hw = (HW[0] + 2 * BORDER, HW[1] + 2 * BORDER)
    y, x = np.mgrid[:rows, :columns] / np.array([rows, columns])[:, None, None]
    heights = 1500 + 900 * (1 - y) + 350 * noise(hw, 130, 1) + 160 * noise(hw, 50, 2) + 70 * noise(hw, 19, 3)
    heights += (
        30 * noise(hw, 7, 4) + 15 * noise(hw, 3, 5) - 500 * np.exp(-(((x - 0.45 - 0.12 * np.sin(5 * y)) / 0.13) ** 2))
    )
    flat = heights.ravel().copy()
    for _ in range(90):
        receivers, lengths = steepest(flat, rows, columns)
        order = np.argsort(-flat, kind="stable")
        area = drain(flat, order, receivers)
        erode(flat, order, receivers, lengths, area, 0.012)
        grid = flat.reshape(hw)
        pits = (receivers == np.arange(flat.size)).reshape(hw)
        pits[[0, -1]] = pits[:, [0, -1]] = False
        around = cv2.blur(grid, (3, 3))
        grid += 0.03 * (around - grid) + 1.2  # creep of the slopes, and uplift
        grid[[0, -1]] -= 1.2
        grid[:, [0, -1]] -= 1.2
        flat = np.where(pits, around + 0.5, grid).ravel()
    receivers, _ = steepest(flat, rows, columns)
    area = drain(flat, np.argsort(-flat, kind="stable"), receivers)
    heights = flat.reshape(hw)
    heights = 620 + (heights - heights.min()) * (1750 / (heights.max() - heights.min()))
    inside = np.s_[BORDER:-BORDER, BORDER:-BORDER]
    return cv2.GaussianBlur(heights, (0, 0), 0.6)[inside].copy(), area.reshape(hw)[inside].copy()


def reflectance(scale: int = IMAGE_SCALE) -> np.ndarray:
    """[3, H, W] float32 red, green and blue as a satellite measures them, on the heights' grid divided by `scale`."""
    heights, area = terrain()
    hw = (HW[0] * scale, HW[1] * scale)
    rows, columns = (np.mgrid[: hw[0], : hw[1]] + 0.5) / scale - 0.5
    fine = cv2.resize(heights, hw[::-1], interpolation=cv2.INTER_CUBIC)
    water = cv2.resize(np.log(cv2.GaussianBlur(area, (0, 0), 0.7)), hw[::-1], interpolation=cv2.INTER_LINEAR)
    d_row, d_column = np.gradient(fine, CELL_M / scale)
    slope = np.hypot(d_row, d_column)
    normal = np.stack([-d_column, d_row, np.ones(hw)]) / np.sqrt(1 + slope**2)
    light = np.clip(np.tensordot(SUN / np.linalg.norm(SUN), normal, 1), 0.15, None) / 0.72
    patchy = noise(hw, 9 * scale, 11) + 0.6 * noise(hw, 3 * scale, 12)

    def blend(below: np.ndarray, colour: tuple[float, float, float], amount: np.ndarray) -> np.ndarray:
        return below + np.clip(amount, 0, 1) * (np.array(colour)[:, None, None] - below)

    fields = np.random.default_rng(3).uniform(-1, 1, 4000)[
        (np.floor((rows + 0.4 * columns) / 13) * 57 + np.floor((columns - 0.3 * rows) / 9)).astype(int) % 4000
    ]
    ground = np.broadcast_to(np.array([0.060, 0.090, 0.042])[:, None, None], (3, *hw)).copy()
    ground += np.array([0.045, 0.020, 0.012])[:, None, None] * (fields * (fine < 1000) * (slope < 0.35))
    ground = blend(ground, (0.022, 0.040, 0.024), (patchy + 0.7 - abs(fine - 1250) / 450) * 2)  # forest
    ground = blend(ground, (0.150, 0.135, 0.115), (slope - 0.62 + 0.1 * patchy) * 4)  # rock
    ground = blend(ground, (0.135, 0.120, 0.100), (fine - 1750 + 120 * patchy) / 120)  # scree
    ground = blend(ground, (0.620, 0.630, 0.640), (fine - 2020 + 90 * patchy - 250 * (slope - 0.5)) / 70)  # snow
    ground = blend(ground, (0.200, 0.190, 0.165), (water - 6.0) * 1.3)  # gravel banks
    ground = blend(ground, (0.020, 0.048, 0.055), (water - 7.0) * 3)  # rivers
    ground *= light * (1 + 0.06 * noise(hw, 1.7 * scale, 13))
    return (np.rint(ground * LEVELS) / LEVELS).astype(np.float32)


def main(folder: Path) -> None:
    """Write the area below a folder."""
    heights, _ = terrain()
    stored = (np.rint(heights * 4) / 4).astype(np.float32)
    stored[-90:, -80:] = NODATA  # as where two flights did not meet
    area = Area(root=folder, name=NAME)
    write_geotiff(
        area.sources / "valley.tif", stored[None], transform=TRANSFORM, crs=CRS.from_epsg(4326), nodata=NODATA
    )
    with tempfile.TemporaryDirectory() as scratch:
        whole = Area(root=Path(scratch), name=NAME)
        whole.sources.mkdir(parents=True)
        (whole.sources / "valley.tif").write_bytes((area.sources / "valley.tif").read_bytes())
        cut_area(whole, TileOptions(tile=TILE))
        colours = reflectance()
        for number, path in numbered(whole.cut).items():
            (area.heights / path.name).parent.mkdir(parents=True, exist_ok=True)
            (area.heights / path.name).write_bytes(path.read_bytes())
            tile = read_tile(path)
            column = round((tile.transform.c - TRANSFORM.c) / TRANSFORM.a)
            row = round((tile.transform.f - TRANSFORM.f) / TRANSFORM.e)
            (height, width), k = tile.heights.shape, IMAGE_SCALE
            part = colours[:, row * k : (row + height) * k, column * k : (column + width) * k]
            finer = window_of(tile.transform, 0, 0, finer=k)
            write_geotiff(
                area.images / f"tile_{number}.tif",
                np.ascontiguousarray(part),
                transform=finer,
                crs=CRS.from_epsg(4326),
                valid=np.ones(part.shape[1:], bool),
            )


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "valley")
