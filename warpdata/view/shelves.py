"""Where scenes come from that are looked at: a folder of scenes, or a cache of geometry. Nothing is estimated."""

from __future__ import annotations

import tempfile
from collections import Counter
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Protocol, runtime_checkable

import cv2
import torch

from warpdata.cache import CacheEntry, GeometryCache
from warpdata.cache.provider import GeometryProvider
from warpdata.cache.store import ENTRY_SUFFIX
from warpdata.config import FilterOptions, GeometryOptions, SizeOptions, SourceOptions, default_cache_dir
from warpdata.errors import CacheError, GeometryError, SourceError, WarpdataError
from warpdata.files.digests import file_sha256
from warpdata.formats.jpeg_png import encode_picture
from warpdata.sources import Workplace, open_source
from warpdata.sources.naming import natural_key
from warpdata.sources.picture import PictureFile
from warpdata.sources.scene import Scene, View
from warpdata.view.points import depth_picture

GIVEN = "given"


@runtime_checkable
class Shelf(Protocol):
    """Scenes whose geometry is at hand.

    Attributes:
        title: what the page calls them.
        keep_odd_views: whether views of odd sizes belong to a scene.
        ids: of the scenes, in the order of their numbers.
    """

    title: str
    keep_odd_views: bool
    ids: list[str]

    def scene(self, number: int) -> Scene:
        """The views of a scene; raises a `WarpdataError`."""
        ...

    def entry(self, number: int, scene: Scene) -> CacheEntry:
        """Its geometry; raises a `WarpdataError`."""
        ...

    def again(self, number: int, scene: Scene) -> tuple[Path, GeometryOptions]:
        """The folder and the options of geometry with which a program finds the same."""
        ...

    def close(self) -> None:
        """Remove what was made for them."""
        ...


class FolderShelf:
    """The scenes of an input folder.

    Geometry comes from the cache. What a scene ships itself is read where the cache lacks it, into a folder that goes
    when the viewer ends.

    Args:
        source: which scenes and views, as for `materialize`.
        geometry: where depth and cameras come from, and where the cache is.
        size: of live pictures, which networks see views at.

    Raises:
        SourceError: the input cannot be used.
    """

    def __init__(self, source: SourceOptions, geometry: GeometryOptions, size: SizeOptions):
        self.title, self.keep_odd_views = str(source.input_dir), source.keep_odd_views
        self._options, self._geometry, self._size = source, geometry, size
        work = Workplace(cache_dir=geometry.cache_dir or default_cache_dir(), writes=False)
        self._source = open_source(source, work=work)
        self.ids = self._source.scene_ids()
        self._made = tempfile.TemporaryDirectory(prefix="warpdata-view-")

    def scene(self, number: int) -> Scene:
        return self._source.scene(self.ids[number])

    def entry(self, number: int, scene: Scene) -> CacheEntry:
        provider = self._provider(self._geometry)
        if (entry := provider.cache.get(scene, provider.provenance(scene))) is not None:
            return entry
        given = self._geometry.geometry in ("auto", GIVEN) and scene.ships_geometry
        if not given:
            raise GeometryError(
                f"scene {scene.id} ships no depth for all of its views, and {provider.cache.root} has no geometry for "
                "it; make triplets of it first, with `python -m warpdata.materialize`"
            )
        options = replace(self._geometry, geometry=GIVEN, cache_dir=Path(self._made.name))
        return self._provider(options)(scene).entry

    def again(self, number: int, scene: Scene) -> tuple[Path, GeometryOptions]:
        folder = self._options.input_dir
        if len(self.ids) > 1 or (scene.root is not None and scene.root != folder.resolve()):
            folder = scene.root or folder / self.ids[number]
        return folder, self._geometry

    def close(self) -> None:
        self._made.cleanup()

    def _provider(self, options: GeometryOptions) -> GeometryProvider:
        device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        return GeometryProvider(options, self._size, FilterOptions(), device, least_views=1)


@dataclass(frozen=True)
class _Kept:
    """An entry with what the page calls it."""

    label: str
    entry: CacheEntry


