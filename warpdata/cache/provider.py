"""Geometry of a scene, from the cache or, the first time, from the estimator that suits it."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import torch

from warpdata.cache import CacheEntry, GeometryCache
from warpdata.config import FilterOptions, GeometryOptions, SizeOptions, default_cache_dir
from warpdata.errors import CacheError, GeometryError, SceneError, WeightsError
from warpdata.geometry.estimators import choose_estimator
from warpdata.geometry.filters.judged import Judged
from warpdata.geometry.filters.readable import ReadableViews
from warpdata.geometry.types import Estimator, Progress, Provenance, no_progress
from warpdata.sources.scene import Scene

UNUSABLE_SCENE = (SceneError, GeometryError, CacheError, WeightsError)
"""What can be wrong with one scene and leaves the others unharmed."""


@dataclass(frozen=True, kw_only=True)
class KnownGeometry:
    """A scene's geometry and where it came from.

    Attributes:
        entry: the cached geometry.
        reason: which estimator, and why that one.
        cached: whether it was in the cache already.
    """

    entry: CacheEntry
    reason: str
    cached: bool


class GeometryProvider:
    """Gives geometry for scenes, each estimated once and kept in a cache that many processes may share.

    Args:
        options: which estimator, and where the cache is.
        size: the network sees views cropped or padded as the output is.
        filters: whether sky is dropped.
        device: where networks and stereo run.
    """

    def __init__(self, options: GeometryOptions, size: SizeOptions, filters: FilterOptions, device: torch.device):
        self.cache = GeometryCache(options.cache_dir or default_cache_dir())
        self._options = options
        self._size = size
        self._filters = filters
        self._device = device

    def __call__(self, scene: Scene, *, progress: Progress = no_progress) -> KnownGeometry:
        """Geometry of one scene.

        Raises:
            GeometryError: no estimator can give it, and why.
            WeightsError: the network's weights cannot be had.
            CacheError: the cache cannot be written.
        """
        work_folders: list[Path] = []
        estimator, reason = self._estimator(scene, work_folders)
        entry, made = self.cache.get_or_make(scene, Judged(ReadableViews(estimator)), progress=progress)
        for folder in work_folders if made else ():
            shutil.rmtree(folder, ignore_errors=True)
        return KnownGeometry(entry=entry, reason=reason, cached=not made)

    def known(self, scene: Scene) -> CacheEntry:
        """Geometry of one scene, if it is in the cache.

        Raises:
            GeometryError: it is not, or no estimator could give it.
            WeightsError: which network's geometry is wanted cannot be told.
            CacheError: the cache cannot be read.
        """
        estimator, _ = self._estimator(scene)
        entry = self.cache.get(scene, estimator.provenance)
        if entry is None:
            raise GeometryError(f"scene {scene.id} has no geometry in {self.cache.root}; the log says why")
        return entry

    def provenance(self, scene: Scene) -> Provenance:
        """How a scene's geometry would be made now.

        Raises:
            GeometryError: no estimator can give it, and why.
            WeightsError: the network's weights cannot be had.
        """
        return self._estimator(scene)[0].provenance

    def _estimator(self, scene: Scene, work_folders: list[Path] | None = None) -> tuple[Estimator, str]:
        """The scene's estimator and why that one; the folders it may keep its work in are added to `work_folders`."""

        def work_folder(provenance: Provenance) -> Path:
            folder = self.cache.work_folder(scene, provenance)
            if work_folders is not None:
                work_folders.append(folder)
            return folder

        return choose_estimator(
            scene, self._options, self._size, self._filters, device=self._device, work_folder=work_folder
        )
