"""Geometry on disk: made once a scene, found by content, read frame by frame."""

from warpdata.cache.entry import CacheEntry
from warpdata.cache.store import GeometryCache

__all__ = ["CacheEntry", "GeometryCache"]
