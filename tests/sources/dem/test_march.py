"""Rays against closed forms, and the fast walk against the plain one, bit for bit."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.sources.dem.terrains import ground_xy, look_at, rough, terrain_of
from warpdata.camera import Camera, project, unproject
from warpdata.sources.dem.march import march, rays
from warpdata.sources.dem.view import see

CAMERAS = {
    "oblique": look_at((-900, -1100, 900), (100, 50, 20)),
    "straight down": look_at((0, 0, 1500), (0, 0, 0)),
    "low": look_at((-700, 80, 330), (900, 200, 100)),
    "inside, level": look_at((0, 0, 400), (500, 800, 390)),
    "from afar": look_at((-5000, -100, 600), (0, 0, 0)),
    "upwards": look_at((0, 0, 400), (300, 100, 900)),
    "along a row": look_at((-3000, 12.5, 350), (0, 12.5, 100)),
}


def meets(camera: Camera, depth: torch.Tensor) -> torch.Tensor:
    """World points of a depth map."""
    return unproject(depth.double(), camera)


@pytest.mark.parametrize("camera", CAMERAS.values(), ids=CAMERAS)
@pytest.mark.parametrize("holes", [0, 25])
def test_strides_change_nothing(camera, holes):
    terrain = terrain_of(rough(holes=holes))
    plain = march(terrain, camera)
    assert torch.equal(see(terrain, camera).depth, plain.float())


def test_strides_change_nothing_on_walls_of_one_pixel():
    heights = np.zeros((40, 64))
    heights[::5] += 60
    heights[:, ::7] += 45
    terrain = terrain_of(heights)
    for camera in CAMERAS.values():
        assert torch.equal(see(terrain, camera).depth, march(terrain, camera).float())


@pytest.mark.parametrize("slope", [(0.0, 0.0), (0.12, -0.07)])
def test_a_plane_is_where_its_formula_says(slope):
    flat = terrain_of(np.zeros((40, 60)))
    x, y = ground_xy(flat)
    terrain = terrain_of(100 + slope[0] * x[None, :] + slope[1] * y[:, None])
    camera = CAMERAS["oblique"]
    depth = march(terrain, camera)
    centre, directions = rays(camera)
    normal = torch.tensor([-slope[0], -slope[1], 1.0], dtype=torch.float64)
    expected = (100 - centre @ normal) / (directions @ normal)
    hit = depth > 0
    assert 0.3 < hit.double().mean() < 1
    torch.testing.assert_close(depth[hit], expected[hit], rtol=1e-12, atol=0)
    beyond = meets(camera, expected)[~hit]
    outside = (beyond[:, 0].abs() > x.max() - 1e-6) | (beyond[:, 1].abs() > y.max() - 1e-6)
    assert (outside | (expected[~hit] <= 0)).all()


def test_a_pyramid_is_met_on_its_faces_and_ridges():
    """Four planes that meet over a pixel; along ridges the surface is bilinear, a little below the planes' ridge."""
    flat = terrain_of(np.zeros((41, 61)), (20.0, 20.0))
    x, y = ground_xy(flat)
    heights = 300 - 0.5 * np.maximum(abs(x[None, :]), abs(y[:, None]))
    terrain = terrain_of(heights, (20.0, 20.0))
    camera = look_at((-500, -700, 900), (0, 0, 200))
    depth = march(terrain, camera)
    points = meets(camera, depth)[depth > 0]
    exact = 300 - 0.5 * torch.maximum(points[:, 0].abs(), points[:, 1].abs())
    near_ridge = (points[:, 0].abs() - points[:, 1].abs()).abs() < 20
    assert (points[:, 2] - exact)[~near_ridge].abs().max() < 1e-9
    # 0.5 * 20 / 4: a bilinear patch lies that much under or over the ridge in the middle of its diagonal.
    assert (points[:, 2] - exact)[near_ridge].abs().max() <= 2.5 + 1e-9


