"""Camera paths: where they begin, what they look at, that they scale with the scene."""

import math

import pytest
import torch

from tests.scenes import plane_camera
from warpdata.camera import check_camera, project
from warpdata.triplets.camera_paths import DOLLY_SHARE, ORBIT_DEG, PAN_DEG, PATHS, camera_path, smooth_path

START = plane_camera(2)
DEPTH = 3.5


def in_start(camera):
    """The camera's centre and axis, in the start's axes."""
    start_from_cam = START.cam_from_world @ camera.world_from_cam
    return start_from_cam[:3, 3], start_from_cam[:3, 2]


@pytest.mark.parametrize("name", PATHS)
@pytest.mark.parametrize("amount", [1.0, -2.5, 0.0])
def test_a_path_begins_at_the_start_and_has_usable_cameras(name, amount):
    path = camera_path(name, START, DEPTH, 9, amount)
    assert len(path) == 9
    assert path[0] is START
    for camera in path:
        assert check_camera(camera) is None
        assert camera.hw == START.hw
        assert torch.equal(camera.K, START.K)
        if amount == 0:
            torch.testing.assert_close(camera.cam_from_world, START.cam_from_world, rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", PATHS)
def test_one_frame_is_the_start(name):
    assert camera_path(name, START, DEPTH, 1) == [START]


@pytest.mark.parametrize("name", ["orbit", "spiral"])
def test_orbit_and_spiral_look_at_the_point_on_the_axis(name):
    pivot = START.world_from_cam @ torch.tensor([0, 0, DEPTH, 1], dtype=torch.float64)
    for camera in camera_path(name, START, DEPTH, 13, 1.7):
        xy, _ = project(pivot[None, :3], camera)
        torch.testing.assert_close(xy[0], camera.K[:2, 2], rtol=0, atol=1e-9)


def test_orbit_goes_to_the_right_first_at_one_distance():
    centres = [in_start(camera)[0] for camera in camera_path("orbit", START, DEPTH, 8)]
    pivot = torch.tensor([0, 0, DEPTH], dtype=torch.float64)
    for centre in centres:
        assert (centre - pivot).norm().item() == pytest.approx(DEPTH)
        assert centre[1].item() == pytest.approx(0, abs=1e-12)
    assert centres[2][0].item() == pytest.approx(DEPTH * math.sin(math.radians(ORBIT_DEG)))
    assert centres[6][0].item() == pytest.approx(-centres[2][0].item())


def test_dolly_goes_ahead_and_ends_there():
    path = camera_path("dolly", START, DEPTH, 5)
    centres = torch.stack([in_start(camera)[0] for camera in path])
    assert centres[:, :2].abs().max() < 1e-12
    assert (centres[1:, 2] > centres[:-1, 2]).all()
    assert centres[-1, 2].item() == pytest.approx(DOLLY_SHARE * DEPTH)
    assert in_start(camera_path("dolly", START, DEPTH, 5, -1.0)[-1])[0][2].item() == pytest.approx(-DOLLY_SHARE * DEPTH)


def test_pan_turns_to_the_right_first_without_a_step():
    path = camera_path("pan", START, DEPTH, 8)
    for camera in path:
        assert in_start(camera)[0].abs().max() < 1e-12
    axis = in_start(path[2])[1]
    assert math.degrees(math.atan2(axis[0], axis[2])) == pytest.approx(PAN_DEG)


def test_spiral_goes_round_to_all_sides():
    centres = torch.stack([in_start(camera)[0] for camera in camera_path("spiral", START, DEPTH, 40)])
    assert (centres.amax(dim=0) > 0.03 * DEPTH).all()
    assert (centres.amin(dim=0) < -0.03 * DEPTH).all()


@pytest.mark.parametrize("name", PATHS)
def test_paths_scale_with_the_depth(name):
    small, large = (camera_path(name, START, depth, 7, 1.3) for depth in (1.0, 1000.0))
    for one, other in zip(small, large, strict=True):
        torch.testing.assert_close(1000 * in_start(one)[0], in_start(other)[0], rtol=1e-9, atol=1e-9)
        torch.testing.assert_close(in_start(one)[1], in_start(other)[1], rtol=1e-9, atol=1e-9)


def test_a_smooth_path_goes_through_its_keys():
    keys = [plane_camera(index) for index in (0, 1, 3, 9)]
    path = smooth_path(keys, 3 * 4 + 1)
    assert path[::4] == keys
    for camera in path:
        assert check_camera(camera) is None


def test_a_smooth_path_through_evenly_spaced_keys_on_a_line_is_even():
    keys = [plane_camera(0), plane_camera(2), plane_camera(4)]
    path = smooth_path(keys, 5)
    want = [plane_camera(index) for index in range(5)]  # turned evenly, and moved evenly in their own axes
    for camera, other in zip(path, want, strict=True):
        torch.testing.assert_close(camera.cam_from_world[:3, :3], other.cam_from_world[:3, :3], rtol=0, atol=1e-9)
        torch.testing.assert_close(camera.world_from_cam[:3, 3], other.world_from_cam[:3, 3], rtol=0, atol=1e-2)


def test_one_key_is_all_of_the_path():
    assert smooth_path([START], 3) == [START] * 3


def test_keys_of_two_sizes_are_refused():
    with pytest.raises(ValueError, match="one picture size, found 41x30 and 70x48"):
        smooth_path([START, plane_camera(1, (30, 41))], 4)
