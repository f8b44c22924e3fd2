"""Formats on disk as scenes of views: what a scene is, where scenes are, and a reader a format.

The table of sources is light to import; the rest, which needs torch, is imported when it is first asked for.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from warpdata.config import SourceOptions, default_cache_dir
from warpdata.plugins import OwnOptions
from warpdata.sources.table import AUTO, SOURCES, SourceRow, Workplace

if TYPE_CHECKING:
    from warpdata.sources.depth_map import DepthFile, DepthMap
    from warpdata.sources.picture import Mask, MaskFile, Picture, PictureFile
    from warpdata.sources.scene import Scene, Source, View

_MODULES = {
    "DepthFile": "depth_map",
    "DepthMap": "depth_map",
    "Mask": "picture",
    "MaskFile": "picture",
    "Picture": "picture",
    "PictureFile": "picture",
    "Scene": "scene",
    "Source": "scene",
    "View": "scene",
}
"""Name -> the module it is imported from when it is first asked for."""


def open_source(options: SourceOptions, own: OwnOptions | None = None, *, work: Workplace | None = None) -> Source:
    """The scenes below `options.input_dir`, read as `options.source` says. Nothing is read before it is asked for.

    Args:
        own: options that belong to single sources.
        work: where sources may keep what they make of videos and the like; the user's cache, by default.

    Raises:
        ValueError: there is no source of that name.
        PluginError: the source insisted on cannot be loaded.
    """
    from warpdata.sources.folder import FolderSource

    if options.source == AUTO:
        # Any folder may hold pictures: a row with a mark of its own comes first, whoever adds it.
        rows = tuple(sorted(SOURCES, key=lambda row: row.only_pictures))
    elif options.source in SOURCES:
        rows = (SOURCES[options.source],)
    else:
        raise ValueError(f"there is no source {options.source!r}; choose from {', '.join((AUTO, *SOURCES.names))}")
    return FolderSource(options, rows, own or OwnOptions(), work or Workplace(cache_dir=default_cache_dir()))


def __getattr__(name: str):
    if name not in _MODULES:
        raise AttributeError(f"module {__name__} has no attribute {name}")
    return getattr(importlib.import_module(f"warpdata.sources.{_MODULES[name]}"), name)


__all__ = [
    "SOURCES",
    "DepthFile",
    "DepthMap",
    "Mask",
    "MaskFile",
    "Picture",
    "PictureFile",
    "Scene",
    "Source",
    "SourceRow",
    "View",
    "Workplace",
    "open_source",
]
