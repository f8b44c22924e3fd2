"""Where the tiles of areas and their images lie: `DEM-AREA/tile_N.tif`, `Image/tif-AREA/tile_N.tif`."""

from __future__ import annotations

import re
from pathlib import Path

from warpdata.errors import SourceError
from warpdata.files.bounded_json import read_json
from warpdata.sources.dem.options import GroundOptions

HEIGHTS_FOLDER = re.compile(r"DEM-(?P<area>\w[\w. -]*)")
TILE_NAME = re.compile(r"tile_(?P<number>\d{1,9})", re.IGNORECASE)
TILE_FILE = re.compile(rf"{TILE_NAME.pattern}\.tif", re.IGNORECASE)


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


def areas_in(root: Path) -> dict[str, Path]:
    """Area -> its folder of heights, sorted."""
    found = {}
    for path in sorted(root.iterdir()):
        area = HEIGHTS_FOLDER.fullmatch(path.name)
        if area is not None and path.is_dir():
            found[area["area"]] = path
    return found


def area_tiles(folder: Path) -> dict[int, Path]:
    """Number -> heights of the tiles of an area, in the order of their numbers."""
    found = {}
    for path in folder.iterdir():
        tile = TILE_FILE.fullmatch(path.name)
        if tile is not None and path.is_file():
            found[int(tile["number"])] = path
    return dict(sorted(found.items()))


def rejected_numbers(path: Path) -> frozenset[int]:
    """Numbers of tiles in a list of rejected ones: a list, or an object with one called rejected; none without a file.

    Raises:
        SourceError: it is no such list.
    """
    if not path.is_file():
        return frozenset()
    try:
        value = read_json(path)
    except ValueError as error:
        raise SourceError(f"{path} cannot be read ({error}); restore or remove it") from error
    numbers = value.get("rejected") if isinstance(value, dict) else value
    if not isinstance(numbers, list) or not all(type(number) is int for number in numbers):
        raise SourceError(f"{path} is not a list of numbers; write [3, 17] or remove it")
    return frozenset(numbers)
