"""Heights in colours, for looking: single bands through a colour map, transparent where there is no data."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from jaxtyping import Bool, Float, UInt8
from PIL import Image

from warpdata.errors import SourceError
from warpdata.formats.geotiff import SUFFIXES, check_installed, read_bands
from warpdata.prepare.dem.area import Progress, StageReport, no_progress, write_if_changed

ColourMap = Literal["spectral", "inferno", "viridis", "terrain", "gray"]

_ANCHORS: dict[str, list[tuple[float, tuple[float, float, float]]]] = {
    # ColorBrewer's Spectral of eleven classes, evenly spaced.
    "spectral": [
        (k / 10, rgb)
        for k, rgb in enumerate(
            [
                *((158, 1, 66), (213, 62, 79), (244, 109, 67), (253, 174, 97), (254, 224, 139), (255, 255, 191)),
                *((230, 245, 152), (171, 221, 164), (102, 194, 165), (50, 136, 189), (94, 79, 162)),
            ]
        )
    ],
    # Water, coast, lowland, hills, rock, snow.
    "terrain": [
        *((0.0, (51, 51, 153)), (0.15, (0, 153, 255)), (0.25, (0, 204, 102))),
        *((0.5, (255, 255, 153)), (0.75, (128, 92, 84)), (1.0, (255, 255, 255))),
    ],
    "gray": [(0.0, (0, 0, 0)), (1.0, (255, 255, 255))],
}
_OPENCV = {"inferno": cv2.COLORMAP_INFERNO, "viridis": cv2.COLORMAP_VIRIDIS}

_PICTURES = (*SUFFIXES, ".png")


@dataclass(frozen=True, kw_only=True)
class ColourOptions:
    """How heights are coloured."""

    cmap: ColourMap = "spectral"
    """Colours, from the lowest to the highest."""
    invert: bool = True
    """Give the lowest the last colour."""


def colour_files(
    source: Path, output: Path | None, options: ColourOptions, *, progress: Progress = no_progress
) -> StageReport:
    """Colour a file, or all of a folder, as `<name>_color.png` in `output`, by default `<folder>_color`.

    Raises:
        SourceError: there is nothing to colour.
    """
    check_installed()
    folder, paths = source.parent, [source]
    if source.is_dir():
        folder, paths = source, sorted(path for path in source.iterdir() if path.suffix.lower() in _PICTURES)
    if not paths or not source.exists():
        what = "does not exist" if not source.exists() else f"holds no raster ({', '.join(_PICTURES)})"
        raise SourceError(f"{source} {what}; give a file of one band, or a folder of such files")
    report = StageReport(where=output or folder.resolve().parent / f"{folder.resolve().name}_color")
    for done, path in enumerate(paths, start=1):
        try:
            values, valid = single_band(path)
            picture = coloured(values, valid, options)
        except (ValueError, OSError) as error:
            report.left_out[path.name] = str(error)
        else:
            data = io.BytesIO()
            Image.fromarray(picture).save(data, format="png")
            report.add(written=write_if_changed(report.where / f"{path.stem}_color.png", data.getvalue()))
        progress(done, len(paths))
    return report


def single_band(path: Path) -> tuple[Float[np.ndarray, "h w"], Bool[np.ndarray, "h w"]]:
    """The numbers of a file of one band, or of three equal ones, and where it holds data.

    Raises:
        ValueError: it cannot be read, or has bands of its own.
        OSError: it cannot be read.
    """
    if path.suffix.lower() == ".png":
        with Image.open(path) as image:
            if image.width * image.height > Image.MAX_IMAGE_PIXELS:
                raise ValueError(f"{path} is {image.width}x{image.height} pixels, too many")
            alpha = np.asarray(image.getchannel("A")) > 0 if "A" in image.getbands() else None
            values = np.asarray(image if alpha is None else image.convert(image.mode.replace("A", "")))
        bands = values[None] if values.ndim == 2 else values.transpose(2, 0, 1)
        valid = np.ones(bands.shape[1:], bool) if alpha is None else alpha
    else:
        raster = read_bands(path)
        bands, valid = raster.values, raster.valid
    if len(bands) != 1 and not (len(bands) == 3 and (bands == bands[0]).all()):
        raise ValueError(f"{path} has {len(bands)} bands that differ; a colour map is for one band, such as heights")
    return bands[0].astype(np.float64), valid


def coloured(
    values: Float[np.ndarray, "h w"], valid: Bool[np.ndarray, "h w"], options: ColourOptions
) -> UInt8[np.ndarray, "h w 4"]:
    """Red, green, blue and alpha: the colour map from the lowest value that is valid to the highest.

    Where all are equal they are taken for the lowest. What is not valid is transparent.

    Raises:
        ValueError: nothing is valid.
    """
    if not valid.any():
        raise ValueError("no pixel holds data")
    lowest, highest = values[valid].min(), values[valid].max()
    share = np.zeros(values.shape)
    if highest > lowest:
        share[valid] = (values[valid] - lowest) / (highest - lowest)
    share = 1 - share if options.invert else share
    picture = np.zeros((*values.shape, 4), np.uint8)
    picture[..., :3] = _colours(share, options.cmap)
    picture[..., 3] = 255
    picture[~valid] = 0
    return picture


def _colours(share: Float[np.ndarray, "h w"], name: ColourMap) -> UInt8[np.ndarray, "h w 3"]:
    if name in _OPENCV:
        steps = np.rint(share * 255).astype(np.uint8)
        return cv2.cvtColor(cv2.applyColorMap(steps, _OPENCV[name]), cv2.COLOR_BGR2RGB)
    places = [place for place, _ in _ANCHORS[name]]
    channels = [np.interp(share, places, [rgb[channel] for _, rgb in _ANCHORS[name]]) for channel in range(3)]
    return np.rint(np.stack(channels, axis=-1)).astype(np.uint8)
