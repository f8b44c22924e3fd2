"""Geometry shards: a scene's own pictures and its encoded geometry in one tar, to stream scenes and render on demand.

Pictures are the source's files, byte for byte, and the geometry is the cache's entry: nothing is compressed twice.
`warpdata.training.scene_shards` reads them back.
"""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

from warpdata.files.bounded_json import dump_json
from warpdata.training.scene_shards import GEOMETRY, SCENE
from warpdata.writers.scenes.frames import SceneFrames


def write_scene_shard(frames: SceneFrames, root: Path) -> None:
    """Write `<scene>.tar`: one WebDataset sample of scene.json, geometry.safetensors and `<number>.<ext>` pictures."""
    scene_id, pairs = frames.scene_id, frames.pairs
    pictures = [(f"{number:06d}{picture.suffix}", picture) for number, picture in enumerate(pairs.pictures)]
    about = {
        "id": scene_id,
        "license": pairs.entry.header.source_license,
        "scale": frames.scale,
        "views": [
            {"name": name, "picture": picture} for name, (picture, _) in zip(pairs.entry.names, pictures, strict=True)
        ],
    }
    (root / SCENE).write_bytes(dump_json(about).encode())
    with tarfile.open(root / f"{scene_id}.tar", "w", format=tarfile.USTAR_FORMAT) as tar:
        contents = [(GEOMETRY, pairs.entry.path.read_bytes), (SCENE, (root / SCENE).read_bytes)]
        for name, read in [*contents, *((name, picture.read_bytes) for name, picture in pictures)]:
            content = read()
            member = tarfile.TarInfo(f"{scene_id}.{name}")  # no owner, no time, mode 0644
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    (root / SCENE).unlink()
