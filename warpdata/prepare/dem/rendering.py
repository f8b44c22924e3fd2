"""Views of one tile for given cameras, as files: pictures and planar depth in metres."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from warpdata.formats.camera_list import read_named_cameras
from warpdata.formats.geotiff import check_installed
from warpdata.prepare.dem.area import Progress, StageReport, no_progress, write_if_changed
from warpdata.sources.dem.ground import load_ground
from warpdata.sources.dem.options import Device, GroundOptions
from warpdata.sources.dem.tiles import image_of
from warpdata.sources.dem.view import see


@dataclass(frozen=True, kw_only=True)
class RenderTileOptions:
    """What is rendered besides the tile's own image and heights."""

    image: Path | None = None
    """Image to lay on the heights; by default that of the tile's area, and where there is none the slopes' shading."""
    ground: GroundOptions = field(default_factory=GroundOptions)
    device: Device = "cpu"
    """Where it is rendered; the same on both."""


def render_tile(
    tile: Path, cameras: Path, output: Path, options: RenderTileOptions, *, progress: Progress = no_progress
) -> StageReport:
    """Write `<name>.png` and `<name>.npy` (float32, planar metres, 0 where nothing is hit) for every camera of a list.

    Args:
        tile: heights.
        cameras: a list in WAI's manner, in the tile's local frame: x east, y north, z up, metres, from the centre of
            the tile's outline at height 0.

    Raises:
        ValueError: a file cannot be read, or is none.
    """
    check_installed()
    found = read_named_cameras(cameras)
    image = options.image or image_of(tile, options.ground)
    ground = load_ground(tile, image, options.ground)
    report = StageReport(where=output)
    if not ground.has_image:
        report.notes.append(f"{tile} has no image; its slopes are shaded")
    for done, (name, camera) in enumerate(found.items(), start=1):
        view = see(ground.terrain, camera, torch.device(options.device))
        if not view.depth.any():
            report.remarks[name] = "it sees nothing of the tile"
        picture, depth = io.BytesIO(), io.BytesIO()
        Image.fromarray(view.rgb.permute(1, 2, 0).numpy()).save(picture, format="png")
        np.save(depth, view.depth.numpy())
        written = write_if_changed(output / f"{name}.png", picture.getvalue())
        report.add(written=write_if_changed(output / f"{name}.npy", depth.getvalue()) or written)
        progress(done, len(found))
    return report
