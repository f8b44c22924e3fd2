"""From rasters of heights to numbered tiles: `tile_0.tif`, `tile_1.tif`, ... over all files of an area."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from jaxtyping import Bool, Float, Shaped

from warpdata.errors import SourceError
from warpdata.files.bounded_json import as_json_values, dump_json
from warpdata.files.digests import file_sha256
from warpdata.formats.elevation_products import assumed_nodata, companion_of, product_of
from warpdata.formats.geotiff import (
    MAX_TILE_PIXELS,
    SUFFIXES,
    check_installed,
    check_one_band,
    encode_geotiff,
    open_raster,
    place_of,
    read_heights,
    window_of,
)
from warpdata.prepare.dem.area import Area, Progress, StageReport, begin_stage, end_stage, no_progress, numbered
from warpdata.prepare.dem.area import is_complete as stage_is_complete

if TYPE_CHECKING:
    from rasterio.io import DatasetReader
    from rasterio.windows import Window

MAX_TILES = 1_000_000
"""More windows than this are refused."""

UNDECLARED_INT, UNDECLARED_FLOAT = -32768.0, -9999.0
"""No-data value that filled or masked tiles declare where their file declares none."""


@dataclass(frozen=True, kw_only=True)
class TileOptions:
    """How rasters of heights are cut."""

    tile: tuple[int, int] = (512, 512)
    """Width and height of a tile in pixels."""
    format: Literal["tif"] = "tif"
    """Format of the tiles: GeoTIFF."""
    keep_flat: bool = False
    """Keep tiles whose heights are all equal, such as the sea."""
    max_nodata: float = 0.0
    """Keep tiles with no data in up to this share of their pixels."""
    fill: bool = False
    """Fill the pixels that `max_nodata` allows from those around them, by inverse distance."""
    overwrite: bool = False
    """Cut again where tiles of other options or other rasters are."""

    def __post_init__(self) -> None:
        width, height = self.tile
        if min(width, height) < 1 or width * height > MAX_TILE_PIXELS:
            raise ValueError(f"`tile` is {width} {height}; both must be at least 1, {MAX_TILE_PIXELS:,} pixels at most")
        if not 0 <= self.max_nodata < 1:
            raise ValueError(f"`max_nodata` is {self.max_nodata}; it must be at least 0 and below 1")
        if self.fill and self.max_nodata == 0:
            raise ValueError("`fill` goes with `max_nodata`: say which share may be filled, as in `max_nodata=0.05`")


@dataclass(frozen=True, kw_only=True)
class CutTile:
    """A kept window: its bytes, and its line of `tiles.jsonl`."""

    data: bytes
    row: dict[str, Any]


def cut_area(area: Area, options: TileOptions, *, progress: Progress = no_progress) -> StageReport:
    """Cut all rasters of `DataDEM-<area>` into `preSplitDEM-<area>`, with `tiles.jsonl` beside the tiles, written last.

    Files go by name; within one, windows go down the columns, from left to right; those that stick out are dropped.
    Tiles that are there already with the same bytes are not touched, so that a killed run goes on.

    Raises:
        SourceError: there is nothing to cut.
        OutputError: tiles of other options are there.
    """
    check_installed()
    sources, report = _sources(area)
    recipe = as_json_values({key: value for key, value in asdict(options).items() if key != "overwrite"})
    recipe["sources"] = {path.name: file_sha256(path) for path in sources}
    starts_over = begin_stage(area, "tile", recipe, overwrite=options.overwrite)
    listing = area.cut / "tiles.jsonl"
    if starts_over:
        listing.unlink(missing_ok=True)
        for path in numbered(area.cut).values():
            path.unlink()
    elif stage_is_complete(area, "tile") and listing.is_file() and _all_there(area, listing, report):
        return report
    rows: list[dict[str, Any]] = []
    num_windows = _count_windows(sources, options, report)
    if num_windows > MAX_TILES:
        raise ValueError(f"`tile` makes {num_windows:,} windows, more than {MAX_TILES:,}; choose larger ones")
    done = 0
    for source in sources:
        if source.name in report.left_out:
            continue
        for tile in _cut_file(source, options, report, first_index=len(rows)):
            done += 1
            progress(done, num_windows)
            if tile is None:
                continue
            path = area.cut / f"tile_{tile.row['index']}.tif"
            if path.is_file() and file_sha256(path) == tile.row["sha256"]:
                report.kept += 1
            else:
                area.write(path, tile.data)
                report.made += 1
            rows.append(tile.row)
    area.write(listing, "".join(dump_json(row) + "\n" for row in rows))
    products = sorted({product.name for path in sources if (product := product_of(path.name))})
    licences = sorted({product.licence for path in sources if (product := product_of(path.name))})
    end_stage(area, "tile", {"tiles": len(rows), "products": products, "licences": licences})
    return report


def _sources(area: Area) -> tuple[list[Path], StageReport]:
    report = StageReport(where=area.cut)
    if not area.sources.is_dir():
        raise SourceError(f"{area.sources} does not exist; put the rasters of heights there, or look at `root`")
    sources = []
    for path in sorted(area.sources.iterdir()):
        if path.name.startswith(".") or not path.is_file():
            continue
        if path.suffix.lower() not in SUFFIXES:
            if path.suffix.lower() == ".zip":
                report.left_out[path.name] = "an archive; unpack it there"
        elif companion := companion_of(path.name):
            report.notes.append(f"{path.name} belongs to {companion.name} and holds no heights; passed over")
        else:
            sources.append(path)
    if not sources:
        names = ", ".join(SUFFIXES)
        raise SourceError(f"{area.sources} holds no raster of heights ({names}); put them there")
    return sources, report


def _all_there(area: Area, listing: Path, report: StageReport) -> bool:
    import json

    rows = [json.loads(line) for line in listing.read_text(encoding="utf-8").splitlines()]
    report.kept = len(rows)
    for row in rows:
        path = area.cut / f"tile_{row['index']}.tif"
        if not path.is_file() or file_sha256(path) != row["sha256"]:
            report.kept = 0
            return False
    return True


def _count_windows(sources: list[Path], options: TileOptions, report: StageReport) -> int:
    width, height = options.tile
    total = 0
    for path in sources:
        try:
            with open_raster(path) as dataset:
                check_one_band(dataset)
                windows = (dataset.width // width) * (dataset.height // height)
                size = (dataset.width, dataset.height)
                if dataset.crs is None:
                    report.notes.append(f"{path.name} has no CRS: its tiles have no place, and no image can be found")
        except ValueError as error:
            report.left_out[path.name] = str(error)
            continue
        if windows == 0:
            report.left_out[path.name] = (
                f"it is {size[0]} x {size[1]} pixels, smaller than a tile; use a smaller `tile`"
            )
        total += windows
    return total


def _cut_file(path: Path, options: TileOptions, report: StageReport, *, first_index: int) -> Iterator[CutTile | None]:
    """Every whole window of a file, None for one that is not kept; the reasons are counted in the report."""
    from rasterio.windows import Window

    width, height = options.tile
    index, dropped = first_index, {"flat": 0, "without data": 0}
    try:
        with open_raster(path) as dataset:
            if dataset.nodata is None and dataset.dtypes[0][0] != "u":
                values = " and ".join(f"{value:g}" for value in assumed_nodata(path.name))
                report.notes.append(f"{path.name} declares no value for no data; {values} are taken for it")
            for column in range(0, dataset.width - width + 1, width):
                for row in range(0, dataset.height - height + 1, height):
                    tile = _cut_window(dataset, path, Window(column, row, width, height), options, index)
                    if isinstance(tile, str):
                        dropped[tile] += 1
                        yield None
                    else:
                        index += 1
                        yield tile
    except ValueError as error:
        report.left_out[path.name] = f"given up after {index - first_index} tiles: {error}"
    for why, count in dropped.items():
        if count:
            way_out = "`keep_flat=True` keeps them" if why == "flat" else "`max_nodata` with `fill=True` allows some"
            report.notes.append(f"{path.name}: {count:,} windows {why} dropped; {way_out}")


def _cut_window(
    dataset: DatasetReader, path: Path, window: Window, options: TileOptions, index: int
) -> CutTile | Literal["flat", "without data"]:
    heights = read_heights(dataset, window)
    missing = np.isnan(heights)
    share = float(missing.mean())
    if share > options.max_nodata or share == 1:
        return "without data"
    lowest, highest = float(np.nanmin(heights)), float(np.nanmax(heights))
    if lowest == highest and not options.keep_flat:
        return "flat"
    stored = dataset.read(1, window=window)
    nodata = dataset.nodata
    if share > 0:
        stored, nodata = _settled(stored, missing, nodata, fill=options.fill)
    transform = window_of(dataset.transform, window.col_off, window.row_off)
    corners = [place_of(transform, x, y) for x in (0, window.width) for y in (0, window.height)]
    scaling = (dataset.scales[0], dataset.offsets[0], dataset.units[0])
    data = encode_geotiff(
        stored[None],
        transform=transform,
        crs=dataset.crs,
        nodata=nodata,
        scale_offset_unit=scaling if scaling[:2] != (1.0, 0.0) or scaling[2] else None,
    )
    row = {
        "index": index,
        "source": path.name,
        "window": [int(window.col_off), int(window.row_off), int(window.width), int(window.height)],
        "crs": dataset.crs.to_string() if dataset.crs is not None else None,
        "bounds": [float(choose(values)) for choose in (min, max) for values in zip(*corners, strict=True)],
        "min": lowest,
        "max": highest,
        "nodata_fraction": share,
        "sha256": hashlib.sha256(data).hexdigest(),
    }
    return CutTile(data=data, row=row)


def _settled(
    stored: Shaped[np.ndarray, "h w"], missing: Bool[np.ndarray, "h w"], nodata: float | None, *, fill: bool
) -> tuple[Shaped[np.ndarray, "h w"], float | None]:
    """A window with holes: filled, or with one declared value in all of them."""
    if fill:
        filled = fill_holes(np.where(missing, 0, stored).astype(np.float64), missing)
        return (filled if stored.dtype.kind == "f" else np.rint(filled)).astype(stored.dtype), nodata
    if nodata is None:
        nodata = UNDECLARED_FLOAT if stored.dtype.kind == "f" else UNDECLARED_INT
        if stored.dtype.kind == "u" or stored.dtype == np.int8:
            nodata = float(np.iinfo(stored.dtype).min if stored.dtype.kind == "i" else np.iinfo(stored.dtype).max)
    settled = stored.copy()
    settled[missing] = nodata
    return settled, nodata


def fill_holes(values: Float[np.ndarray, "h w"], missing: Bool[np.ndarray, "h w"]) -> Float[np.ndarray, "h w"]:
    """Values in holes from the nearest that are there in eight directions, weighted by inverse distance in pixels;
    nothing else is changed. Holes out of sight of every value are filled from filled ones."""
    filled, holes = values.astype(np.float64), missing.copy()
    if missing.all():
        raise ValueError("all values are missing; nothing to fill them from")
    while holes.any():
        total, weights = np.zeros_like(filled), np.zeros_like(filled)
        for step in ((0, 1), (0, -1), (1, 0), (-1, 0), (1, 1), (1, -1), (-1, 1), (-1, -1)):
            nearest, distance = _nearest_along(filled, holes, step)
            weight = 1 / (distance * math.hypot(*step))
            total += weight * nearest
            weights += weight
        found = holes & (weights > 0)
        filled[found] = total[found] / weights[found]
        holes &= ~found
    return filled


def _nearest_along(
    values: Float[np.ndarray, "h w"], holes: Bool[np.ndarray, "h w"], step: tuple[int, int]
) -> tuple[Float[np.ndarray, "h w"], Float[np.ndarray, "h w"]]:
    """The first value against `step` (rows, columns) from each hole and the steps to it; 0 and infinity where none."""
    down, right = step
    if down == 0:
        nearest, distance = _nearest_along(values.T, holes.T, (right, 0))
        return nearest.T, distance.T
    nearest, distance = np.where(holes, 0.0, values), np.where(holes, np.inf, 0.0)
    rows = range(1, len(values)) if down > 0 else range(len(values) - 2, -1, -1)
    width = values.shape[1]
    here, there = slice(max(right, 0), width + min(right, 0)), slice(max(-right, 0), width - max(right, 0))
    for row in rows:
        empty = holes[row, here]
        nearest[row, here] = np.where(empty, nearest[row - down, there], nearest[row, here])
        distance[row, here] = np.where(empty, distance[row - down, there] + 1, distance[row, here])
    return nearest, np.where(holes, distance, np.inf)
