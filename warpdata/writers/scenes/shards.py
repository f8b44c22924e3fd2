"""Geometry shards: a scene's own pictures and its encoded geometry in one tar, to stream scenes and render on demand.

Pictures are the source's files, byte for byte, and the geometry is the cache's entry: nothing is compressed twice.
`warpdata.training.scene_shards` reads them back.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from warpdata.formats.geometry_shard import ShardPicture, write_geometry_shard
from warpdata.writers.scenes.frames import SceneFrames


def write_scene_shard(frames: SceneFrames, root: Path, own: Any = None) -> None:
    """Write `<scene>.tar`."""
    entry = frames.pairs.entry
    write_geometry_shard(
        root / f"{frames.scene_id}.tar",
        frames.scene_id,
        entry.path,
        [
            ShardPicture(name, picture.suffix, picture.read_bytes)
            for name, picture in zip(entry.names, frames.pairs.pictures, strict=True)
        ],
        license=entry.header.source_license,
        scale=frames.scale,
    )
