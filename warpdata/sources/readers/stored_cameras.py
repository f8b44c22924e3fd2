"""The sources `megadepth-processed` and `aerial-training`: pictures with camera (.npz) and depth (.exr) beside."""

from __future__ import annotations

from pathlib import PurePosixPath

from warpdata.plugins import deferred
from warpdata.sources.listing import FolderListing
from warpdata.sources.megadepth.domains import RENDERED, domain_of
from warpdata.sources.megadepth.options import MegaDepthOptions
from warpdata.sources.table import SourceRow


def recognise_any(listing: FolderListing) -> bool:
    """Whether any picture has an `.npz` of its name beside it."""
    cameras = {name.removesuffix(".npz") for name in listing.files if name.endswith(".npz")}
    return bool(cameras) and any(PurePosixPath(name).with_suffix("").name in cameras for name in listing.pictures)


def recognise_training(listing: FolderListing) -> bool:
    """Whether the folder says that first pixels are centred at 0.5, or, where it says nothing, has renders."""
    if not recognise_any(listing):
        return False
    from warpdata.formats.pose_npz import pixel_centre

    try:
        said = pixel_centre(listing.path)
    except (OSError, ValueError):
        said = None
    if said is not None:
        return said == 0.5
    return any(domain_of(name, listing.path.name) == RENDERED for name in listing.pictures)


TRAINING = SourceRow(
    name="aerial-training",
    about="Aerial-MegaDepth prepared for training: pictures with .npz cameras and .exr depth beside them, metric",
    recognise=recognise_training,
    recognise_insisted=recognise_any,
    read=deferred("warpdata.sources.megadepth.stored_cameras:read_training"),
    options=MegaDepthOptions,
)

PROCESSED = SourceRow(
    name="megadepth-processed",
    about="MegaDepth as `prepare megadepth` writes it: photographs with .npz cameras and .exr depth beside them",
    recognise=recognise_any,
    read=deferred("warpdata.sources.megadepth.stored_cameras:read_processed"),
    options=MegaDepthOptions,
)
