"""Pose encodings, camera matrices and the points they give depth.

Axes are OpenCV's: x right, y down, z forward. `cam_from_world` [R | T] takes world points to camera axes.
The published network unprojects at whole pixel coordinates, (0, 0) for the first pixel, and so do these functions;
its principal point is W/2, H/2.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor


def decode_pose(
    pose_enc: Float[Tensor, "*n 9"], hw: tuple[int, int]
) -> tuple[Float[Tensor, "*n 3 4"], Float[Tensor, "*n 3 3"]]:
    """Camera matrices from pose encodings.

    Args:
        pose_enc: translation, quaternion (x, y, z, w; of any length but zero), vertical and horizontal field of view
            in radians. A field of view of 0, which VGGT can give, becomes an infinite focal length.
        hw: size of the image the network saw, padding included.

    Returns:
        `cam_from_world`, and intrinsics in pixels of that image.
    """
    translation, quaternion, fov = pose_enc.split((3, 4, 2), dim=-1)
    half = torch.stack((pose_enc.new_full((), hw[0] / 2), pose_enc.new_full((), hw[1] / 2)))
    fy, fx = (half / torch.tan(fov / 2)).unbind(-1)
    zero, one = torch.zeros_like(fx), torch.ones_like(fx)
    K = torch.stack((fx, zero, zero + hw[1] / 2, zero, fy, zero + hw[0] / 2, zero, zero, one), dim=-1)
    R = rotation_from_quaternion(quaternion)
    return torch.cat((R, translation[..., None]), dim=-1), K.unflatten(-1, (3, 3))


def encode_pose(
    cam_from_world: Float[Tensor, "*n 3 4"], K: Float[Tensor, "*n 3 3"], hw: tuple[int, int]
) -> Float[Tensor, "*n 9"]:
    """The inverse of `decode_pose`; the principal point is not part of an encoding and is ignored."""
    fov_v = 2 * torch.atan((hw[0] / 2) / K[..., 1, 1])
    fov_h = 2 * torch.atan((hw[1] / 2) / K[..., 0, 0])
    quaternion = quaternion_from_rotation(cam_from_world[..., :3])
    return torch.cat((cam_from_world[..., 3], quaternion, fov_v[..., None], fov_h[..., None]), dim=-1)


def rotation_from_quaternion(quaternion: Float[Tensor, "*n 4"]) -> Float[Tensor, "*n 3 3"]:
    """Rotation of a quaternion (x, y, z, w) of any length but zero."""
    x, y, z, w = quaternion.unbind(-1)
    s = 2 / quaternion.square().sum(-1)
    rows = (
        (1 - s * (y * y + z * z), s * (x * y - z * w), s * (x * z + y * w)),
        (s * (x * y + z * w), 1 - s * (x * x + z * z), s * (y * z - x * w)),
        (s * (x * z - y * w), s * (y * z + x * w), 1 - s * (x * x + y * y)),
    )
    return torch.stack([torch.stack(row, dim=-1) for row in rows], dim=-2)


def quaternion_from_rotation(R: Float[Tensor, "*n 3 3"]) -> Float[Tensor, "*n 4"]:
    """Unit quaternion (x, y, z, w) of a rotation, with w >= 0; where w is 0, its largest component is positive.

    Of the four ways to read a quaternion off a matrix, the one that divides by the largest component is taken.
    """
    (m00, m01, m02), (m10, m11, m12), (m20, m21, m22) = (row.unbind(-1) for row in R.unbind(-2))
    # Rows: 4 w q, 4 x q, 4 y q, 4 z q, each with q in the order w, x, y, z.
    candidates = torch.stack(
        [
            torch.stack((1 + m00 + m11 + m22, m21 - m12, m02 - m20, m10 - m01), dim=-1),
            torch.stack((m21 - m12, 1 + m00 - m11 - m22, m10 + m01, m02 + m20), dim=-1),
            torch.stack((m02 - m20, m10 + m01, 1 - m00 + m11 - m22, m12 + m21), dim=-1),
            torch.stack((m10 - m01, m20 + m02, m21 + m12, 1 - m00 - m11 + m22), dim=-1),
        ],
        dim=-2,
    )
    squares = torch.diagonal(candidates, dim1=-2, dim2=-1)
    best = squares.argmax(dim=-1, keepdim=True)
    row = torch.take_along_dim(candidates, best[..., None], dim=-2).squeeze(-2)
    w, xyz = (row / (2 * torch.take_along_dim(squares, best, dim=-1).sqrt())).split((1, 3), dim=-1)
    quaternion = torch.cat((xyz, w), dim=-1)
    return torch.where(w < 0, -quaternion, quaternion)


def invert_pose(cam_from_world: Float[Tensor, "*n 3 4"]) -> Float[Tensor, "*n 4 4"]:
    """`world_from_cam`, homogeneous."""
    R, T = cam_from_world[..., :3], cam_from_world[..., 3:]
    inverse = torch.cat((R.mT, -R.mT @ T), dim=-1)
    last = torch.zeros_like(inverse[..., :1, :])
    last[..., 3] = 1
    return torch.cat((inverse, last), dim=-2)


def unproject_depth(
    depth: Float[Tensor, "*n h w"], cam_from_world: Float[Tensor, "*n 3 4"], K: Float[Tensor, "*n 3 3"]
) -> Float[Tensor, "*n h w 3"]:
    """World points of all pixels of depth maps, float64; the first pixel is at (0, 0), as in the published code."""
    depth, cam_from_world, K = depth.double(), cam_from_world.double(), K.double()
    h, w = depth.shape[-2:]
    v = torch.arange(h, dtype=torch.float64, device=depth.device)[:, None]
    u = torch.arange(w, dtype=torch.float64, device=depth.device)
    fx, fy, cx, cy = (K[..., i, j, None, None] for i, j in ((0, 0), (1, 1), (0, 2), (1, 2)))
    in_camera = torch.stack(((u - cx) * depth / fx, (v - cy) * depth / fy, depth), dim=-1)
    R, T = cam_from_world[..., :3], cam_from_world[..., 3]
    # Row vectors: x @ R is R^T x.
    return (in_camera - T[..., None, None, :]) @ R[..., None, :, :]
