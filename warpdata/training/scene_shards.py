"""Scenes streamed from geometry shards: each is unpacked, used, and removed before the next but one arrives."""

from __future__ import annotations

import shutil
import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import fsspec

from warpdata.cache import CacheEntry
from warpdata.config import FilterOptions, PairOptions, SizeOptions
from warpdata.errors import SceneError
from warpdata.formats.geometry_shard import GEOMETRY, unpack_geometry_shard
from warpdata.sources.naming import clean_name
from warpdata.sources.scene import PictureFile, Scene, View
from warpdata.triplets.scene_pairs import ScenePairs, open_pairs


def stream_scenes(
    urls: Sequence[str],
    scratch: Path,
    *,
    size: SizeOptions | None = None,
    filters: FilterOptions | None = None,
    pairs: PairOptions | None = None,
    keep_odd_views: bool = False,
) -> Iterator[ScenePairs]:
    """Scenes of geometry shards, ready to render pairs of: see `ScenePairs.inputs` and `render_triplets`.

    A scene's files are there until the next scene is asked for.

    Args:
        urls: of the shards, in the order they are wanted; any fsspec URL, or a path.
        scratch: folder for the scene at hand.
        keep_odd_views: as for `open_pairs`.

    Raises:
        SceneError: a shard cannot be read, or is no geometry shard.
    """
    for url in urls:
        folder = scratch / "scene"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        try:
            scene = unpack_scene(url, folder)
            yield open_pairs(
                scene,
                CacheEntry(folder / GEOMETRY),
                size=size or SizeOptions(),
                filters=filters or FilterOptions(),
                pairs=pairs or PairOptions(),
                keep_odd_views=keep_odd_views,
            )
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def unpack_scene(url: str, folder: Path) -> Scene:
    """Unpack one geometry shard.

    Raises:
        SceneError: it cannot be read, or holds something else.
    """
    try:
        with fsspec.open(url, "rb") as file:
            about = unpack_geometry_shard(file, folder)
    except (OSError, tarfile.TarError, ValueError) as error:
        raise SceneError(f"{url} cannot be read as a geometry shard: {error}") from error
    views = tuple(
        View(name=clean_name(name), picture=PictureFile(folder / picture)) for name, picture in about.views.items()
    )
    return Scene(
        id=clean_name(about.id),
        root=folder,
        views=views,
        left_out={},
        scale="metric" if about.scale == "metric" else "arbitrary",
        license=about.license,
    )
