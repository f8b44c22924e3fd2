"""The source `megadepth`: the data set as it is downloaded, `MegaDepth_v1_SfM` beside `phoenix`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from warpdata.formats.megadepth import MODELS, PHOENIX
from warpdata.sources.listing import FolderListing
from warpdata.sources.megadepth.options import MegaDepthOptions
from warpdata.sources.table import SourceRow, Workplace

if TYPE_CHECKING:
    from warpdata.config import SourceOptions
    from warpdata.sources.scene import Source


def recognise(listing: FolderListing) -> bool:
    """Whether it holds the two folders of the data set."""
    return {MODELS, PHOENIX}.issubset(listing.folders)


def open_data_set(options: SourceOptions, own: MegaDepthOptions, work: Workplace) -> Source:
    """All sub-scenes, as `<scene>_<sub>`."""
    from warpdata.sources.megadepth.original import MegaDepthSource

    return MegaDepthSource(options, own)


ROW = SourceRow(
    name="megadepth",
    about="MegaDepth as downloaded (MegaDepth_v1_SfM beside phoenix): photographs, depth in a unit of its own",
    recognise=recognise,
    open=open_data_set,
    options=MegaDepthOptions,
)
