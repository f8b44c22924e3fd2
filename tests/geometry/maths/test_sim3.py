"""Laws of similarity transforms, and their fit to points that are noisy or wrong."""

import math

import pytest
import torch

from tests.geometry.exact import random_rotation, random_sim3, walking_camera
from warpdata.camera import project
from warpdata.geometry.maths.sim3 import (
    Sim3,
    fit_sim3,
    fit_sim3_robust,
    median_rotation,
    nearest_rotation,
    rotation_angle,
    weighted_quantile,
)


def assert_same(a: Sim3, b: Sim3, tolerance: float = 1e-9) -> None:
    assert a.scale == pytest.approx(b.scale, rel=tolerance)
    torch.testing.assert_close(a.rotation, b.rotation, atol=tolerance, rtol=0)
    torch.testing.assert_close(a.translation, b.translation, atol=tolerance, rtol=tolerance)


def test_a_worked_example():
    """A quarter turn about z, twice the size, shifted: (1, 0, 0) goes to (10, 2, 0)."""
    turn = torch.tensor([[0, -1, 0], [1, 0, 0], [0, 0, 1]], dtype=torch.float64)
    b_from_a = Sim3(scale=2.0, rotation=turn, translation=torch.tensor([10.0, 0, 0], dtype=torch.float64))
    moved = b_from_a.apply(torch.tensor([[1.0, 0, 0]]))
    torch.testing.assert_close(moved, torch.tensor([[10.0, 2, 0]], dtype=torch.float64))


def test_group_laws():
    generator = torch.Generator().manual_seed(0)
    c_from_b, b_from_a = random_sim3(generator), random_sim3(generator)
    points = torch.randn(7, 3, generator=generator, dtype=torch.float64)
    torch.testing.assert_close((c_from_b @ b_from_a).apply(points), c_from_b.apply(b_from_a.apply(points)))
    assert_same(b_from_a.inverse() @ b_from_a, Sim3.identity())
    assert_same(b_from_a @ Sim3.identity(), b_from_a)


def test_a_moved_camera_sees_the_moved_points_at_the_same_pixels():
    generator = torch.Generator().manual_seed(1)
    camera, b_from_a = walking_camera(17, (19, 30)), random_sim3(generator)
    points = torch.randn(20, 3, generator=generator, dtype=torch.float64) + torch.tensor([0, 0, 9.0])
    xy, z = project(points, camera)
    moved_xy, moved_z = project(b_from_a.apply(points), b_from_a.move_camera(camera))
    torch.testing.assert_close(moved_xy, xy)
    torch.testing.assert_close(moved_z, b_from_a.scale * z)


@pytest.mark.parametrize("flat", [False, True])
def test_fit_finds_the_transform_of_exact_points(flat):
    generator = torch.Generator().manual_seed(2)
    b_from_a = random_sim3(generator)
    a = torch.randn(12, 3, generator=generator, dtype=torch.float64)
    if flat:  # a plane fits its mirror image as well: the rotation must still be one
        a[:, 2] = 0
    assert_same(fit_sim3(a, b_from_a.apply(a)), b_from_a)
    assert_same(fit_sim3(a, b_from_a.apply(a), torch.rand(12, generator=generator)), b_from_a)


def test_a_pair_without_weight_has_no_say():
    generator = torch.Generator().manual_seed(3)
    b_from_a = random_sim3(generator)
    a = torch.randn(9, 3, generator=generator, dtype=torch.float64)
    b, weights = b_from_a.apply(a), torch.ones(9)
    b[4], weights[4] = 1e6, 0
    assert_same(fit_sim3(a, b, weights), b_from_a)


def test_scale_is_fitted_without_favour():
    """Fitting backwards gives exactly the inverse scale, noise or not."""
    generator = torch.Generator().manual_seed(4)
    a = torch.randn(50, 3, generator=generator, dtype=torch.float64)
    b = 3 * a + 0.5 * torch.randn(50, 3, generator=generator, dtype=torch.float64)
    assert fit_sim3(a, b).scale * fit_sim3(b, a).scale == pytest.approx(1)


@pytest.mark.parametrize("points", [torch.zeros(5, 3), torch.eye(3)[:2]])
def test_fit_refuses_what_determines_nothing(points):
    with pytest.raises(ValueError):
        fit_sim3(points, points)


def test_robust_fit_ignores_more_wrong_pairs_than_right_ones():
    generator = torch.Generator().manual_seed(5)
    truth = random_sim3(generator)
    a = torch.randn(500, 3, generator=generator, dtype=torch.float64) + torch.tensor([0, 0, 5.0])
    b = truth.apply(a)
    wrong = torch.rand(500, generator=generator) < 0.55
    b[wrong] += 3 * truth.scale * torch.randn(int(wrong.sum()), 3, generator=generator, dtype=torch.float64)
    near = Sim3(
        scale=truth.scale * 1.03,
        rotation=random_rotation(generator, 2) @ truth.rotation,
        translation=truth.translation + 0.05 * truth.scale,
    )
    fit = fit_sim3_robust(a, b, torch.ones(500), start=near, lengths_b=torch.full((500,), truth.scale))
    assert_same(fit.b_from_a, truth, 1e-6)
    assert fit.inliers == pytest.approx(1 - wrong.double().mean().item(), abs=0.03)
    assert fit.residual < 1e-6


def test_rotation_angle_is_accurate_near_both_ends():
    generator = torch.Generator().manual_seed(6)
    for degrees in (0.0, 1e-6, 30.0, 179.999):
        assert rotation_angle(random_rotation(generator, degrees)).item() == pytest.approx(degrees, rel=1e-6, abs=1e-9)


def test_median_rotation_is_not_dragged_by_a_minority():
    generator = torch.Generator().manual_seed(7)
    truth = random_rotation(generator)
    good = [random_rotation(generator, 0.1) @ truth for _ in range(7)]
    bad = [random_rotation(generator, 40 + 20 * i) @ truth for i in range(5)]
    found = median_rotation(torch.stack(bad + good))
    assert rotation_angle(found @ truth.mT).item() < 0.2


def test_nearest_rotation_is_no_reflection():
    mirrored = torch.diag(torch.tensor([1.0, 1, -1], dtype=torch.float64))
    assert torch.linalg.det(nearest_rotation(mirrored)).item() == pytest.approx(1)


def test_weighted_quantile():
    values, weights = torch.tensor([5.0, 1, 3, math.inf]), torch.tensor([1.0, 1, 3, 0])
    assert weighted_quantile(values, weights).item() == 3
    assert weighted_quantile(values, weights, 0.1).item() == 1
    with pytest.raises(ValueError):
        weighted_quantile(values, torch.zeros(4))
