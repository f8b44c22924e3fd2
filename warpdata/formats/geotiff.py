"""Rasters with a place on the ground: elevation tiles and satellite images, by rasterio (extra `geo`).

Pixel (row, column) has its centre at `transform @ (column + 0.5, row + 0.5)`. GDAL also opens addresses and compound
names and formats that point at other files; here only files of this disk in four plain formats are opened.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Bool, Float, Shaped

from warpdata.files.atomic import write_atomic
from warpdata.formats.elevation_products import assumed_nodata

if TYPE_CHECKING:
    from affine import Affine
    from rasterio.crs import CRS
    from rasterio.io import DatasetReader
    from rasterio.windows import Window

DRIVERS = ("GTiff", "AAIGrid", "HFA", "SRTMHGT")
"""GDAL's names of the formats that are opened: GeoTIFF (cloud optimised or not), ESRI's ASCII grid, Erdas Imagine,
SRTM's `.hgt`."""

SUFFIXES = (".tif", ".tiff", ".asc", ".img", ".hgt")
"""Names of files in these formats end so, in any case."""

MAX_SIDE = 100_000
"""Rasters with a longer side are refused."""

MAX_BLOCK_BYTES = 2**30
"""Rasters whose blocks, read whole by GDAL for a single pixel, take more memory than this are refused."""

MAX_TILE_PIXELS = 2**26
"""Larger rasters are not read whole; `prepare dem tile` cuts them."""

INSTALL = "pip install 'warpdata[geo]'"

METRES_OF_UNIT = {
    **dict.fromkeys(("m", "metre", "metres", "meter", "meters"), 1.0),
    **dict.fromkeys(("ft", "foot", "feet"), 0.3048),
    **dict.fromkeys(("us-ft", "ftus", "us survey foot", "us_survey_foot", "foot_us"), 1200 / 3937),
    **dict.fromkeys(("cm", "centimetre", "centimeter"), 0.01),
    **dict.fromkeys(("dm", "decimetre", "decimeter"), 0.1),
}
"""Unit of heights, as GDAL gives it -> metres."""

_SEMI_MAJOR_M, _ECCENTRICITY_2 = 6378137.0, 0.00669437999014


@dataclass(frozen=True, kw_only=True)
class Tile:
    """Heights with their place on the ground.

    Attributes:
        heights: metres, NaN where there is no data.
        pixel_size_m: width and height of a pixel on the ground in metres, at the tile's centre. A geographic pixel is
            not square: at 47 degrees north an arc second is 21 by 31 m. Without a CRS the transform's unit is taken
            for metres.
        transform: takes (column, row) from the corner of the first pixel to coordinates of `crs`.
        crs: coordinate reference system; None where the file has none.
        nodata: the value that the file declares for "no data", on its own scale; None where it declares none.
    """

    heights: Float[np.ndarray, "h w"]
    pixel_size_m: tuple[float, float]
    transform: Affine
    crs: CRS | None
    nodata: float | None


@dataclass(frozen=True, kw_only=True)
class Bands:
    """All bands of a raster.

    Attributes:
        values: as stored, scale and offset applied (then float32) where the file has some.
        valid: where every band has data: by mask, alpha, no-data value, and finite.
        transform: as of `Tile`.
        crs: as of `Tile`.
    """

    values: Shaped[np.ndarray, "b h w"]
    valid: Bool[np.ndarray, "h w"]
    transform: Affine
    crs: CRS | None


