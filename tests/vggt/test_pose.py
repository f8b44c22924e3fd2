"""Pose encodings, rotations and unprojection."""

import math

import pytest
import torch
from warpdata_vggt import (
    decode_pose,
    encode_pose,
    invert_pose,
    quaternion_from_rotation,
    rotation_from_quaternion,
    unproject_depth,
)


def random_quaternions(n, seed=0):
    return torch.randn(n, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def test_rotations_are_rotations_whatever_the_length_of_the_quaternion():
    quaternions = random_quaternions(200)
    R = rotation_from_quaternion(quaternions)
    torch.testing.assert_close(R @ R.mT, torch.eye(3, dtype=torch.float64).expand_as(R))
    torch.testing.assert_close(torch.linalg.det(R), torch.ones(200, dtype=torch.float64))
    torch.testing.assert_close(rotation_from_quaternion(-3.7 * quaternions), R)


def test_a_quarter_turn_by_hand():
    """About the vertical image axis: x goes to -z. Scalar last."""
    R = rotation_from_quaternion(torch.tensor([0, math.sqrt(0.5), 0, math.sqrt(0.5)]))
    torch.testing.assert_close(R @ torch.tensor([1.0, 0, 0]), torch.tensor([0, 0, -1.0]), atol=1e-6, rtol=0)


def test_quaternions_come_back_with_a_sign_that_is_fixed():
    quaternions = torch.nn.functional.normalize(random_quaternions(500), dim=-1)
    quaternions = torch.where(quaternions[:, 3:] < 0, -quaternions, quaternions)
    torch.testing.assert_close(quaternion_from_rotation(rotation_from_quaternion(quaternions)), quaternions)


@pytest.mark.parametrize("axis", range(3))
def test_half_turns(axis):
    """w is 0 here: the largest component decides the sign."""
    quaternion = torch.zeros(4, dtype=torch.float64)
    quaternion[axis] = 1
    quaternion[(axis + 1) % 3] = -0.5
    quaternion /= quaternion.norm()
    torch.testing.assert_close(quaternion_from_rotation(rotation_from_quaternion(-quaternion)), quaternion)


@pytest.mark.parametrize("angle", [0.0, 1e-12, 1e-6, math.pi - 1e-7])
def test_turns_near_the_identity_and_near_the_half_turn(angle):
    axis = torch.tensor([0.6, -0.48, 0.64], dtype=torch.float64)
    quaternion = torch.cat((axis * math.sin(angle / 2), torch.tensor([math.cos(angle / 2)], dtype=torch.float64)))
    torch.testing.assert_close(
        quaternion_from_rotation(rotation_from_quaternion(quaternion)), quaternion, rtol=1e-7, atol=1e-9
    )


def test_encodings_by_hand():
    """Vertical field of view first, translation as it is, principal point in the middle; 40 high, 100 wide."""
    encoding = torch.tensor([1.0, 2, 3, 0, 0, 0, 2, math.pi / 2, 2 * math.atan(0.5)])
    cam_from_world, K = decode_pose(encoding, (40, 100))
    assert cam_from_world.tolist() == [[1, 0, 0, 1], [0, 1, 0, 2], [0, 0, 1, 3]]
    torch.testing.assert_close(K, torch.tensor([[100.0, 0, 50], [0, 20, 20], [0, 0, 1]]))


def test_encoding_and_decoding_are_inverses():
    generator = torch.Generator().manual_seed(1)
    R = rotation_from_quaternion(random_quaternions(50, 2))
    T = torch.randn(50, 3, 1, dtype=torch.float64, generator=generator)
    K = torch.zeros(50, 3, 3, dtype=torch.float64)
    K[:, 0, 0] = 100 + 900 * torch.rand(50, dtype=torch.float64, generator=generator)
    K[:, 1, 1] = 100 + 900 * torch.rand(50, dtype=torch.float64, generator=generator)
    K[:, 0, 2], K[:, 1, 2], K[:, 2, 2] = 259, 147, 1
    cam_from_world = torch.cat((R, T), dim=-1)
    got, got_K = decode_pose(encode_pose(cam_from_world, K, (294, 518)), (294, 518))
    torch.testing.assert_close(got, cam_from_world)
    torch.testing.assert_close(got_K, K)


def test_a_field_of_view_of_zero_is_an_infinite_focal_length():
    encoding = torch.tensor([0.0, 0, 0, 0, 0, 0, 1, 0, 1])
    assert torch.isinf(decode_pose(encoding, (10, 20))[1][1, 1])


def test_an_inverse_takes_the_camera_to_its_place():
    pose = torch.cat((rotation_from_quaternion(random_quaternions(20, 3)), torch.randn(20, 3, 1).double()), dim=-1)
    world_from_cam = invert_pose(pose)
    identity = torch.eye(4, dtype=torch.float64)
    whole = torch.cat((pose, identity[3:].expand(20, 1, 4)), dim=1)
    torch.testing.assert_close(whole @ world_from_cam, identity.expand(20, 4, 4))


def test_unprojection_by_hand():
    """Whole pixel coordinates: pixel (column 3, row 1) with fx 2, fy 4, centre (1, 0.5) at depth 8."""
    depth = torch.full((2, 4), 8.0)
    K = torch.tensor([[2.0, 0, 1], [0, 4, 0.5], [0, 0, 1]])
    # The camera has turned so that its z axis is the world's x, and was moved afterwards.
    cam_from_world = torch.tensor([[0.0, 0, -1, 5], [0, 1, 0, 6], [1, 0, 0, 7]])
    points = unproject_depth(depth, cam_from_world, K)
    in_camera = torch.tensor([(3 - 1) * 8 / 2, (1 - 0.5) * 8 / 4, 8], dtype=torch.float64)
    want = torch.tensor([in_camera[2] - 7, in_camera[1] - 6, 5 - in_camera[0]], dtype=torch.float64)
    torch.testing.assert_close(points[1, 3], want)
