"""Pictures of one folder tiled row by row into one with transparency, to look at many renders at once."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from warpdata.config import MAX_IMAGE_PIXELS
from warpdata.errors import SourceError, ViewError
from warpdata.files.tree import list_folder, open_file
from warpdata.sources.naming import natural_key

FORMATS = {"png": "PNG", "jpg": "JPEG", "jpeg": "JPEG", "tif": "TIFF", "tiff": "TIFF", "bmp": "BMP", "gif": "GIF"}
"""End of a file's name -> its format; of an animation the first picture is taken."""


@dataclass(frozen=True)
class Grid:
    """A picture of tiles.

    Attributes:
        image: RGBA; cells without a picture are transparent.
        used: how many pictures are in it.
        found: how many the folder has.
    """

    image: Image.Image
    used: int
    found: int


def tile_folder(folder: Path, rows: int, columns: int) -> Grid:
    """The first `rows * columns` pictures of a folder in natural order of their names; not of its sub-folders.

    A cell has the size of the first picture. Others are made to fit into it, in their shape, and lie in its middle.

    Raises:
        ValueError: `rows` or `columns` is below 1, or the result has more than `MAX_IMAGE_PIXELS` pixels.
        SourceError: the folder cannot be listed, or holds no picture.
        ViewError: a picture cannot be read.
    """
    if rows < 1 or columns < 1:
        raise ValueError(f"a grid of {rows} rows and {columns} columns is empty; give 1 or more of each")
    try:
        files = list_folder(folder).files
    except OSError as error:
        raise SourceError(f"{folder} cannot be listed ({error.strerror}); give a folder of pictures") from error
    names = sorted((name for name in files if _format_of(name) and not name.startswith(".")), key=natural_key)
    if not names:
        raise SourceError(f"{folder} holds no picture; expected one of {', '.join(FORMATS)} in it (not below it)")
    used = names[: rows * columns]
    first = _read(folder / used[0])
    width, height = first.size
    if width * columns * height * rows > MAX_IMAGE_PIXELS:
        raise ValueError(
            f"{rows} rows and {columns} columns of {width}x{height} pixels are {width * columns}x{height * rows}; "
            f"{MAX_IMAGE_PIXELS:,} pixels are allowed: give fewer rows or columns, or smaller pictures"
        )
    grid = Image.new("RGBA", (width * columns, height * rows))
    for number, name in enumerate(used):
        tile = _fitted(first if number == 0 else _read(folder / name), (width, height))
        row, column = divmod(number, columns)
        left, top = (width - tile.width) // 2, (height - tile.height) // 2
        grid.paste(tile, (column * width + left, row * height + top))
    return Grid(grid, len(used), len(names))


def _format_of(name: str) -> str | None:
    return FORMATS.get(name.rpartition(".")[2].lower())


def _read(path: Path) -> Image.Image:
    """A picture as RGBA; one channel of 16 bits keeps its brightness, 65535 becomes 255."""
    try:
        with open_file(path) as file, Image.open(file, formats=tuple(set(FORMATS.values()))) as image:
            if image.width * image.height > MAX_IMAGE_PIXELS:
                raise ViewError(f"{path} is {image.width}x{image.height}; {MAX_IMAGE_PIXELS:,} pixels are allowed")
            if image.mode.startswith("I"):
                grey = np.clip(np.asarray(image).astype(np.int64), 0, 65535)
                return Image.fromarray(((grey + 128) // 257).astype(np.uint8)).convert("RGBA")
            return image.convert("RGBA")
    except ViewError:
        raise
    except Exception as error:  # readers raise anything on damaged files
        raise ViewError(f"{path} cannot be read ({error}); copy it again or remove it") from error


def _fitted(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """A picture in its own shape, as large as fits into (width, height)."""
    if image.size == size:
        return image
    scale = min(size[0] / image.width, size[1] / image.height)
    inside = tuple(max(1, min(side, round(own * scale))) for own, side in zip(image.size, size, strict=True))
    return image.resize(inside, Image.Resampling.LANCZOS)