@contextmanager
def open_raster(path: Path) -> Iterator[DatasetReader]:
    """A raster to read windows of, checked and bounded; rasterio's dataset.

    Raises:
        ValueError: it is no file, in none of `DRIVERS`, too large, or of complex numbers.
        ImportError: rasterio is not installed.
    """
    check_installed()
    import rasterio
    from rasterio.errors import NotGeoreferencedWarning, RasterioError
    from rasterio.io import DatasetReader

    path = Path(path).absolute()
    if str(path).startswith("/vsi") or not path.is_file():
        raise ValueError(f"{path} is not a file; only rasters on this disk are read, download it first")
    with rasterio.Env(), warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        try:
            dataset = DatasetReader(str(path), driver=list(DRIVERS))
        except RasterioError as error:
            raise ValueError(f"{path} cannot be opened as {', '.join(DRIVERS)}: {error}") from error
        with dataset:
            _check_bounded(path, dataset)
            try:
                yield dataset
            except RasterioError as error:
                raise ValueError(f"{path} is damaged: {error}") from error


def check_installed() -> None:
    """Raises ImportError, with what to do, where rasterio is not installed."""
    try:
        import rasterio  # noqa: F401
    except ImportError as error:
        raise ImportError(f"rasterio, which reads rasters, is not installed; install it with `{INSTALL}`") from error


def _check_bounded(path: Path, dataset: DatasetReader) -> None:
    width, height = dataset.width, dataset.height
    if max(width, height) > MAX_SIDE:
        raise ValueError(f"{path} is {width:,} x {height:,} pixels; at most {MAX_SIDE:,} a side are read: cut it")
    for dtype, (rows, columns) in zip(dataset.dtypes, dataset.block_shapes, strict=True):
        if dtype.startswith("complex"):
            raise ValueError(f"{path} holds complex numbers ({dtype}); save heights or colours as real numbers")
        if rows * columns * np.dtype(dtype).itemsize > MAX_BLOCK_BYTES:
            raise ValueError(
                f"{path} is stored in blocks of {columns:,} x {rows:,} pixels, each read whole; save it in smaller "
                "ones, as with `gdal_translate -co TILED=YES`"
            )


def read_tile(path: Path, *, max_pixels: int = MAX_TILE_PIXELS) -> Tile:
    """The heights of a whole file of one band.

    Raises:
        ValueError: see `open_raster`; it has several bands, or more than `max_pixels`.
        ImportError: rasterio is not installed.
    """
    with open_raster(path) as dataset:
        if dataset.width * dataset.height > max_pixels:
            raise ValueError(
                f"{path} has {dataset.width:,} x {dataset.height:,} pixels, more than the {max_pixels:,} read at once; "
                "cut it with `warpdata prepare dem tile`"
            )
        return Tile(
            heights=read_heights(dataset),
            pixel_size_m=pixel_size_m(dataset.transform, dataset.crs, (dataset.height, dataset.width)),
            transform=dataset.transform,
            crs=dataset.crs,
            nodata=dataset.nodata,
        )


def read_heights(dataset: DatasetReader, window: Window | None = None) -> Float[np.ndarray, "h w"]:
    """Heights of a window of an open raster, in metres; NaN where there is no data.

    No data is what the file's mask, alpha or no-data value says, what its product or custom says where it declares
    none (`assumed_nodata`), and what is not finite. Scale, offset and unit of the band are applied.

    Raises:
        ValueError: it has several bands, or a unit that is no length.
    """
    check_one_band(dataset)
    stored = dataset.read(1, window=window)
    valid = valid_pixels(dataset, stored[None], window)
    metres = METRES_OF_UNIT[unit_of(dataset)]
    scale, offset = dataset.scales[0] * metres, dataset.offsets[0] * metres
    heights = stored.astype(np.float64) * scale + offset if (scale, offset) != (1, 0) else stored
    with np.errstate(over="ignore"):  # what float32 cannot hold becomes infinite, and so no data
        heights = heights.astype(np.float32)
    return np.where(valid & np.isfinite(heights), heights, np.float32(np.nan))


def check_one_band(dataset: DatasetReader) -> None:
    """Raises ValueError unless the raster has one band of heights, besides alpha, in a known unit."""
    from rasterio.enums import ColorInterp

    bands = [index for index, kind in enumerate(dataset.colorinterp) if kind is not ColorInterp.alpha]
    if bands != [0]:
        raise ValueError(f"{dataset.name} has {len(bands)} bands; elevation has one: save the band of heights alone")
    unit_of(dataset)


