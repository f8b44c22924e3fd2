"""Triplets and scenes as files, in the layouts that trainers read."""

from warpdata.data.points import PointCloud
from warpdata.writers.session import RunInfo, Writers, open_writers

__all__ = ["PointCloud", "RunInfo", "Writers", "open_writers"]
