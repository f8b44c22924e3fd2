"""How much of one view another one covers, measured on the geometry itself and kept beside its cache entry."""

from __future__ import annotations

import json
from functools import cache, cached_property, lru_cache
from pathlib import Path

import torch
from jaxtyping import Int
from torch import Tensor

from warpdata.cache import CacheEntry
from warpdata.config import RenderOptions
from warpdata.errors import ViewError
from warpdata.files.atomic import write_atomic
from warpdata.files.bounded_json import read_json
from warpdata.geometry.maths.resample import SamplingGrid, resample_depth
from warpdata.geometry.types import FrameGeometry
from warpdata.render import warp
from warpdata.sources.points import Points
from warpdata.triplets.apart import all_beyond, solids
from warpdata.triplets.empty import EMPTY_HOLE_FRACTION

COARSE_PIXELS = 8192
"""Overlap is measured on depth maps of about so many pixels."""

MEASURE_VERSION = 2
"""Raised when measured shares change, so that those kept are measured again. 2: near and far are shares of depth."""

FRAMES_AT_HAND = 512
"""Coarse frames that are kept; some 64 kB each."""


class Overlaps:
    """`overlaps(reference, target)` is the share of the target that the reference's points cover, 0 to 1.

    The reference's depth, reduced, is warped into the target; every pixel a point falls on counts. Points that others
    hide are not looked for, because that test depends on the resolution, while this share does not: on the sample it is
    within 0.01 of the share at full size. A triplet's `hole_fraction` is larger than one minus it by what is hidden.
    Each pair is measured once. Where two views saw no sparse point in common it is first looked into whether they can
    share anything at all (`apart`); those that cannot are 0 without being measured.

    Args:
        entry: the scene's geometry.
        folder: where measured overlaps are kept, one file an entry.
        confidence_threshold: points below it do not count, as in the warp.
        points: sparse points of the scene; they give a first guess, and never change what is found.
    """

    def __init__(self, entry: CacheEntry, folder: Path, confidence_threshold: float, points: Points | None = None):
        self._entry = entry
        self._options = RenderOptions(version=1, confidence_threshold=confidence_threshold, occlusion_threshold=0.0)
        self._path = folder / f"{entry.key}.v{self._options.version}-{MEASURE_VERSION}.{confidence_threshold:g}.json"
        self._known = self._read()
        self._new = False
        self._frame = lru_cache(FRAMES_AT_HAND)(self._coarse_frame)
        self._points = points
        self._solids = cache(lambda index: solids(self._frame(index), confidence_threshold))

    def __call__(self, reference: int, target: int) -> float:
        pair = f"{reference} {target}"
        if pair not in self._known:
            self._known[pair] = round(self._share(reference, target), 4)
            self._new = True
        return self._known[pair]

    def doubt(self) -> str:
        """What to add to "no pair overlaps as is asked for": a question where no view covers another at all."""
        if max(self._known.values(), default=1.0) > 1 - EMPTY_HOLE_FRACTION:
            return ""
        return "; none covers another at all: do poses and depth have one unit?"

    def save(self) -> None:
        """Keep what was measured; a file appears whole, and losing a race to another process loses nothing but time."""
        if self._new:
            write_atomic(self._path, json.dumps(self._known, sort_keys=True), shared=True)
            self._new = False

    def _read(self) -> dict[str, float]:
        try:
            known = read_json(self._path)
            return {pair: float(share) for pair, share in known.items() if 0 <= share <= 1}
        except (OSError, ValueError, TypeError, AttributeError):
            return {}  # not there, or damaged: measured again and replaced

    def _share(self, reference: int, target: int) -> float:
        if not self._see_common_points(reference, target) and self._apart(reference, target):
            return 0.0
        return self._measure(reference, target)

    def _see_common_points(self, reference: int, target: int) -> bool:
        """Whether views are known to see a point in common; they may well share something where they are not."""
        first, second = (self._seen.get(self._entry.names[index]) for index in (reference, target))
        return first is not None and second is not None and bool(torch.isin(first, second, assume_unique=True).any())

    @cached_property
    def _seen(self) -> dict[str, Int[Tensor, " k"]]:
        """View -> the points that it saw; empty where nothing tells."""
        try:
            return (self._points.load().seen if self._points is not None else None) or {}
        except ViewError:  # whoever needs the points says so
            return {}

    def _apart(self, reference: int, target: int) -> bool:
        return all_beyond(self._solids(reference), self._frame(target).camera)

    def _measure(self, reference: int, target: int) -> float:
        source, view = self._frame(reference), self._frame(target)
        image = torch.zeros(3, *source.depth.shape, dtype=torch.uint8)
        rendering = warp(
            image, source.depth, source.camera, view.camera, confidence=source.confidence, options=self._options
        )
        return rendering.visible.double().mean().item()

    def _coarse_frame(self, index: int) -> FrameGeometry:
        frame = self._entry.frame(index)
        height, width = frame.depth.shape
        scale = min(1.0, (COARSE_PIXELS / (height * width)) ** 0.5)
        hw = max(1, round(height * scale)), max(1, round(width * scale))
        depth, confidence = resample_depth(frame.depth, frame.confidence, SamplingGrid.spanning((height, width), hw))
        return FrameGeometry(
            name=frame.name,
            depth=depth,
            confidence=confidence,
            camera=frame.camera.resized(hw),
            image_hw=frame.image_hw,
            content_box=frame.content_box,
        )
