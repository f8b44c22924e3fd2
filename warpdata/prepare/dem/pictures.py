"""From images of tiles to PNGs of 8 bits, with their statistics, a list of rejected tiles, and captions from facts."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Shaped, UInt8
from PIL import Image

from warpdata.config.expressions import Expression
from warpdata.errors import SourceError
from warpdata.files.bounded_json import dump_json, read_json
from warpdata.formats.geotiff import check_installed, read_bands
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
from warpdata.prepare.dem.captions import caption
from warpdata.prepare.dem.stretch import StretchOptions, stretch

STATISTICS = ("mean", "std", "mean_before", "std_before", "masked", "saturated")
"""What `reject` may speak of, see `statistics`."""

_LIGHTNESS = np.array([0.299, 0.587, 0.114])
"""Weights of red, green and blue (ITU-R BT.601)."""


@dataclass(frozen=True, kw_only=True)
class PictureOptions:
    """What is made of images besides the bytes."""

    reject: str | None = None
    """Tiles that are listed in rejected-AREA.json and passed over by what follows: a condition over mean and std (of
    lightness, 0 to 255), mean_before and std_before (of the image's own numbers), masked and saturated (shares of
    pixels), such as 'std < 3 or masked > 0.01'."""
    captions: bool = False
    """Also write tile_N.txt: where it is, how high, how much of it is land; from the tiles of heights."""
    overwrite: bool = False
    """Make pictures anew where those of other options are."""
    stretch: StretchOptions = field(default_factory=StretchOptions)

    def __post_init__(self) -> None:
        if self.reject is not None:
            Expression.parse(self.reject, names=STATISTICS)


def make_pictures(area: Area, options: PictureOptions, *, progress: Progress = no_progress) -> StageReport:
    """Make `Image/png-stretched-<area>/tile_N.png` of `Image/tif-<area>`, and `stats-<area>.jsonl`, written last.

    The images stay as they are, the black ones too. Where pixels are masked, the PNG has an alpha channel. Pictures
    that are there with the same bytes are not touched.

    Raises:
        SourceError: there is no image.
        OutputError: pictures of other options are there.
    """
    check_installed()
    images = numbered(area.images)
    need(area.images, images, "download")
    begin_stage(
        area, "png", asdict(options.stretch) | {"stretch": options.stretch.percent}, overwrite=options.overwrite
    )
    heights = numbered(area.heights) if options.captions else {}
    report = StageReport(where=area.pictures)
    rows: list[dict[str, Any]] = []
    for done, (number, path) in enumerate(images.items(), start=1):
        try:
            picture, row, notes = _picture(path, options.stretch)
        except ValueError as error:
            report.left_out[path.name] = str(error)
        else:
            report.add(written=area.write(area.pictures / f"tile_{number}.png", picture))
            if notes:
                report.remarks[path.name] = "; ".join(notes)
            rows.append({"index": number, **row})
            if options.captions:
                _write_caption(area, number, heights, report)
        progress(done, len(images))
    area.write(area.list_file("stats", ".jsonl"), "".join(dump_json(row) + "\n" for row in rows))
    if options.reject is not None:
        rejected = write_rejected(area, options.reject, rows)
        report.notes.append(f"{len(rejected)} of {len(rows)} tiles rejected by {options.reject!r}")
    end_stage(area, "png", {"pictures": len(rows)})
    return report


def _picture(path: Path, options: StretchOptions) -> tuple[bytes, dict[str, float], tuple[str, ...]]:
    """The PNG of an image, its statistics, and what a person should know of it."""
    bands = read_bands(path)
    if (count := len(bands.values)) < 3:
        raise ValueError(f"{path} has {count} band{'s' if count > 1 else ''}; an image has red, green and blue")
    values = bands.values[:3]
    stretched = stretch(values, bands.valid, options)
    row = statistics(values, stretched.pixels, bands.valid)
    pixels = stretched.pixels.transpose(1, 2, 0)
    if not bands.valid.all():
        pixels = np.concatenate([pixels, 255 * bands.valid[..., None].astype(np.uint8)], axis=2)
    data = io.BytesIO()
    Image.fromarray(pixels).save(data, format="png")
    return data.getvalue(), row, stretched.notes


def statistics(
    before: Shaped[np.ndarray, "3 h w"], after: UInt8[np.ndarray, "3 h w"], valid: Bool[np.ndarray, "h w"]
) -> dict[str, float]:
    """Mean and standard deviation of lightness before and after, and the shares of pixels that are masked and, of the
    others, that have 0 or 255 in some band afterwards."""

    def lightness(pixels: Shaped[np.ndarray, "3 h w"]) -> Float[np.ndarray, " n"]:
        return _LIGHTNESS @ pixels[:, valid].astype(np.float64)

    old, new = lightness(before), lightness(after)
    saturated = np.isin(after[:, valid], (0, 255)).any(axis=0)
    values = (new.mean(), new.std(), old.mean(), old.std(), 1 - valid.mean(), saturated.mean())
    return {name: round(float(value), 6) for name, value in zip(STATISTICS, values, strict=True)}


def write_rejected(area: Area, condition: str, rows: list[dict[str, Any]]) -> list[int]:
    """Write `rejected-<area>.json`: tiles for which the condition holds, and those that a person had rejected.

    Returns:
        The numbers for which the condition holds.
    """
    expression = Expression.parse(condition, names=STATISTICS)
    found = [row["index"] for row in rows if expression.evaluate(row)]
    path = area.list_file("rejected", ".json")
    by_hand = sorted(_rejected_by_hand(path, area))
    content = {"rejected": sorted({*found, *by_hand}), "by_hand": by_hand, "reject": condition}
    area.write(path, dump_json(content, indent=1) + "\n")
    return found


def _rejected_by_hand(path: Path, area: Area) -> frozenset[int]:
    rejected = area.rejected()
    content = read_json(path) if path.is_file() else {}
    if isinstance(content, Mapping) and isinstance(content.get("by_hand"), list):
        return rejected.intersection(number for number in content["by_hand"] if type(number) is int)
    return rejected


def _write_caption(area: Area, number: int, heights: Mapping[int, Path], report: StageReport) -> None:
    if number not in heights:
        report.left_out[f"tile_{number}.txt"] = f"there is no {area.heights / f'tile_{number}.tif'} to take facts from"
        return
    try:
        text = caption(heights[number])
    except (ValueError, SourceError) as error:
        report.left_out[f"tile_{number}.txt"] = str(error)
        return
    area.write(area.pictures / f"tile_{number}.txt", text + "\n")
