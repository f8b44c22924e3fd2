"""Geometry shards: a scene's own pictures and its encoded geometry in one tar, to stream scenes and render on demand.

One WebDataset sample of `geometry.safetensors` (an entry of the cache), `scene.json` and `<number>.<ext>` pictures.
"""

from __future__ import annotations

import io
import re
import shutil
import tarfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from warpdata.files.bounded_json import dump_json, read_json

GEOMETRY = "geometry.safetensors"
SCENE = "scene.json"
"""Members of a geometry shard, besides the pictures: the cache's entry, and what the views are called."""

PICTURE = re.compile(r"[0-9]{6}\.[a-z]{3,4}")
MEMBER = re.compile(rf"([A-Za-z0-9_-]+)\.(geometry\.safetensors|scene\.json|{PICTURE.pattern})")
"""Names that a shard may hold; nothing else is unpacked, so nothing lands outside of the folder."""


@dataclass(frozen=True)
class ShardPicture:
    """A picture that goes into a shard.

    Attributes:
        view: the view's name.
        suffix: of its file, with the dot.
        read: gives the file's bytes.
    """

    view: str
    suffix: str
    read: Callable[[], bytes]


@dataclass(frozen=True, kw_only=True)
class ShardScene:
    """What a shard says about its scene.

    Attributes:
        id: the scene's.
        license: of its pictures, as their source states it.
        scale: `metric` or `arbitrary`.
        views: name of each view -> the file of its picture, below the folder the shard was unpacked to.
    """

    id: str
    license: str | None
    scale: str
    views: dict[str, str]


def write_geometry_shard(
    path: Path,
    scene_id: str,
    geometry: Path,
    pictures: Sequence[ShardPicture],
    *,
    license: str | None,
    scale: str,
) -> None:
    """Write a shard. Pictures and geometry are copied byte for byte: nothing is compressed twice."""
    names = [f"{number:06d}{picture.suffix.lower()}" for number, picture in enumerate(pictures)]
    about = {
        "id": scene_id,
        "license": license,
        "scale": scale,
        "views": [{"name": picture.view, "picture": name} for name, picture in zip(names, pictures, strict=True)],
    }
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as tar:

        def add(name: str, length: int, file: io.BufferedIOBase) -> None:
            member = tarfile.TarInfo(f"{scene_id}.{name}")  # no owner, no time, mode 0644
            member.size = length
            tar.addfile(member, file)

        with geometry.open("rb") as file:
            add(GEOMETRY, geometry.stat().st_size, file)
        text = dump_json(about).encode()
        add(SCENE, len(text), io.BytesIO(text))
        for name, picture in zip(names, pictures, strict=True):
            data = picture.read()
            add(name, len(data), io.BytesIO(data))


def unpack_geometry_shard(file: io.IOBase, folder: Path) -> ShardScene:
    """Unpack a shard into a folder; `geometry.safetensors` is the entry of a cache then.

    Raises:
        OSError, tarfile.TarError: it cannot be read, or not be unpacked.
        ValueError: it is no geometry shard.
    """
    with tarfile.open(fileobj=file, mode="r|") as tar:
        for member in tar:
            match = MEMBER.fullmatch(member.name)
            if not member.isfile() or match is None:
                raise ValueError(f"it holds {member.name!r}: it is not a geometry shard")
            with (folder / match.group(2)).open("wb") as unpacked:
                shutil.copyfileobj(tar.extractfile(member), unpacked, 2**20)
    return _scene(read_json(folder / SCENE))


def _scene(about: Any) -> ShardScene:
    try:
        views = {str(view["name"]): view["picture"] for view in about["views"]}
        for picture in views.values():
            if not PICTURE.fullmatch(picture):
                raise ValueError(f"picture {picture!r} is not named as in a geometry shard")
        return ShardScene(id=str(about["id"]), license=about["license"], scale=about["scale"], views=views)
    except (KeyError, TypeError) as error:
        raise ValueError(f"its {SCENE} is not that of a geometry shard ({error!r})") from error
