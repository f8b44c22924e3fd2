"""Geometry of a scene, from the cache or, the first time, from the estimator that suits it."""

from __future__ import annotations

import functools
import shutil
from dataclasses import dataclass
from pathlib import Path

import torch

from warpdata.cache import CacheEntry, GeometryCache
from warpdata.config import FilterOptions, GeometryOptions, SizeOptions, default_cache_dir
from warpdata.errors import CacheError, GeometryError, SceneError, WeightsError
from warpdata.geometry.choose import choose_estimator
from warpdata.geometry.estimators import EstimatorRequest, check_estimator_name
from warpdata.geometry.filters.judged import Judged
from warpdata.geometry.filters.readable import ReadableViews
from warpdata.geometry.filters.sky import SkyFiltered, SkyModel, resolve_sky_model
from warpdata.geometry.types import Estimator, Progress, Provenance, WorkFolder, no_progress
from warpdata.geometry.usable import check_enough
from warpdata.plugins import OwnOptions
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
        own: options of single estimators.
        least_views: scenes of which fewer views can be used are refused; a pair needs two.

    Raises:
        ValueError: there is no estimator of the name asked for.
    """

    def __init__(
        self,
        options: GeometryOptions,
        size: SizeOptions,
        filters: FilterOptions,
        device: torch.device,
        own: OwnOptions | None = None,
        *,
        least_views: int = 2,
    ):
        for name in options.names:
            check_estimator_name(name)
        self.cache = GeometryCache(options.cache_dir or default_cache_dir())
        self._requests = [
            EstimatorRequest(geometry=preferred, size=size, own=own or OwnOptions())
            for preferred in options.preferences
        ]
        self._filters = filters
        self._device = device
        self._least_views = least_views

    def __call__(self, scene: Scene, *, progress: Progress = no_progress) -> KnownGeometry:
        """Geometry of one scene, by the first of the estimators asked for that can give it.

        Raises:
            GeometryError: no estimator can give it, and why.
            WeightsError: the network's weights cannot be had.
            CacheError: the cache cannot be written.
        """
        check_enough(scene, {}, self._least_views)
        passed_over: list[str] = []
        for request in self._requests:
            try:
                return self._made(scene, request, progress, passed_over)
            except (GeometryError, WeightsError) as error:
                if len(self._requests) == 1:
                    raise
                passed_over.append(f"{request.geometry.geometry}: {error}")
        raise GeometryError("; ".join(passed_over))

    def _made(
        self, scene: Scene, request: EstimatorRequest, progress: Progress, passed_over: list[str]
    ) -> KnownGeometry:
        """Geometry by one of the estimators asked for.

        Args:
            passed_over: why those before it gave none.
        """
        work_folders: list[Path] = []

        def work_dir(provenance: Provenance) -> Path:
            work_folders.append(self.cache.work_folder(scene, provenance))
            return work_folders[-1]

        estimator, reason = self._estimator(scene, request, work_dir)
        entry, made = self.cache.get_or_make(scene, Judged(estimator), progress=progress)
        for folder in work_folders:
            shutil.rmtree(folder, ignore_errors=True)
        check_enough(scene, entry.left_out, self._least_views)
        reason = "; ".join([reason, *(f"not {why}" for why in passed_over)])
        return KnownGeometry(entry=entry, reason=reason, cached=not made)

    def known(self, scene: Scene) -> CacheEntry:
        """Geometry of one scene, if it is in the cache.

        Raises:
            GeometryError: it is not, or no estimator could give it.
            WeightsError: which network's geometry is wanted cannot be told.
            CacheError: the cache cannot be read.
        """
        check_enough(scene, {}, self._least_views)
        entry = self.cache.get(scene, self.provenance(scene))
        if entry is None:
            raise GeometryError(f"scene {scene.id} has no geometry in {self.cache.root}; the log says why")
        check_enough(scene, entry.left_out, self._least_views)
        return entry

    def provenance(self, scene: Scene) -> Provenance:
        """How a scene's geometry would be made now; of several ways asked for, the first that is in the cache.

        Raises:
            GeometryError: no estimator can give it, and why.
            WeightsError: the network's weights cannot be had.
        """
        possible: list[Provenance] = []
        refusals: list[GeometryError | WeightsError] = []
        for request in self._requests:
            try:
                possible.append(self._estimator(scene, request)[0].provenance)
            except (GeometryError, WeightsError) as error:
                refusals.append(error)
        if not possible:
            raise refusals[-1]
        if len(possible) == 1:
            return possible[0]
        return next((one for one in possible if self.cache.get(scene, one) is not None), possible[0])

    def _estimator(
        self, scene: Scene, request: EstimatorRequest, work_dir: WorkFolder | None = None
    ) -> tuple[Estimator, str]:
        """The scene's estimator with the filters asked for, and why that one."""
        choice = choose_estimator(scene, request, device=self._device, work_dir=work_dir)
        estimator = choice.estimator
        if not choice.row.decodes_pictures:
            estimator = ReadableViews(estimator, least=self._least_views)
        if self._filters.filter_sky:
            estimator = SkyFiltered(estimator, _sky_model(self._filters.sky_model), self.cache.sky_folder)
        return estimator, choice.reason


@functools.lru_cache(maxsize=1)
def _sky_model(spec: str) -> SkyModel:
    """Once a run, as networks are."""
    return resolve_sky_model(spec)
