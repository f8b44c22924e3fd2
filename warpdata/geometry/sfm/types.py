"""What the stages of `sfm` hand to each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Int
from torch import Tensor

from warpdata.camera import Camera
from warpdata.geometry.maths.sim3 import Sim3


@dataclass(frozen=True, kw_only=True)
class SparseModel:
    """Cameras and the points they see together, in one world.

    Letters: v views, p points, m observations.

    Attributes:
        names: of the views.
        cameras: of the views' pictures as features were found in them, float64.
        points: (p, 3), in world coordinates.
        observed_view: (m,), index of the view of each observation.
        observed_point: (m,), index of the point of each observation.
        observed_xy: (m, 2), where the view sees it, in pixels; NaN where that is not known.
    """

    names: tuple[str, ...]
    cameras: tuple[Camera, ...]
    points: Float[Tensor, "p 3"]
    observed_view: Int[Tensor, " m"]
    observed_point: Int[Tensor, " m"]
    observed_xy: Float[Tensor, "m 2"]

    def subset(self, views: Sequence[int]) -> SparseModel:
        """The model of some of its views, with the points that at least two of them see."""
        new_view = torch.full((len(self.names),), -1)
        new_view[list(views)] = torch.arange(len(views))
        kept = new_view[self.observed_view] >= 0
        seen = torch.bincount(self.observed_point[kept], minlength=len(self.points)) >= 2
        new_point = seen.cumsum(0) - 1
        kept &= seen[self.observed_point]
        return SparseModel(
            names=tuple(self.names[view] for view in views),
            cameras=tuple(self.cameras[view] for view in views),
            points=self.points[seen],
            observed_view=new_view[self.observed_view[kept]],
            observed_point=new_point[self.observed_point[kept]],
            observed_xy=self.observed_xy[kept],
        )

    def moved(self, new_from_world: Sim3) -> SparseModel:
        """The same model in another world frame."""
        return replace(
            self,
            cameras=tuple(new_from_world.move_camera(camera) for camera in self.cameras),
            points=new_from_world.apply(self.points),
        )

    def observed_depths(self) -> Float[Tensor, " m"]:
        """z-depth of each observation's point in its view, in the scene's unit."""
        poses = torch.stack([camera.cam_from_world for camera in self.cameras])
        axis, offset = poses[self.observed_view, 2, :3], poses[self.observed_view, 2, 3]
        return (axis * self.points[self.observed_point]).sum(dim=-1) + offset

    def reprojection_errors(self) -> Float[Tensor, " m"]:
        """Distance in pixels between where each observation is and where its point projects to; NaN as they are."""
        poses = torch.stack([camera.cam_from_world for camera in self.cameras])[self.observed_view]
        K = torch.stack([camera.K for camera in self.cameras])[self.observed_view]
        in_camera = (poses[:, :3, :3] @ self.points[self.observed_point, :, None])[..., 0] + poses[:, :3, 3]
        homogeneous = (K @ in_camera[..., None])[..., 0]
        return (homogeneous[:, :2] / homogeneous[:, 2:] - self.observed_xy).norm(dim=-1)


@dataclass(frozen=True, kw_only=True)
class StereoView:
    """A view as the stereo takes it: reduced, with the camera of that size.

    Attributes:
        luminance: (h, w), 0 to 1.
        rgb: (3, h, w), 0 to 1.
        camera: `camera.hw == (h, w)`, float64 on the CPU.
    """

    luminance: Float[Tensor, "h w"]
    rgb: Float[Tensor, "3 h w"]
    camera: Camera
