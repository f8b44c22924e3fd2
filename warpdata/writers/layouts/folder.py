"""The triplet folder, which people look at and all other layouts are made from: `<scene>/<name>_<role>.<ext>`."""

from __future__ import annotations

from warpdata.plugins import deferred
from warpdata.writers.layouts.layout import LayoutOptions, LayoutRow, Place, Samples, Written


def write_folder(samples: Samples, options: LayoutOptions, place: Place) -> Written:
    """Nothing more than its manifest is needed; see `LayoutRow`."""
    return Written(records=samples.records, files={})


ROW = LayoutRow(
    name="folder",
    about="triplets as files a scene, to look at and to make other layouts from",
    write=write_folder,
    needs_reference=False,
    shows_masks=True,
    shows_points=True,
    is_triplet_folder=True,
    mark="*/*_target.*",
    check=deferred("warpdata.checks.folders:check_triplets"),
)
