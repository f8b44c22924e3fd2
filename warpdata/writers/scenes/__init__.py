"""Scenes as files: pictures, cameras and depth in the formats of reconstruction programs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from warpdata.writers.scenes.colmap import write_colmap
from warpdata.writers.scenes.frames import SceneFrame, SceneFrames
from warpdata.writers.scenes.idr import write_idr
from warpdata.writers.scenes.nerfstudio import write_nerfstudio
from warpdata.writers.scenes.nsvf import write_nsvf
from warpdata.writers.scenes.shards import write_scene_shard
from warpdata.writers.scenes.wai import write_wai

__all__ = ["SCENE_FORMATS", "SceneFrame", "SceneFrames"]

SCENE_FORMATS: dict[str, Callable[[SceneFrames, Path], None]] = {
    "colmap": write_colmap,
    "nerfstudio": write_nerfstudio,
    "wai": write_wai,
    "nsvf": write_nsvf,
    "idr": write_idr,
    "shards": write_scene_shard,
}
