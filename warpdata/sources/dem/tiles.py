"""Where the tiles of areas and their images lie: `DEM-AREA/tile_N.tif`, `Image/tif-AREA/tile_N.tif`."""

from __future__ import annotations

import re
from pathlib import Path

from warpdata.sources.dem.ground import GroundOptions

HEIGHTS_FOLDER = re.compile(r"DEM-(?P<area>\w[\w. -]*)")
TILE_FILE = re.compile(r"tile_(?P<number>\d{1,9})\.tif", re.IGNORECASE)


def image_of(heights: Path, options: GroundOptions) -> Path | None:
    """The image of a tile of heights, by the names of the area's folders; None where there is none."""
    area = HEIGHTS_FOLDER.fullmatch(heights.absolute().parent.name)
    if area is None:
        return None
    root, name = heights.absolute().parent.parent, area["area"]
    folders = (root / "Image" / f"png-stretched-{name}", root / f"png-stretched-{name}")
    pictures = [folder / f"{heights.stem}.png" for folder in folders]
    images = [root / "Image" / f"tif-{name}" / f"{heights.stem}.tif"]
    wanted = [*pictures, *images] if options.dem_colour == "png" else images
    return next((path for path in wanted if path.is_file()), None)
