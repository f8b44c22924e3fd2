"""Keep broken and tiny pictures away from an estimator, so that one of them costs a view and not the scene."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

from warpdata.errors import ViewError
from warpdata.geometry.types import (
    Estimator,
    Outcome,
    Progress,
    Provenance,
    SceneGeometry,
    in_scene_order,
    no_progress,
)
from warpdata.geometry.usable import check_enough, load_usable
from warpdata.sources.scene import Scene, View


class ReadableViews:
    """An estimator that is given only the views whose pictures decode and are large enough to be of use.

    For estimators that do not decode every picture themselves: to see whether one is whole takes decoding all of it.

    Args:
        least: scenes of which fewer views are left are refused.
    """

    def __init__(self, estimator: Estimator, *, threads: int = 2, least: int = 2):
        self._estimator = estimator
        self._least = least
        self._threads = threads

    @property
    def provenance(self) -> Provenance:
        return self._estimator.provenance

    def __call__(self, scene: Scene, *, progress: Progress = no_progress) -> SceneGeometry:
        failures: dict[str, str] = {}
        with ThreadPoolExecutor(self._threads) as pool:
            for done, (view, reason) in enumerate(zip(scene.views, pool.map(why_unusable, scene.views), strict=True)):
                progress("checking pictures", done + 1, len(scene.views))
                if reason is not None:
                    failures[view.name] = reason
        check_enough(scene, failures, self._least)
        usable = replace(scene, views=tuple(view for view in scene.views if view.name not in failures))
        geometry = self._estimator(usable, progress=progress)
        return geometry.transformed(_with_failures(scene, failures, geometry))


def _with_failures(
    scene: Scene, failures: Mapping[str, str], geometry: SceneGeometry
) -> Generator[Outcome, None, dict[str, Any]]:
    yield from in_scene_order(scene, failures, geometry)
    return geometry.report


def why_unusable(view: View) -> str | None:
    """Why a view's picture cannot be used, or None."""
    try:
        load_usable(view)
    except ViewError as error:
        return str(error)
    return None
