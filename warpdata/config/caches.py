"""Where caches lie when nobody says otherwise."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs


def default_cache_dir() -> Path:
    """Where geometry is kept: WARPDATA_CACHE, or `warpdata` in the platform's folder of user caches."""
    if folder := os.environ.get("WARPDATA_CACHE"):
        return Path(folder)
    return Path(platformdirs.user_cache_dir("warpdata", appauthor=False))
