"""PyAV, FFmpeg's libraries as a package (extra `video`), as everything here that reads or writes videos gets it."""

from __future__ import annotations

import importlib.util
from pathlib import PurePath
from types import ModuleType

VIDEO_SUFFIXES = frozenset(
    ".3g2 .3gp .asf .avi .flv .m2ts .m4v .mkv .mov .mp4 .mpeg .mpg .mts .mxf .ogv .ts .vob .webm .wmv".split()
)
"""Names of videos end so, in any case."""

INSTALL = "pip install 'warpdata[video]'"


def is_video_name(name: str) -> bool:
    """Whether a file name is that of a video. Hidden files are none."""
    return not name.startswith(".") and PurePath(name).suffix.lower() in VIDEO_SUFFIXES


def unavailable() -> str | None:
    """Why there is no PyAV here, and what to do; None where there is one. Imports nothing."""
    if importlib.util.find_spec("av") is not None:
        return None
    return f"it needs PyAV, which is not installed; install it with `{INSTALL}`"


def pyav() -> ModuleType:
    """The package `av`.

    Raises:
        ImportError: it is not installed, or cannot be loaded here; says what to do.
    """
    try:
        import av
    except ImportError as error:
        raise ImportError(
            f"PyAV, which reads and writes videos, cannot be loaded ({error}); install it with `{INSTALL}`"
        ) from error
    return av
