"""Scenes that are looked at: their views, points and cameras, and the warp from wherever one stands."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any

import torch

from warpdata.cache import CacheEntry
from warpdata.config import FilterOptions, PairOptions, SizeOptions
from warpdata.formats.axes import flip_camera_axes
from warpdata.formats.jpeg_png import encode_picture
from warpdata.sources.fit import fit_image
from warpdata.sources.scene import Scene
from warpdata.triplets.scene_pairs import ScenePairs, open_pairs
from warpdata.view.kept import Kept
from warpdata.view.live_warp import Arguments, Asked, LiveWarp, Seen, how_to_repeat, splat_options
from warpdata.view.points import ColourBy, depth_picture, scene_points
from warpdata.view.shelves import Shelf
from warpdata.view.thumbnails import thumbnail
from warpdata.view.view_arrays import ViewArrays

LIVE_SIZE = SizeOptions(max_megapixels=0.3072)
"""640 x 480: of live pictures."""

OPEN_SCENES = 4
THUMBNAIL_PX = 240
MAX_POINTS = 2_000_000


@dataclass(frozen=True, kw_only=True)
class OpenScene:
    """A scene whose geometry is at hand.

    Attributes:
        scene: its views.
        pairs: its geometry, at the size of live pictures.
        live: renders.
        lock: held while it does.
    """

    scene: Scene
    pairs: ScenePairs
    live: LiveWarp
    lock: threading.Lock

    @property
    def entry(self) -> CacheEntry:
        return self.pairs.entry


class Scenes:
    """Scenes of a folder or of a cache. Safe to share between threads.

    Args:
        shelf: where they come from.
        arguments: from options of `splat` to its command line.
    """

    kind = "scenes"

    def __init__(self, shelf: Shelf, arguments: Arguments):
        self.title = shelf.title
        self._shelf, self._arguments = shelf, arguments
        self._ids = shelf.ids
        self._open: Kept[OpenScene] = Kept(OPEN_SCENES, lambda _: 1)
        self._thumbnails: Kept[bytes] = Kept(32 * 2**20, len)
        self._arrays: Kept[ViewArrays] = Kept(128 * 2**20, lambda arrays: arrays.num_bytes)
        self._device = torch.device("cuda" if torch.cuda.is_available() else "cpu")

    def about(self) -> dict[str, Any]:
        """What the page has to know before it shows anything."""
        return {"kind": self.kind, "title": self.title, "scenes": len(self._ids)}

    def page(self, start: int, count: int) -> dict[str, Any]:
        """Some scenes, by number and id."""
        ids = self._ids[start : start + count]
        scenes = [{"number": number, "id": one} for number, one in enumerate(ids, start)]
        return {"total": len(self._ids), "start": start, "scenes": scenes}

    def details(self, number: int) -> dict[str, Any]:
        """A scene's views with their cameras, and where its geometry comes from.

        Raises:
            IndexError: there is no such scene.
            SceneError, GeometryError, WeightsError, CacheError: it cannot be shown, and why.
        """
        opened = self._scene(number)
        entry, pairs = opened.entry, opened.pairs
        views = []
        for index, name in enumerate(entry.names):
            camera = entry.camera(index).image_camera
            fitted = fit_image(camera.hw, pairs.output_hw, pairs.size.preprocess_mode).map_camera(camera)
            pose = flip_camera_axes(camera.world_from_cam.double().numpy())
            views.append({"name": name, "K": fitted.K.tolist(), "transform_matrix": pose.tolist()})
        height, width = pairs.output_hw
        return {
            "number": number,
            "id": self._ids[number],
            "size": [width, height],
            "unit": self._unit(opened),
            "source": opened.scene.source,
            "estimator": entry.provenance.estimator,
            "licence": entry.header.source_license,
            "left_out": {**opened.scene.left_out, **entry.left_out},
            "median_depth": self._median_depth(opened),
            "views": views,
        }

    def first_picture(self, number: int) -> bytes:
        """A small JPEG of a scene's first view, which needs no geometry.

        Raises:
            IndexError: there is no such scene, or it has no view.
            SceneError, ViewError: it cannot be read.
        """
        self._check(number)
        return self._thumbnails.get(
            number, lambda: thumbnail(self._shelf.scene(number).views[0].picture.load(), THUMBNAIL_PX)
        )

    def view_picture(self, number: int, view: int) -> bytes:
        """A JPEG of a view, fitted as live pictures are; raises as `details`."""
        opened = self._scene(number)
        picture, hw = opened.pairs.pictures[self._view(opened, view)], opened.pairs.output_hw
        return self._thumbnails.get(
            (number, view), lambda: encode_picture(picture.load(fit_image(picture.hw(), hw, "crop")), "jpg")
        )

    def depth(self, number: int, view: int) -> tuple[bytes, float, float]:
        """A view's depth in colours as PNG, and the depths of the nearest and farthest colour; raises as `details`."""
        opened = self._scene(number)
        colours, near, far = depth_picture(opened.entry.frame(self._view(opened, view)).depth.numpy())
        return encode_picture(torch.from_numpy(colours).permute(2, 0, 1).contiguous(), "png"), near, far

    def view_array(self, number: int, view: int, role: str) -> bytes:
        """A view's picture, depth or confidence as it is shown beside the others, as PNG; raises as `details`."""
        return encode_picture(self._view_arrays(number, view).shown(role), "png")

    def probe(self, number: int, view: int, x: int, y: int) -> dict[str, Any]:
        """The values of a pixel in a view's picture, depth and confidence; raises as `details`.

        Raises:
            ValueError: it lies outside.
        """
        unit = self._unit(self._scene(number))
        return {"x": x, "y": y, "pictures": self._view_arrays(number, view).probe(x, y, unit)}

    def points(self, number: int, *, budget: int, colour_by: ColourBy, view: int | None = None) -> bytes:
        """Points of all views or of one, see `scene_points`; raises as `details`."""
        opened = self._scene(number)
        views = range(len(opened.entry)) if view is None else [self._view(opened, view)]
        return scene_points(
            [lambda index=index: opened.entry.frame(index) for index in views],
            [lambda index=index: opened.pairs.pictures[index].load() for index in views],
            budget=max(1, min(budget, MAX_POINTS)),
            colour_by=colour_by,
        )

    def see(self, number: int, asked: Asked) -> Seen:
        """The warp from a camera; raises as `details` and `LiveWarp.see`."""
        opened = self._scene(number)
        with opened.lock:
            return opened.live.see(asked)

    def repeat(self, number: int, asked: Asked) -> dict[str, str]:
        """How to get exactly the picture of `see` elsewhere."""
        opened = self._scene(number)
        seen = self.see(number, asked).reference
        folder, geometry = self._shelf.again(number, opened.scene)
        options = splat_options(LIVE_SIZE, geometry=geometry)
        return how_to_repeat(asked, seen, folder, options, self._arguments)

    def close(self) -> None:
        """Remove what was made for the scenes."""
        self._shelf.close()

    def _check(self, number: int) -> None:
        if not 0 <= number < len(self._ids):
            raise IndexError(f"there is no scene {number}: there are {len(self._ids)}")

    def _view(self, opened: OpenScene, view: int) -> int:
        if not 0 <= view < len(opened.entry):
            raise IndexError(f"there is no view {view}: {opened.scene.id} has {len(opened.entry)} with depth")
        return view

    def _view_arrays(self, number: int, view: int) -> ViewArrays:
        opened = self._scene(number)
        frame = opened.entry.frame(self._view(opened, view))
        fit = fit_image(frame.image_hw, opened.pairs.output_hw, opened.pairs.size.preprocess_mode)

        def make() -> ViewArrays:
            camera = fit.map_camera(frame.image_camera)
            return ViewArrays.of(frame, camera, lambda: opened.pairs.pictures[view].load(fit))

        return self._arrays.get((number, view), make)

    @staticmethod
    def _unit(opened: OpenScene) -> str:
        return "m" if opened.entry.scale == "metric" else "scene units"

    def _scene(self, number: int) -> OpenScene:
        self._check(number)
        return self._open.get(number, lambda: self._opened(number))

    def _opened(self, number: int) -> OpenScene:
        scene = self._shelf.scene(number)
        pairs = open_pairs(
            scene,
            self._shelf.entry(number, scene),
            size=LIVE_SIZE,
            filters=FilterOptions(),
            pairs=PairOptions(),
            keep_odd_views=self._shelf.keep_odd_views,
        )
        return OpenScene(scene=scene, pairs=pairs, live=LiveWarp(pairs, self._device), lock=threading.Lock())

    @staticmethod
    def _median_depth(opened: OpenScene) -> float:
        depth = opened.entry.frame(0).depth
        known = depth[depth > 0]
        return known.median().item() if known.numel() else 1.0
