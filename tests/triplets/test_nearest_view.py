"""The nearest other view, by the cameras."""

import math
from dataclasses import replace

import torch

from tests.scenes import plane_camera
from warpdata.camera import invert_rigid
from warpdata.triplets.nearest_view import nearest_view


def camera(x: float, yaw_deg: float = 0.0):
    angle = math.radians(yaw_deg)
    world_from_cam = torch.eye(4, dtype=torch.float64)
    world_from_cam[0, 0] = world_from_cam[2, 2] = math.cos(angle)
    world_from_cam[0, 2], world_from_cam[2, 0] = math.sin(angle), -math.sin(angle)
    world_from_cam[0, 3] = x
    return replace(plane_camera(0), cam_from_world=invert_rigid(world_from_cam))


def test_the_nearest_that_looks_the_same_way():
    cameras = [camera(0), camera(5), camera(6.5), camera(5.1, 90)]
    assert [nearest_view(cameras, target) for target in range(3)] == [1, 2, 1]


def test_of_equally_near_ones_the_least_turned_then_the_first():
    assert nearest_view([camera(0), camera(1, 20), camera(-1, 10)], 0) == 2
    assert nearest_view([camera(1), camera(-1), camera(0)], 2) == 0


def test_where_all_look_elsewhere_the_least_turned():
    assert nearest_view([camera(0), camera(1, 170), camera(9, 80)], 0) == 2


def test_on_one_spot_the_least_turned():
    assert nearest_view([camera(0, angle) for angle in (0, 30, 45, 100)], 2) == 1
