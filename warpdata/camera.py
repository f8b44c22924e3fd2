"""The pinhole camera, and the one statement of warpdata's conventions.

Axes are OpenCV's: x right, y down, z forward. Depth is the coordinate along z, not the length of the ray.
The image spans [0, W] x [0, H] pixels; the centre of the first pixel is (0.5, 0.5), so the middle of the image
is (W/2, H/2). Arrays are indexed (row, column); points are (x, y). `b_from_a` takes coordinates in frame a to
frame b, so that `b_from_a @ a_from_c` can be checked by reading it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

RIGID_TOLERANCE = 1e-3
"""How far R Rᵀ may be from the identity; files with six digits and float32 exports stay well below it."""


@dataclass(frozen=True, kw_only=True)
class Camera:
    """A pinhole camera placed in the world, or a batch of them that share one image size.

    Attributes:
        K: (..., 3, 3), intrinsics in pixels: zero skew, last row (0, 0, 1).
        cam_from_world: (..., 4, 4), rigid; takes homogeneous world points to camera axes, in the scene's unit.
        hw: image height and width, in pixels.

    Held in float64 wherever the numbers come from a file, so that relative poses keep their digits; the renderer
    rounds the product it needs to float32 once.
    """

    K: Float[Tensor, "*batch 3 3"]
    cam_from_world: Float[Tensor, "*batch 4 4"]
    hw: tuple[int, int]

    @property
    def batch_shape(self) -> torch.Size:
        return self.K.shape[:-2]

    @property
    def world_from_cam(self) -> Float[Tensor, "*batch 4 4"]:
        """The inverse of the rigid `cam_from_world`."""
        return invert_rigid(self.cam_from_world)

    def to(self, *args, **kwargs) -> Camera:
        """The same camera with its tensors moved or cast, as `Tensor.to` does."""
        return replace(self, K=self.K.to(*args, **kwargs), cam_from_world=self.cam_from_world.to(*args, **kwargs))

    def mapped(self, scale_xy: tuple[float, float], offset_xy: tuple[float, float], hw: tuple[int, int]) -> Camera:
        """The camera of the same picture after `x' = scale_x x + offset_x`, `y' = scale_y y + offset_y`.

        The general case of `resized` and `cropped`, for both at once and for padding (a positive offset). Coordinates
        are pixels with the first pixel's centre at (0.5, 0.5), so a resize has no offset.
        """
        pixel_map = torch.tensor(
            [[scale_xy[0], 0, offset_xy[0]], [0, scale_xy[1], offset_xy[1]], [0, 0, 1]],
            dtype=self.K.dtype,
            device=self.K.device,
        )
        return replace(self, K=pixel_map @ self.K, hw=hw)

    def resized(self, hw: tuple[int, int]) -> Camera:
        """The camera of the same picture resized to another height and width, each side by its own factor."""
        return self.mapped((hw[1] / self.hw[1], hw[0] / self.hw[0]), (0.0, 0.0), hw)

    def cropped(self, box: tuple[int, int, int, int]) -> Camera:
        """The camera of a rectangle of the picture.

        Args:
            box: left, top, right, bottom in whole pixels; parts outside the picture are as good as those inside.

        Raises:
            ValueError: the rectangle is empty.
        """
        left, top, right, bottom = box
        if right <= left or bottom <= top:
            raise ValueError(f"the box {box} (left, top, right, bottom) is empty; give right > left and bottom > top")
        return self.mapped((1.0, 1.0), (float(-left), float(-top)), (bottom - top, right - left))

    def rays(self, xy: Float[Tensor, "*points 2"]) -> Float[Tensor, "*batch_and_points 3"]:
        """Ways from the camera through image positions, in camera axes, as long as their depth is 1.

        Multiplied by depth they are points. In the dtype and on the device of `xy` and the camera, which share them.

        Args:
            xy: positions (x, y) in pixels; a batch of cameras gives the rays of every one of them through all.
        """
        over_points = (..., *[None] * (xy.ndim - 1), slice(None))
        focal = torch.stack([self.K[..., 0, 0], self.K[..., 1, 1]], dim=-1)[over_points]
        across = (xy - self.K[..., :2, 2][over_points]) / focal
        return torch.cat([across, torch.ones_like(across[..., :1])], dim=-1)

    def __getitem__(self, index: int | slice) -> Camera:
        """One camera, or fewer, of a batch."""
        return replace(self, K=self.K[index], cam_from_world=self.cam_from_world[index])


def stack_cameras(cameras: list[Camera]) -> Camera:
    """A batch from cameras that share one image size.

    Raises:
        ValueError: the list is empty, or the sizes differ.
    """
    sizes = {camera.hw for camera in cameras}
    if len(sizes) != 1:
        raise ValueError(f"cameras of one batch share one image size, found {sorted(sizes) or 'no camera'}")
    return Camera(
        K=torch.stack([camera.K for camera in cameras]),
        cam_from_world=torch.stack([camera.cam_from_world for camera in cameras]),
        hw=cameras[0].hw,
    )


def check_camera(camera: Camera) -> str | None:
    """Why a camera from a file cannot be used, or None when it can.

    Checked: finite numbers, positive focal lengths, zero skew, and a rigid pose (a rotation, not a reflection, a
    scale or a shear).
    """
    K, pose = camera.K, camera.cam_from_world
    if not (torch.isfinite(K).all() and torch.isfinite(pose).all()):
        return "camera holds NaN or infinite numbers"
    last_row = torch.tensor([0, 0, 1], dtype=K.dtype, device=K.device)
    if not torch.equal(K[..., 2, :], last_row.expand_as(K[..., 2, :])):
        return f"the last row of K is {K[..., 2, :].tolist()}, expected [0, 0, 1]"
    if (K[..., 0, 0] <= 0).any() or (K[..., 1, 1] <= 0).any():
        return f"focal lengths are {K[..., 0, 0].tolist()} and {K[..., 1, 1].tolist()} px, expected positive numbers"
    if (K[..., 0, 1] != 0).any() or (K[..., 1, 0] != 0).any():
        return "K has skew, which this camera model does not have"
    bottom = torch.tensor([0, 0, 0, 1], dtype=pose.dtype, device=pose.device)
    if not torch.equal(pose[..., 3, :], bottom.expand_as(pose[..., 3, :])):
        return f"the last row of the pose is {pose[..., 3, :].tolist()}, expected [0, 0, 0, 1]"
    rotation = pose[..., :3, :3].double()
    gram = rotation @ rotation.mT
    identity = torch.eye(3, dtype=torch.float64, device=pose.device)
    deviation = (gram - identity).abs().max().item()
    if deviation > RIGID_TOLERANCE:
        square = gram.diagonal(dim1=-2, dim2=-1).mean().item()
        if square > 0 and (gram / square - identity).abs().max().item() <= RIGID_TOLERANCE:
            return (
                f"its rotation is scaled by {square**0.5:.6g}, and a pose is a rotation and a translation: divide the "
                "3x3 part of the camera-to-world matrix by that number and leave its translation as it is"
            )
        return (
            f"the pose is not rigid: R Rᵀ differs from the identity by {deviation:.3g}; export the cameras without "
            "scale or shear"
        )
    if (torch.linalg.det(rotation) < 0).any():
        return "the pose mirrors the world: its rotation has determinant -1"
    return None


def invert_rigid(b_from_a: Float[Tensor, "*batch 4 4"]) -> Float[Tensor, "*batch 4 4"]:
    """`a_from_b`, from the transpose of the rotation: exact for rotations, no matrix inversion."""
    rotation = b_from_a[..., :3, :3].mT
    a_from_b = torch.zeros_like(b_from_a)
    a_from_b[..., :3, :3] = rotation
    a_from_b[..., :3, 3:] = -(rotation @ b_from_a[..., :3, 3:])
    a_from_b[..., 3, 3] = 1
    return a_from_b


def project(
    points: Float[Tensor, "*batch n 3"], camera: Camera
) -> tuple[Float[Tensor, "*batch n 2"], Float[Tensor, "*batch n"]]:
    """World points to image positions (x, y) in pixels and depth along z, in the scene's unit.

    Points at or behind the camera's plane have depth <= 0 and a position without meaning.
    """
    in_camera = points @ camera.cam_from_world[..., :3, :3].mT + camera.cam_from_world[..., None, :3, 3]
    z = in_camera[..., 2]
    focal = torch.stack([camera.K[..., 0, 0], camera.K[..., 1, 1]], dim=-1)[..., None, :]
    return in_camera[..., :2] / z[..., None] * focal + camera.K[..., None, :2, 2], z


def pixel_centres(hw: tuple[int, int], *, offset: float = 0.5, **tensor_options) -> Float[Tensor, "h w 2"]:
    """Image positions (x, y) of every pixel's centre, in pixels."""
    rows = torch.arange(hw[0], **tensor_options) + offset
    columns = torch.arange(hw[1], **tensor_options) + offset
    y, x = torch.meshgrid(rows, columns, indexing="ij")
    return torch.stack([x, y], dim=-1)


def unproject(
    depth: Float[Tensor, "*batch h w"], camera: Camera, *, pixel_offset: float = 0.5
) -> Float[Tensor, "*batch h w 3"]:
    """World point of every pixel's centre, in the scene's unit and the dtype of `depth`, computed in float64.

    Pixels without depth (0) give the camera's centre; mask them by `depth > 0`. `pixel_offset` is where in its
    pixel the depth is taken to be: 0.5, the centre, except when reproducing programs that use the corner (0).
    """
    camera = camera.to(dtype=torch.float64, device=depth.device)
    xy = pixel_centres(depth.shape[-2:], offset=pixel_offset, dtype=torch.float64, device=depth.device)
    in_camera = camera.rays(xy) * depth[..., None]
    world_from_cam = camera.world_from_cam
    rotation, centre = world_from_cam[..., None, :3, :3], world_from_cam[..., None, None, :3, 3]
    return (in_camera @ rotation.mT + centre).to(depth.dtype)
