"""The source `dem`: tiles of heights with satellite images, seen by virtual cameras."""

from __future__ import annotations

from typing import TYPE_CHECKING

from warpdata.sources.dem.options import DemOptions
from warpdata.sources.dem.tiles import HEIGHTS_FOLDER
from warpdata.sources.listing import FolderListing
from warpdata.sources.table import SourceRow, Workplace

if TYPE_CHECKING:
    from warpdata.config import SourceOptions
    from warpdata.sources.scene import Source


def recognise(listing: FolderListing) -> bool:
    """Whether there are tiles of an area, and a folder of images."""
    return any(HEIGHTS_FOLDER.fullmatch(name) for name in listing.folders) and (
        "Image" in listing.folders or any(name.startswith("png-stretched-") for name in listing.folders)
    )


def open_area(options: SourceOptions, own: DemOptions, work: Workplace) -> Source:
    """All tiles of a folder of areas."""
    from warpdata.sources.dem.source import DemSource

    return DemSource(options, own)


def unavailable() -> str | None:
    """Why rasters cannot be read here, None where they can."""
    from importlib.util import find_spec

    from warpdata.formats.geotiff import INSTALL

    return None if find_spec("rasterio") else f"it needs rasterio; {INSTALL}"


ROW = SourceRow(
    name="dem",
    about="tiles of heights with satellite images (DEM-AREA, Image/tif-AREA), seen by virtual cameras, depth exact",
    recognise=recognise,
    open=open_area,
    options=DemOptions,
    unavailable=unavailable,
)
