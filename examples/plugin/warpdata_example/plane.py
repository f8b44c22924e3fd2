"""The estimator `plane`: every known camera sees one flat wall, across the first camera's view at a given distance."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from warpdata.geometry.estimators import EstimatorRequest, EstimatorRow, MemoryPlan

if TYPE_CHECKING:
    import torch

    from warpdata.camera import Camera
    from warpdata.geometry.types import Estimator, Outcome, Progress, Provenance, SceneGeometry, WorkFolder
    from warpdata.sources.scene import Scene, View


@dataclass(frozen=True, kw_only=True)
class PlaneOptions:
    """Where the wall of the estimator `plane` stands."""

    wall_distance: float = 3.0
    """Distance of the wall from the first camera, in the unit of the cameras."""

    def __post_init__(self) -> None:
        if not self.wall_distance > 0:
            raise ValueError(f"`wall_distance` is {self.wall_distance}; it must be positive")


class PlaneEstimator:
    """Depth of the wall in every view that has a camera, exact and with full confidence."""

    def __init__(self, options: PlaneOptions):
        self._options = options

    @property
    def provenance(self) -> Provenance:
        from warpdata.geometry.types import Provenance

        return Provenance(estimator="plane", options={"wall_distance": self._options.wall_distance})

    def __call__(self, scene: Scene, *, progress: Progress | None = None) -> SceneGeometry:
        from warpdata.geometry.types import SceneGeometry

        return SceneGeometry(
            scene_id=scene.id, scale=scene.scale, provenance=self.provenance, outcomes=self._outcomes(scene)
        )

    def _outcomes(self, scene: Scene) -> Iterator[Outcome]:
        from warpdata.errors import ViewError
        from warpdata.geometry.types import FrameFailure

        first = next(view.camera for view in scene.views if view.camera is not None)
        for view in scene.views:
            try:
                yield self._frame(view, first)
            except ViewError as error:
                yield FrameFailure(name=view.name, reason=str(error))

    def _frame(self, view: View, first: Camera) -> Outcome:
        import torch

        from warpdata.camera import pixel_centres
        from warpdata.errors import ViewError
        from warpdata.geometry.types import ContentBox, FrameGeometry

        hw = view.picture.hw()
        camera = view.camera_at(hw)
        if camera is None:
            raise ViewError("it has no camera")
        first_from_cam = first.cam_from_world @ camera.world_from_cam
        rays = camera.rays(pixel_centres(hw, dtype=torch.float64))
        # Along each ray of depth 1, how far it goes towards the wall; the rest is what is left to go.
        towards = rays @ first_from_cam[2, :3]
        depth = ((self._options.wall_distance - first_from_cam[2, 3]) / towards).float()
        depth = depth.where(torch.isfinite(depth) & (depth > 0), 0)
        return FrameGeometry(
            name=view.name,
            depth=depth,
            confidence=torch.where(depth > 0, 2.0, 1.0),
            camera=camera,
            image_hw=hw,
            content_box=ContentBox(left=0.0, top=0.0, right=float(hw[1]), bottom=float(hw[0])),
        )


def build(request: EstimatorRequest, device: torch.device, work_dir: WorkFolder | None) -> Estimator:
    """The estimator with its own options."""
    return PlaneEstimator(request.own.of(PlaneOptions))


def refuses(scene: Scene) -> str | None:
    """Where there is no camera, there is no wall before it."""
    if any(view.camera is not None for view in scene.views):
        return None
    return f"scene {scene.id} ships no camera; add a transforms.json with cameras"


ROW = EstimatorRow(
    name="plane",
    about="a flat wall before known cameras",
    build=build,
    memory=MemoryPlan(about="One depth map at a time."),
    license=None,
    options=PlaneOptions,
    refuses=refuses,
)
