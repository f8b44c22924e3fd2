"""The numbers of one view that every backend works from: formed once, in float64, and rounded once to float32."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from warpdata.camera import Camera


@dataclass(frozen=True, kw_only=True)
class View:
    """The target of a flat batch of B renderings, as the backends take it.

    All products are written out term by term, so that they are the same on every device and in every batch.

    Attributes:
        cam_from_source: (B, 3, 4) float32. Its source is what the points are given in: the world, for points; rays
            scaled by depth, for a depth map, where the first three columns take (x, y, 1) in pixels of the
            reference to a ray in target axes, to be multiplied by depth, and the last one is added to that.
        intrinsics: (B, 4) float32: fx, fy, cx, cy of the target, pixels.
        footprint: (B,) float32, the diagonal of one pixel at depth 1; of the reference for a depth map, of the
            target for points. With the median depth it gives the automatic s0.
        same_centre: (B,), where a depth map is seen from exactly where it was taken. There every pixel is seen, and
            none is tested for being hidden.
        near_far: (B, 2) float32, the least and the greatest depth in target axes that is drawn, scene units.
        hw: height and width of the result, pixels.
    """

    cam_from_source: Float[Tensor, "B 3 4"]
    intrinsics: Float[Tensor, "B 4"]
    footprint: Float[Tensor, "B"]
    same_centre: Bool[Tensor, "B"]
    near_far: Float[Tensor, "B 2"]
    hw: tuple[int, int]

    def to(self, device: torch.device) -> View:
        """The same numbers on another device, in a single transfer."""
        B = len(self.footprint)
        columns = [self.cam_from_source.reshape(B, 12), self.intrinsics, self.footprint[:, None]]
        columns += [self.near_far, self.same_centre[:, None].float()]
        packed = torch.cat(columns, dim=1).to(device, non_blocking=True)
        return replace(
            self,
            cam_from_source=packed[:, :12].reshape(B, 3, 4),
            intrinsics=packed[:, 12:16],
            footprint=packed[:, 16],
            near_far=packed[:, 17:19],
            same_centre=packed[:, 19] != 0,
        )

    def within(self, near_far: Float[Tensor, "B 2"]) -> View:
        """The same view with other bounds, which are on its device."""
        return replace(self, near_far=near_far)


def view_of_points(camera: Camera) -> View:
    """The view of points given in world coordinates, without bounds; the camera's batch is flat."""
    camera = camera.to(torch.float64)
    return View(
        cam_from_source=camera.cam_from_world[:, :3].float(),
        intrinsics=intrinsics_of(camera.K).float(),
        footprint=pixel_footprint(camera.K).float(),
        same_centre=torch.zeros(len(camera.K), dtype=torch.bool, device=camera.K.device),
        near_far=everything(camera.K),
        hw=camera.hw,
    )


def view_of_depth(reference: Camera, target: Camera) -> View:
    """The view of the reference's depth map from the target, without bounds; both batches are flat, of one length."""
    reference, target = reference.to(torch.float64), target.to(torch.float64)
    rotation, translation = relative_pose(reference, target)
    fx, fy, cx, cy = intrinsics_of(reference.K)[:, :, None].unbind(1)
    x_column, y_column = rotation[:, :, 0] / fx, rotation[:, :, 1] / fy
    constant = (rotation[:, :, 2] - x_column * cx) - y_column * cy
    return View(
        cam_from_source=torch.stack([x_column, y_column, constant, translation], dim=-1).float(),
        intrinsics=intrinsics_of(target.K).float(),
        footprint=pixel_footprint(reference.K).float(),
        same_centre=(translation == 0).all(dim=1),
        near_far=everything(target.K),
        hw=target.hw,
    )


def everything(K: Float[Tensor, "B 3 3"]) -> Float[Tensor, "B 2"]:
    """Bounds that let every point before the camera pass."""
    float32 = torch.finfo(torch.float32)
    bounds = [K.new_full((len(K),), bound, dtype=torch.float32) for bound in (float32.tiny, float32.max)]
    return torch.stack(bounds, dim=-1)


def relative_pose(reference: Camera, target: Camera) -> tuple[Float[Tensor, "B 3 3"], Float[Tensor, "B 3"]]:
    """Rotation and translation that take reference to target axes; exactly the identity between equal poses."""
    from_world, to_world = target.cam_from_world, reference.world_from_cam
    rotation = multiply(from_world[:, :3, :3], to_world[:, :3, :3])
    translation = multiply(from_world[:, :3, :3], to_world[:, :3, 3:])[:, :, 0] + from_world[:, :3, 3]
    same = (reference.cam_from_world == target.cam_from_world).all(dim=-1).all(dim=-1)[:, None]
    identity = torch.eye(3, dtype=rotation.dtype, device=rotation.device)
    return rotation.where(~same[..., None], identity), translation.where(~same, 0)


def multiply(a: Float[Tensor, "B i 3"], b: Float[Tensor, "B 3 j"]) -> Float[Tensor, "B i j"]:
    """Matrix product summed from left to right, which a library's does not promise."""
    terms = a[..., None] * b[:, None]
    return (terms[:, :, 0] + terms[:, :, 1]) + terms[:, :, 2]


def intrinsics_of(K: Float[Tensor, "*batch 3 3"]) -> Float[Tensor, "*batch 4"]:
    """fx, fy, cx, cy."""
    return torch.stack([K[..., 0, 0], K[..., 1, 1], K[..., 0, 2], K[..., 1, 2]], dim=-1)


def pixel_footprint(K: Float[Tensor, "*batch 3 3"]) -> Float[Tensor, "*batch"]:
    """Diagonal of a pixel at depth 1, in scene units."""
    return (1 / K[..., 0, 0] ** 2 + 1 / K[..., 1, 1] ** 2).sqrt()