def test_hits_lie_on_the_bilinear_surface():
    terrain = terrain_of(rough())
    camera = CAMERAS["oblique"]
    depth = march(terrain, camera)
    points = meets(camera, depth)[depth > 0].numpy()
    (x, y), (across, down) = terrain.grid.first_xy, terrain.grid.pitch_xy
    u, v = (points[:, 0] - x) / across, (y - points[:, 1]) / down
    j, i = np.floor(u).astype(int).clip(0, 88), np.floor(v).astype(int).clip(0, 58)
    u, v, h = u - j, v - i, terrain.heights
    upper, lower = (1 - u) * h[i, j] + u * h[i, j + 1], (1 - u) * h[i + 1, j] + u * h[i + 1, j + 1]
    np.testing.assert_allclose(points[:, 2], (1 - v) * upper + v * lower, atol=1e-8)


def test_two_views_agree_where_both_see():
    terrain = terrain_of(rough())
    first, second = look_at((-700, -900, 900), (50, 0, 0), (76, 100)), look_at((-550, -950, 900), (50, 0, 0), (76, 100))
    depth, other = march(terrain, first), march(terrain, second)
    points = meets(first, depth)[depth > 0]
    xy, z = project(points, second)
    column, row = xy[:, 0].floor().long(), xy[:, 1].floor().long()
    inside = (column >= 0) & (column < 100) & (row >= 0) & (row < 76)
    there = other[row[inside], column[inside]]
    seen = (there / z[inside] - 1).abs() < 0.05
    assert seen.double().mean() > 0.7
    assert ((there / z[inside] - 1).abs()[seen]).median() < 5e-3


def test_a_hole_takes_four_patches_away_and_is_seen_through():
    heights = np.zeros((9, 11))
    heights[4, 5] = np.nan
    terrain = terrain_of(heights, (10.0, 10.0))
    camera = look_at((0, 0, 100), (0, 0, 0), (40, 40))
    depth = march(terrain, camera)
    centre, directions = rays(camera)
    ground = centre + directions * (-centre[2] / directions[..., 2])[..., None]
    hole = (ground[..., 0].abs() < 10) & (ground[..., 1].abs() < 10)
    assert torch.equal(depth > 0, ~hole & (ground[..., 0].abs() <= 50) & (ground[..., 1].abs() <= 40))


def test_a_ray_below_the_surface_at_the_side_hits_nothing():
    terrain = terrain_of(np.full((20, 20), 100.0))
    assert not march(terrain, look_at((-2000, 0, 50), (0, 0, 50))).any()
    assert not march(terrain, look_at((0, 0, 50), (100, 0, 50))).any()


def test_depth_is_planar_and_colours_are_where_the_ground_is():
    terrain = terrain_of(np.zeros((60, 90)))
    camera = CAMERAS["oblique"]
    view = see(terrain, camera)
    hit = view.depth > 0
    points = meets(camera, view.depth)[hit]
    x, y = ground_xy(terrain)
    red = 255 * (points[:, 0] - x[0]) / (x[-1] - x[0])
    green = 255 * (y[0] - points[:, 1]) / (y[0] - y[-1])
    inner = (red > 12) & (red < 243) & (green > 12) & (green < 243)
    assert inner.sum() > 300
    assert (view.rgb[0][hit].double() - red)[inner].abs().max() < 3
    assert (view.rgb[1][hit].double() - green)[inner].abs().max() < 4.5
    assert (view.rgb[:, ~hit] == 0).all()
    assert not view.usable[~hit].any()


def test_steep_and_stretched_ground_gives_no_points():
    heights = np.zeros((40, 60))
    heights[:, 30:] = 3000
    terrain = terrain_of(heights)
    face_on, from_above = look_at((-300, 0, 1500), (0, 0, 1400)), look_at((0, 0, 4000), (0, 0, 0))
    for camera, expected in ((face_on, True), (from_above, False)):
        view = see(terrain, camera)
        z = meets(camera, view.depth)[..., 2]
        on_wall = (z > 50) & (z < 2950) & (view.depth > 0)
        assert on_wall.any()
        assert view.usable[on_wall].any() == expected


def test_threads_do_not_matter():
    terrain, camera = terrain_of(rough()), CAMERAS["low"]
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        one = see(terrain, camera)
        torch.set_num_threads(2)
        two = see(terrain, camera)
    finally:
        torch.set_num_threads(threads)
    assert torch.equal(one.depth, two.depth)
    assert torch.equal(one.rgb, two.rgb)
    assert torch.equal(one.usable, two.usable)