class CacheShelf:
    """All geometry that a cache holds. Pictures are those that it was made from, where they still are where they were;
    else depth in colours stands in their place.

    Args:
        root: the cache.

    Raises:
        SourceError: it holds no geometry that can be read.
    """

    keep_odd_views = True

    def __init__(self, root: Path):
        self.title = str(root)
        self._root = root
        entries = [CacheEntry(path) for path in sorted(GeometryCache(root).entry_folder.glob(f"*{ENTRY_SUFFIX}"))]
        readable = [entry for entry in entries if _is_readable(entry)]
        if not readable:
            raise SourceError(f"the cache {root} holds no geometry that can be read; `cache_tools show` lists it")
        how_often = Counter(entry.scene_id for entry in readable)
        kept = [
            _Kept(
                f"{entry.scene_id} ({entry.provenance.estimator}"
                + (f", {entry.key[:8]})" if how_often[entry.scene_id] > 1 else ")"),
                entry,
            )
            for entry in readable
        ]
        self._kept = sorted(kept, key=lambda one: natural_key(one.label))
        self.ids = [one.label for one in self._kept]

    def scene(self, number: int) -> Scene:
        entry = self._kept[number].entry
        header = entry.header
        views, problem = _views_there(entry)
        left_out = {} if problem is None else {"pictures": f"{problem}; depth in colours stands in their place"}
        if problem is not None:
            views = self._depth_views(entry)
        return Scene(
            id=header.scene_id,
            root=Path(header.source_root) if problem is None and header.source_root else None,
            views=views,
            left_out=left_out,
            license=header.source_license,
            source=header.source,
        )

    def entry(self, number: int, scene: Scene) -> CacheEntry:
        return self._kept[number].entry

    def again(self, number: int, scene: Scene) -> tuple[Path, GeometryOptions]:
        entry = self._kept[number].entry
        folder = Path(entry.header.source_root or entry.scene_id)
        return folder, GeometryOptions(geometry=entry.provenance.estimator, cache_dir=self._root)

    def close(self) -> None:
        if "_made" in vars(self):
            self._made.cleanup()

    @cached_property
    def _made(self) -> tempfile.TemporaryDirectory:
        return tempfile.TemporaryDirectory(prefix="warpdata-view-")

    def _depth_views(self, entry: CacheEntry) -> tuple[View, ...]:
        """Views whose pictures are their depth in colours, at the size of the pictures that are gone."""
        folder = Path(self._made.name) / entry.key
        folder.mkdir(parents=True, exist_ok=True)
        views = []
        for index, name in enumerate(entry.names):
            path = folder / f"{name}.png"
            if not path.exists():
                frame = entry.frame(index)
                height, width = frame.image_hw
                colours = cv2.resize(
                    depth_picture(frame.depth.numpy())[0], (width, height), interpolation=cv2.INTER_AREA
                )
                path.write_bytes(encode_picture(torch.from_numpy(colours).permute(2, 0, 1).contiguous(), "png"))
            views.append(View(name=name, picture=PictureFile(path)))
        return tuple(views)


def _is_readable(entry: CacheEntry) -> bool:
    try:
        return len(entry) > 0
    except CacheError:
        return False


def _views_there(entry: CacheEntry) -> tuple[tuple[View, ...], str | None]:
    """The views that an entry was made from, as their source reads them now, and why they cannot be had."""
    header = entry.header
    root = Path(header.source_root)
    if not header.source_root or not root.exists():
        return (), f"the pictures that it was made from are not at {header.source_root or 'a known place'} any more"
    try:
        source = open_source(SourceOptions(input_dir=root, source=header.source or "auto", keep_odd_views=True))
        ids = source.scene_ids()
        for scene_id in sorted(ids, key=lambda one: one != header.scene_id):
            views = {view.name: view for view in source.scene(scene_id).views}
            if all(name in views for name in entry.names):
                chosen = tuple(views[name] for name in entry.names)
                return (
                    (chosen, None)
                    if _is_same(chosen[0], root, header.inputs)
                    else ((), f"files in {root} have changed")
                )
            if len(ids) > 1 and scene_id != header.scene_id:
                break
    except (OSError, ValueError, WarpdataError) as error:
        return (), f"the pictures in {root} cannot be read ({error})"
    return (), f"{root} has other pictures now"


def _is_same(view: View, root: Path, inputs: dict[str, str | None]) -> bool:
    """Whether a view's picture has the bytes that the geometry was made from; of what is no file it is not asked."""
    for path in view.picture.files:
        inside = path.relative_to(root).as_posix() if path.is_relative_to(root) else None
        if inside in inputs and inputs[inside] != file_sha256(path):
            return False
    return True
