"""The source `spacevista`: frames that the items of a `meta.json` list together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from warpdata.sources.listing import FolderListing
from warpdata.sources.spacevista.options import SpaceVistaOptions
from warpdata.sources.table import SourceRow, Workplace

if TYPE_CHECKING:
    from warpdata.config import SourceOptions
    from warpdata.sources.scene import Source

META = "meta.json"


def recognise(listing: FolderListing) -> bool:
    """Whether there are folders of frames (`DL3DV_frames`, ...) with JSON beside them."""
    return any(name.endswith((".json", ".jsonl")) for name in listing.files) and any(
        name.endswith("_frames") for name in listing.folders
    )


def open_items(options: SourceOptions, own: SpaceVistaOptions, work: Workplace) -> Source:
    """All scenes of the items."""
    from warpdata.sources.spacevista.source import SpaceVistaSource

    return SpaceVistaSource(options, own, work)


def unavailable() -> str | None:
    """Why long JSON cannot be read here, None where it can."""
    from importlib.util import find_spec

    return None if find_spec("ijson") else "it needs ijson: python -m pip install 'warpdata[spacevista]'"


ROW = SourceRow(
    name="spacevista",
    about="frames that SpaceVista's items (meta.json beside DL3DV_frames, ...) list together; cameras where there are",
    recognise=recognise,
    recognise_insisted=lambda listing: True,  # any folder, with any `meta`; the source says itself what it misses
    open=open_items,
    options=SpaceVistaOptions,
    unavailable=unavailable,
)