def unit_of(dataset: DatasetReader) -> str:
    """Unit of the first band, a key of `METRES_OF_UNIT`; metres where it has none."""
    unit = (dataset.units[0] or "m").strip().lower()
    if unit not in METRES_OF_UNIT:
        raise ValueError(f"{dataset.name}: its heights are in {unit!r}; known are {', '.join(METRES_OF_UNIT)}")
    return unit


def valid_pixels(
    dataset: DatasetReader, stored: Shaped[np.ndarray, "b h w"], window: Window | None = None
) -> Bool[np.ndarray, "h w"]:
    """Where every band of a window, read as stored, has data."""
    valid = np.isfinite(stored).all(0) if stored.dtype.kind == "f" else np.ones(stored.shape[1:], bool)
    for band in range(1, len(stored) + 1):
        valid &= dataset.read_masks(band, window=window) > 0
    if stored.dtype.kind != "u" and len(stored) == 1 and dataset.nodata is None:
        for value in assumed_nodata(Path(dataset.name).name):
            valid &= stored[0] != value
    return valid


def read_bands(path: Path, *, max_pixels: int = MAX_TILE_PIXELS) -> Bands:
    """All bands of a whole file but alpha, which goes into `valid`.

    Raises:
        ValueError: see `open_raster`; it has more than `max_pixels`, all bands taken together.
        ImportError: rasterio is not installed.
    """
    with open_raster(path) as dataset:
        return _bands_of(dataset, max_pixels)


def decode_bands(data: bytes, *, max_values: int = MAX_TILE_PIXELS) -> Bands:
    """All bands of a GeoTIFF in memory; see `read_bands`.

    Raises:
        ValueError: it is no GeoTIFF, is damaged, or has more values than this.
        ImportError: rasterio is not installed.
    """
    check_installed()
    import rasterio
    from rasterio.errors import NotGeoreferencedWarning, RasterioError
    from rasterio.io import MemoryFile

    with rasterio.Env(), warnings.catch_warnings(), MemoryFile(data) as memory:
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        try:
            with memory.open(driver="GTiff") as dataset:
                _check_bounded(Path("the file"), dataset)
                return _bands_of(dataset, max_values)
        except RasterioError as error:
            raise ValueError(f"it cannot be read as a GeoTIFF: {error}") from error


def _bands_of(dataset: DatasetReader, max_values: int) -> Bands:
    from rasterio.enums import ColorInterp

    if dataset.width * dataset.height * dataset.count > max_values:
        raise ValueError(
            f"{dataset.name} has {dataset.count} bands of {dataset.width:,} x {dataset.height:,} pixels, more than the "
            f"{max_values:,} values read at once; cut it"
        )
    indices = [i + 1 for i, kind in enumerate(dataset.colorinterp) if kind is not ColorInterp.alpha]
    stored = dataset.read(indices)
    values = stored
    scales, offsets = (
        np.array([list_[i - 1] for i in indices])[:, None, None] for list_ in (dataset.scales, dataset.offsets)
    )
    if (scales != 1).any() or (offsets != 0).any():
        values = (stored * scales + offsets).astype(np.float32)
    return Bands(values=values, valid=valid_pixels(dataset, stored), transform=dataset.transform, crs=dataset.crs)


def write_geotiff(
    path: Path,
    values: Shaped[np.ndarray, "b h w"],
    *,
    transform: Affine,
    crs: CRS | None,
    nodata: float | None = None,
    valid: Bool[np.ndarray, "h w"] | None = None,
    scale_offset_unit: tuple[float, float, str | None] | None = None,
) -> bytes:
    """Write a GeoTIFF, whole or absent: DEFLATE, predictor 2 for whole numbers and 3 for floats; returns its bytes.

    Args:
        valid: written as an internal mask of all bands.
        scale_offset_unit: of every band, as GDAL keeps them.

    Raises:
        OutputError: it cannot be written.
    """
    data = encode_geotiff(
        values, transform=transform, crs=crs, nodata=nodata, valid=valid, scale_offset_unit=scale_offset_unit
    )
    write_atomic(path, data)
    return data


