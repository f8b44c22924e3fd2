"""The row of the estimator `sfm`."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING

from warpdata.geometry.estimators import EstimatorRequest, EstimatorRow, MemoryPlan
from warpdata.geometry.sfm.options import SfmOptions

if TYPE_CHECKING:
    import torch

    from warpdata.geometry.types import Estimator, WorkFolder
    from warpdata.sources.scene import Scene

INSTALL = "pip install 'warpdata[sfm]'"


def build(request: EstimatorRequest, device: torch.device, work_dir: WorkFolder | None) -> Estimator:
    """The estimator with its own options."""
    from warpdata.geometry.sfm.estimator import SfmEstimator

    return SfmEstimator(request.own.of(SfmOptions), poses=request.geometry.poses, device=device, work_dir=work_dir)


def unavailable() -> str | None:
    """Whether pycolmap is installed; without importing it, which belongs into a process of its own."""
    if importlib.util.find_spec("pycolmap") is not None:
        return None
    return f"it needs pycolmap, which is not installed; install it with `{INSTALL}`"


def suits(scene: Scene, request: EstimatorRequest) -> str | None:
    """Any scene, after all others."""
    return "no network weights are at hand"


ROW = EstimatorRow(
    name="sfm",
    about="cameras by structure from motion, depth by dense stereo; no network weights",
    build=build,
    memory=MemoryPlan(
        about="Matching, in a child process, and then the maps of some views at a time, by `depth_megapixels`; stereo "
        "does not grow with the scene."
    ),
    license=None,
    options=SfmOptions,
    decodes_pictures=True,
    unavailable=unavailable,
    suits=suits,
    last_resort=True,
    way_out=f"install structure from motion with `{INSTALL}`",
)
