"""Heights as pictures: 8 bits for looking, and 16 bits that keep metres."""

from __future__ import annotations

import io
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from warpdata.files.bounded_json import as_json_values
from warpdata.formats.geotiff import check_installed, encode_geotiff, read_tile
from warpdata.prepare.dem.area import (
    Area,
    Progress,
    StageReport,
    begin_stage,
    end_stage,
    need,
    no_progress,
    numbered,
)


@dataclass(frozen=True, kw_only=True)
class GrayOptions:
    """How heights become pictures."""

    range: tuple[float, float] | None = None
    """Metres that become 0 and 255, the same for all tiles. None: each tile from its own minimum to its maximum."""
    metres_png: float | None = None
    """Also write PNGs of 16 bits into DEM_16-AREA: metres times this number, 0 where there is no data."""
    seed_rounding: bool = False
    """Cut fractions off, as the original does, in place of rounding."""
    overwrite: bool = False
    """Make them anew where those of other options are."""

    def __post_init__(self) -> None:
        if self.range is not None and not self.range[0] < self.range[1]:
            raise ValueError(f"`range` is {self.range[0]:g} {self.range[1]:g}; the first must be the lower one")
        if self.metres_png is not None and not 0 < self.metres_png < 65_536:
            raise ValueError(f"`metres_png` is {self.metres_png:g}; it must be above 0 and below 65536")


def make_gray(area: Area, options: GrayOptions, *, progress: Progress = no_progress) -> StageReport:
    """Make `DEM_255-<area>/tile_N.tif` of the tiles of heights that have a picture and are not rejected.

    They are for looking: metres are lost. Pixels without data are 0, and masked in the file.

    Raises:
        SourceError: there are no tiles of heights, or no pictures.
        OutputError: tiles of other options are there.
    """
    check_installed()
    heights, pictures = numbered(area.heights), numbered(area.found_pictures, (".png",))
    need(area.heights, heights, "download")
    need(area.found_pictures, pictures, "png")
    recipe = as_json_values({key: value for key, value in asdict(options).items() if key != "overwrite"})
    begin_stage(area, "gray", recipe, overwrite=options.overwrite)
    report, rejected = StageReport(where=area.gray), area.rejected()
    used = {number: path for number, path in heights.items() if number in pictures and number not in rejected}
    if passed := len(heights) - len(used):
        report.notes.append(f"{passed} tiles without a picture, or rejected, passed over")
    for done, (number, path) in enumerate(used.items(), start=1):
        try:
            _make_tile(area, number, path, options, report)
        except ValueError as error:
            report.left_out[path.name] = str(error)
        progress(done, len(used))
    end_stage(area, "gray", {"tiles": report.made + report.kept})
    return report


def _make_tile(area: Area, number: int, path: Path, options: GrayOptions, report: StageReport) -> None:
    tile = read_tile(path)
    valid = np.isfinite(tile.heights)
    if not valid.any():
        raise ValueError(f"{path} holds no height")
    if options.range is None and np.nanmin(tile.heights) == np.nanmax(tile.heights):
        report.remarks[path.name] = "it is flat, all 0"
    data = encode_geotiff(
        gray(tile.heights, options)[None],
        transform=tile.transform,
        crs=tile.crs,
        valid=None if valid.all() else valid,
    )
    report.add(written=area.write(area.gray / f"tile_{number}.tif", data))
    if options.metres_png is not None:
        area.write(area.metres_png / f"tile_{number}.png", metres_png(tile.heights, options.metres_png))


def gray(heights: Float[np.ndarray, "h w"], options: GrayOptions) -> UInt8[np.ndarray, "h w"]:
    """Heights (NaN: no data) from the range's lower end to its upper one, to 0 to 255; 0 where there is no data."""
    values = heights.astype(np.float64)
    lowest, highest = options.range or (float(np.nanmin(values)), float(np.nanmax(values)))
    span = highest - lowest
    scaled = (np.clip(values, lowest, highest) - lowest) / (span or 1.0) * 255
    whole = scaled if options.seed_rounding else np.rint(scaled)
    return np.where(np.isfinite(values), whole, 0).astype(np.uint8)


def metres_png(heights: Float[np.ndarray, "h w"], scale: float) -> bytes:
    """A PNG of 16 bits that holds metres times `scale`, 0 where there is no data, and says so in its text.

    Raises:
        ValueError: a height does not fit.
    """
    values = np.rint(heights.astype(np.float64) * scale)
    lowest, highest = float(np.nanmin(values)), float(np.nanmax(values))
    if lowest < 0 or highest > 65_535:
        raise ValueError(
            f"heights of {np.nanmin(heights):g} to {np.nanmax(heights):g} m times {scale:g} do not fit into 0 to "
            "65535; choose another `metres_png`, or leave it out where land lies below zero"
        )
    text = PngInfo()
    for key, value in (("unit", "metre"), ("scale", f"{scale:g}"), ("nodata", "0")):
        text.add_text(key, value)
    data = io.BytesIO()
    Image.fromarray(np.where(np.isfinite(values), values, 0).astype(np.uint16)).save(data, format="png", pnginfo=text)
    return data.getvalue()