def encode_geotiff(
    values: Shaped[np.ndarray, "b h w"],
    *,
    transform: Affine,
    crs: CRS | None,
    nodata: float | None = None,
    valid: Bool[np.ndarray, "h w"] | None = None,
    scale_offset_unit: tuple[float, float, str | None] | None = None,
) -> bytes:
    """The bytes of a GeoTIFF; see `write_geotiff`."""
    check_installed()
    import rasterio
    from rasterio.errors import NotGeoreferencedWarning
    from rasterio.io import MemoryFile

    bands, height, width = values.shape
    profile: dict[str, Any] = {
        **dict(driver="GTiff", width=width, height=height, count=bands, dtype=values.dtype.name),
        **dict(transform=transform, crs=crs, nodata=nodata, compress="deflate"),
        **({"photometric": "RGB"} if bands == 3 and values.dtype == np.uint8 else {}),
        "predictor": 3 if values.dtype.kind == "f" else 2,
    }
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True), warnings.catch_warnings(), MemoryFile() as memory:
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with memory.open(**profile) as dataset:
            dataset.write(values)
            if scale_offset_unit is not None:
                scale, offset, unit = scale_offset_unit
                dataset.scales, dataset.offsets = (scale,) * bands, (offset,) * bands
                if unit:
                    dataset.units = (unit,) * bands
            if valid is not None:
                dataset.write_mask(valid)
        return bytes(memory.read())


def place_of(transform: Affine, column: float | int, row: float | int) -> tuple[float, float]:
    """Coordinates of a point of a raster, (0, 0) being its corner; the versions of affine spell this differently."""
    a, b, c, d, e, f = transform[:6]
    return a * column + b * row + c, d * column + e * row + f


def window_of(transform: Affine, column: float | int, row: float | int, *, finer: int = 1) -> Affine:
    """The transform of a part of a raster whose corner is (column, row), on a grid `finer` times as fine."""
    a, b, _, d, e, _ = transform[:6]
    x, y = place_of(transform, column, row)
    return type(transform)(a / finer, b / finer, x, d / finer, e / finer, y)


def pixel_size_m(transform: Affine, crs: CRS | None, hw: tuple[int, int]) -> tuple[float, float]:
    """Width and height of a pixel on the ground in metres, at the centre of a raster.

    Degrees are measured on the ellipsoid of WGS 84, by its radii of curvature: along a parallel
    N cos(latitude), N = a / sqrt(1 - e² sin²), along a meridian M = a (1 - e²) / (1 - e² sin²)^(3/2). A projection's
    own distortion (4 in 10,000 in UTM) is left out.
    """
    metres_x = metres_y = 1.0
    if crs is not None and crs.is_geographic:
        height, width = hw
        _, latitude_degrees = place_of(transform, width / 2, height / 2)
        latitude, degree = math.radians(latitude_degrees), math.pi / 180
        curvature = 1 - _ECCENTRICITY_2 * math.sin(latitude) ** 2
        metres_x = degree * _SEMI_MAJOR_M / math.sqrt(curvature) * math.cos(latitude)
        metres_y = degree * _SEMI_MAJOR_M * (1 - _ECCENTRICITY_2) / curvature**1.5
    elif crs is not None and crs.is_projected:
        metres_x = metres_y = float(crs.linear_units_factor[1])
    return (
        math.hypot(transform.a * metres_x, transform.d * metres_y),
        math.hypot(transform.b * metres_x, transform.e * metres_y),
    )
