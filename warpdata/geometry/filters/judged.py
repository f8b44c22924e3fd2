"""Any estimator's geometry with a verdict on it: how well its views agree with each other goes into its report."""

from __future__ import annotations

import math
from collections.abc import Generator
from statistics import median
from typing import Any

from warpdata.geometry.filters.consistency import ConsistencyCheck, FrameConsistency
from warpdata.geometry.types import Estimator, FrameGeometry, Outcome, Progress, Provenance, SceneGeometry, no_progress
from warpdata.sources.scene import Scene


class Judged:
    """An estimator whose frames are compared with their neighbours as they pass, at the cost of milliseconds each.

    Its geometry's report has the verdict as `consistency`.
    """

    def __init__(self, estimator: Estimator):
        self._estimator = estimator

    @property
    def provenance(self) -> Provenance:
        return self._estimator.provenance

    def __call__(self, scene: Scene, *, progress: Progress = no_progress) -> SceneGeometry:
        geometry = self._estimator(scene, progress=progress)
        return geometry.transformed(_compared(geometry))


def _compared(geometry: SceneGeometry) -> Generator[Outcome, None, dict[str, Any]]:
    check = ConsistencyCheck()
    for outcome in geometry:
        if isinstance(outcome, FrameGeometry):
            check.add(outcome)
        yield outcome
    return {**geometry.report, "consistency": summary(check.results())}


def summary(results: list[FrameConsistency]) -> dict[str, Any]:
    """Medians over the frames that could be compared, and every frame's own figures by its name; JSON."""
    compared = [result for result in results if not math.isnan(result.agreeing)]
    frames = {result.name: {k: v for k, v in result.as_json().items() if k != "name"} for result in results}
    if not compared:
        return {"frames": frames}
    return {
        "agreeing": round(median(result.agreeing for result in compared), 4),
        "reprojection_error_px": round(median(result.reprojection_error_px for result in compared), 4),
        "frames": frames,
    }
