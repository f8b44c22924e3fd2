"""PyAV, FFmpeg's libraries as a package (extra `video`), as everything here that reads or writes videos gets it."""

from __future__ import annotations

import importlib.util
from types import ModuleType

INSTALL = "pip install 'warpdata[video]'"


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
