"""Which estimator a scene gets, and why."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch

from warpdata.errors import GeometryError
from warpdata.geometry.estimators import AS_ITS_WEIGHTS, AUTO, ESTIMATORS, EstimatorRequest, EstimatorRow
from warpdata.geometry.types import Estimator, WorkFolder
from warpdata.sources.scene import Scene, View

NAMES_SHOWN = 3


@dataclass(frozen=True, kw_only=True)
class Choice:
    """What a scene gets.

    Attributes:
        row: of the table.
        estimator: made for the run.
        reason: which and why that one, and under which licence, for people.
    """

    row: EstimatorRow
    estimator: Estimator
    reason: str


def choose_estimator(
    scene: Scene, request: EstimatorRequest, *, device: torch.device, work_dir: WorkFolder | None = None
) -> Choice:
    """The estimator for a scene.

    `auto` takes the first of the table that suits the scene: what the scene ships, if that is camera and depth of every
    view; the network of `--weights`; a network whose published weights are on this machine; what other packages add;
    structure from motion, if pycolmap is installed. It downloads nothing that was not asked for by `--weights`.

    Args:
        work_dir: gives the folder of the scene's intermediate results; None keeps none.

    Raises:
        ValueError: there is no estimator of that name.
        PluginError: another package's estimator was asked for and cannot be loaded.
        GeometryError: the scene lacks what was insisted on, or nothing can give it geometry.
        WeightsError: the weights asked for cannot be had.
    """
    options = request.geometry
    if options.poses == "given" and not any(view.camera is not None for view in scene.views):
        raise GeometryError(f'`poses="given"`: scene {scene.id} ships no camera; use `poses="estimated"`')
    if options.geometry == AUTO:
        row, why = _first_that_suits(scene, request)
    else:
        row, why = ESTIMATORS[options.geometry], None
        if problem := row.unavailable() or row.refuses(scene):
            raise GeometryError(f'`geometry="{row.name}"`: {problem}')
    estimator = row.build(request, device, work_dir)
    return Choice(row=row, estimator=estimator, reason=_reason(row, why, estimator))


def _first_that_suits(scene: Scene, request: EstimatorRequest) -> tuple[EstimatorRow, str]:
    """The row that `auto` takes, and why."""
    missing = missing_geometry(scene)
    ways_out: list[str] = []
    for row in _asked_in_order():
        if row.unavailable() is None and (why := row.suits(scene, request)):
            return row, f"the scene ships {missing}, and {why}" if missing else why
        if row.way_out:
            ways_out.append(row.way_out)
    raise GeometryError(
        f"nothing can give scene {scene.id} geometry: it ships {missing or 'no view'}, and no estimator that does "
        f"without is ready on this machine. Ways out: {'; or '.join(ways_out)}"
    )


def _asked_in_order() -> Iterator[EstimatorRow]:
    for last_resort in (False, True):
        yield from (row for row in ESTIMATORS if row.last_resort is last_resort)


def _reason(row: EstimatorRow, why: str | None, estimator: Estimator) -> str:
    made = estimator.provenance
    license = made.weights_license if row.license == AS_ITS_WEIGHTS else row.license
    terms = ", ".join([*([made.weights] if made.weights else []), *([f"licence {license}"] if license else [])])
    joint = "," if terms or why is None else ":"
    return f"{row.name}{joint} {why or 'as asked for'}{terms and f': {terms}'}"


def missing_geometry(scene: Scene) -> str:
    """What geometry the scene does not ship, for the middle of a sentence; empty where it ships all."""
    without = {
        "camera": [view for view in scene.views if view.camera is None],
        "depth": [view for view in scene.views if view.depth is None],
    }
    return " and ".join(f"no {what} for {_some(views, scene)}" for what, views in without.items() if views)


def _some(views: list[View], scene: Scene) -> str:
    if len(views) == len(scene.views):
        return "any view"
    names = ", ".join(view.name for view in views[:NAMES_SHOWN]) + (", ..." if len(views) > NAMES_SHOWN else "")
    return f"{len(views)} of {len(scene.views)} views ({names})"
