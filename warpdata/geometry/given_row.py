"""The row of the estimator `given`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from warpdata.geometry.estimators import EstimatorRequest, EstimatorRow, MemoryPlan

if TYPE_CHECKING:
    import torch

    from warpdata.geometry.types import Estimator, WorkFolder
    from warpdata.sources.scene import Scene


def build(request: EstimatorRequest, device: torch.device, work_dir: WorkFolder | None) -> Estimator:
    """The estimator, which has no options."""
    from warpdata.geometry.given import GivenEstimator

    return GivenEstimator()


def refuses(scene: Scene) -> str | None:
    """Where no view brings both camera and depth, what is missing."""
    from warpdata.geometry.choose import missing_geometry

    if any(view.camera is not None and view.depth is not None for view in scene.views):
        return None
    return (
        f"scene {scene.id} ships {missing_geometry(scene) or 'no view'}; add both to its transforms.json, or use "
        '`geometry="auto"`'
    )


def suits(scene: Scene, request: EstimatorRequest) -> str | None:
    """Where every view brings both."""
    return "the scene ships camera and depth of every view" if scene.ships_geometry else None


ROW = EstimatorRow(
    name="given",
    about="the depth and cameras that the scene ships, as they are",
    build=build,
    memory=MemoryPlan(about="One depth map and its confidence at a time."),
    license=None,
    refuses=refuses,
    suits=suits,
    way_out="add a transforms.json with cameras and depth",
)
