"""The camera's conventions, by numbers worked by hand on a lopsided camera, and its laws on random ones."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from warpdata.camera import Camera, check_camera, invert_rigid, project, stack_cameras, unproject


def rotation(axis_angle):
    return torch.linalg.matrix_exp(
        torch.tensor(
            [
                [0, -axis_angle[2], axis_angle[1]],
                [axis_angle[2], 0, -axis_angle[0]],
                [-axis_angle[1], axis_angle[0], 0],
            ],
            dtype=torch.float64,
        )
    )


def lopsided_camera(axis_angle=(0.0, 0.0, 0.0), translation=(0.0, 0.0, 0.0), hw=(5, 8)):
    pose = torch.eye(4, dtype=torch.float64)
    pose[:3, :3] = rotation(axis_angle)
    pose[:3, 3] = torch.tensor(translation, dtype=torch.float64)
    K = torch.tensor([[10.0, 0, 3.25], [0, 7.0, 2.75], [0, 0, 1]], dtype=torch.float64)
    return Camera(K=K, cam_from_world=pose, hw=hw)


def test_project_by_hand():
    """x = fx X/Z + cx and y = fy Y/Z + cy, with y pointing down."""
    camera = lopsided_camera(translation=(1.0, -2.0, 4.0))
    xy, z = project(torch.tensor([[0.5, 3.0, 1.0]], dtype=torch.float64), camera)
    assert z.tolist() == [5.0]
    assert xy.tolist() == [[10 * 1.5 / 5 + 3.25, 7 * 1.0 / 5 + 2.75]]


def test_the_first_pixel_is_unprojected_at_its_centre():
    camera = lopsided_camera()
    point = unproject(torch.full((5, 8), 2.0, dtype=torch.float64), camera)[0, 0]
    assert point.tolist() == pytest.approx([(0.5 - 3.25) / 10 * 2, (0.5 - 2.75) / 7 * 2, 2.0])


@given(st.lists(st.floats(-3, 3), min_size=6, max_size=6))
def test_project_undoes_unproject(numbers):
    camera = lopsided_camera(tuple(numbers[:3]), tuple(numbers[3:]))
    depth = torch.linspace(0.5, 4, 40, dtype=torch.float64).reshape(5, 8)
    xy, z = project(unproject(depth, camera).reshape(-1, 3), camera)
    rows, columns = torch.meshgrid(torch.arange(5), torch.arange(8), indexing="ij")
    expected = torch.stack([columns + 0.5, rows + 0.5], dim=-1).reshape(-1, 2).double()
    torch.testing.assert_close(z, depth.reshape(-1))
    torch.testing.assert_close(xy, expected)


def test_invert_rigid_is_the_inverse():
    pose = lopsided_camera((0.3, -1.2, 0.7), (1.0, -2.0, 4.0)).cam_from_world
    torch.testing.assert_close(invert_rigid(pose) @ pose, torch.eye(4, dtype=torch.float64))


def test_a_crop_and_a_resize_move_the_projection_alike():
    camera = lopsided_camera(translation=(0.0, 0.0, 2.0))
    points = torch.tensor([[0.2, -0.1, 1.0]], dtype=torch.float64)
    mapped = camera.mapped((2.0, 0.5), (-3.0, 1.0), (6, 9))
    before, after = project(points, camera)[0], project(points, mapped)[0]
    torch.testing.assert_close(after, before * torch.tensor([2.0, 0.5]) + torch.tensor([-3.0, 1.0]))
    assert mapped.hw == (6, 9)


def test_batches_hold_one_size():
    batch = stack_cameras([lopsided_camera(), lopsided_camera((0.1, 0, 0))])
    assert batch.batch_shape == (2,)
    assert torch.equal(batch[1].cam_from_world, lopsided_camera((0.1, 0, 0)).cam_from_world)
    with pytest.raises(ValueError, match="one image size"):
        stack_cameras([lopsided_camera(), lopsided_camera(hw=(4, 8))])
    with pytest.raises(ValueError, match="no camera"):
        stack_cameras([])


def broken(change):
    camera = lopsided_camera((0.2, 0.1, 0.0))
    K, pose = camera.K.clone(), camera.cam_from_world.clone()
    change(K, pose)
    return Camera(K=K, cam_from_world=pose, hw=camera.hw)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda K, pose: K[0].zero_(), "focal lengths"),
        (lambda K, pose: K[1, 1].neg_(), "focal lengths"),
        (lambda K, pose: K[0, 1].fill_(0.5), "skew"),
        (lambda K, pose: K[2, 2].fill_(2), "last row of K"),
        (lambda K, pose: K[0, 2].fill_(math.nan), "NaN"),
        (lambda K, pose: pose[0, 3].fill_(math.inf), "NaN or infinite"),
        (lambda K, pose: pose[:3, :3].mul_(1.1), "scaled by 1.1,"),
        (lambda K, pose: pose[:3, 0].mul_(1.1), "not rigid"),
        (lambda K, pose: pose[0, :3].neg_(), "mirrors"),
        (lambda K, pose: pose[3, 0].fill_(0.1), "last row of the pose"),
    ],
)
def test_a_bad_camera_says_what_is_wrong(change, message):
    assert message in check_camera(broken(change))


def test_a_good_camera_passes():
    assert check_camera(lopsided_camera((0.2, 0.1, -2.0), (5.0, 6.0, 7.0))) is None


def test_a_resized_picture_has_a_resized_camera():
    """10 x 7 px of focal length, doubled across and tripled down: a point moves with its pixel."""
    camera = lopsided_camera(translation=(0.0, 0.0, 2.0))
    resized = camera.resized((15, 16))
    assert resized.hw == (15, 16)
    assert resized.K.tolist() == [[20.0, 0, 6.5], [0, 21.0, 8.25], [0, 0, 1]]
    assert camera.resized(camera.hw).K.tolist() == camera.K.tolist()
    points = torch.tensor([[0.2, -0.1, 1.0]], dtype=torch.float64)
    torch.testing.assert_close(project(points, resized)[0], project(points, camera)[0] * torch.tensor([2.0, 3.0]))


def test_a_crop_moves_the_principal_point_alone():
    camera = lopsided_camera()
    cropped = camera.cropped((2, -1, 7, 4))
    assert cropped.hw == (5, 5)
    assert cropped.K.tolist() == [[10.0, 0, 1.25], [0, 7.0, 3.75], [0, 0, 1]]
    with pytest.raises(ValueError, match="is empty"):
        camera.cropped((3, 0, 3, 5))


def test_rays_reach_the_plane_at_depth_1():
    """By hand: ((x - cx) / fx, (y - cy) / fy, 1); a batch of cameras sends rays through all positions."""
    camera = lopsided_camera()
    xy = torch.tensor([[3.25, 2.75], [13.25, 9.75]], dtype=torch.float64)
    assert camera.rays(xy).tolist() == [[0, 0, 1], [1, 1, 1]]
    assert camera.rays(xy[0]).tolist() == [0, 0, 1]
    batch = stack_cameras([camera, camera.mapped((1.0, 1.0), (1.0, 0.0), camera.hw)])
    rays = batch.rays(xy.reshape(1, 2, 2))
    assert rays.shape == (2, 1, 2, 3)
    assert rays[1, 0, 1].tolist() == pytest.approx([0.9, 1, 1])


@given(st.lists(st.floats(-3, 3), min_size=6, max_size=6))
def test_rays_times_depth_project_to_where_they_came_from(numbers):
    camera = lopsided_camera(tuple(numbers[:3]), tuple(numbers[3:]))
    xy = torch.tensor([[0.5, 0.5], [7.5, 4.5], [-3.0, 11.0]], dtype=torch.float64)
    world_from_cam = camera.world_from_cam
    points = (camera.rays(xy) * 2.5) @ world_from_cam[:3, :3].mT + world_from_cam[:3, 3]
    back, z = project(points, camera)
    torch.testing.assert_close(back, xy)
    torch.testing.assert_close(z, torch.full((3,), 2.5, dtype=torch.float64))
