"""Images on disk as scenes of views."""

from warpdata.config import SourceOptions
from warpdata.sources.folder import FolderSource
from warpdata.sources.scene import DepthFile, Scene, Source, View

SOURCES: dict[str, type[Source]] = {"folder": FolderSource}


def open_source(options: SourceOptions, name: str = "folder") -> Source:
    """The source called `name` over `options.input_dir`. Nothing is read before it is asked for.

    Raises:
        ValueError: there is no source of that name.
    """
    if name not in SOURCES:
        raise ValueError(f"unknown source {name!r}; choose from {', '.join(SOURCES)}")
    return SOURCES[name](options)


__all__ = ["SOURCES", "DepthFile", "Scene", "Source", "View", "open_source"]
