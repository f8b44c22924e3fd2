"""The parts of the dense stereo, each by a law or by a number worked out by hand."""

import pytest
import torch

from warpdata.camera import Camera, project, unproject
from warpdata.geometry.sfm.aggregation import aggregate, winner
from warpdata.geometry.sfm.confidence import colour_error, confidence
from warpdata.geometry.sfm.fusion import agreement
from warpdata.geometry.sfm.matching import EXHAUSTIVE_UP_TO, pairs_to_match
from warpdata.geometry.sfm.sweep import WORST_CORRELATION, box_mean, correlation, epipolar_line, sweep_planes
from warpdata.geometry.sfm.types import StereoView
from warpdata.geometry.sfm.upsample import joint_upsample


def lopsided_camera(x: float = 0.0, hw: tuple[int, int] = (30, 47)) -> Camera:
    K = torch.tensor([[50.0, 0, 20], [0, 40, 17], [0, 0, 1]], dtype=torch.float64)
    pose = torch.eye(4, dtype=torch.float64)
    pose[:3, 3] = torch.tensor([-x, 0.1 * x, 0.05 * x])
    return Camera(K=K, cam_from_world=pose, hw=hw)


def stereo_view(photograph, camera: Camera) -> StereoView:
    rgb = torch.from_numpy(photograph).permute(2, 0, 1).float() / 255
    return StereoView(rgb=rgb, luminance=rgb.mean(dim=0), camera=camera)


def test_a_point_lies_on_its_epipolar_line_at_its_depth():
    reference, source = lopsided_camera(), lopsided_camera(0.7)
    xy = torch.tensor([[3.5, 4.5], [40.0, 20.0]], dtype=torch.float64)
    depth = 2.5
    rays = torch.cat([(xy - reference.K[:2, 2]) / reference.K.diagonal()[:2], torch.ones(2, 1)], dim=-1)
    expected, z = project(rays * depth, source)
    infinite, per_inverse_depth = epipolar_line(reference, source, xy)
    found = infinite + per_inverse_depth / depth
    torch.testing.assert_close(found[:, :2] / found[:, 2:], expected)
    torch.testing.assert_close(found[:, 2] * depth, z)


def test_planes_are_about_a_pixel_apart_in_the_source():
    """Baseline 1, focal 50: inverse depth 0.1 to 1.1 moves a point by 50 pixels."""
    reference = lopsided_camera()
    pose = torch.eye(4, dtype=torch.float64)
    pose[0, 3] = -1
    source = Camera(K=reference.K, cam_from_world=pose, hw=reference.hw)
    planes = sweep_planes((1.1, 0.1), reference, [source], limits=(2, 200))
    assert len(planes) == 51
    assert planes[0] > planes[-1]
    assert len(sweep_planes((1.1, 0.1), reference, [source], limits=(2, 32))) == 32


def test_box_mean_at_the_border_is_of_what_is_inside():
    values = torch.arange(12.0).view(1, 3, 4)
    expected = torch.nn.functional.avg_pool2d(values, 3, stride=1, padding=1, count_include_pad=False)
    torch.testing.assert_close(box_mean(values, 1), expected)


def test_correlation_is_high_at_the_true_depth_alone(scenes, photographs):
    cameras, pictures, depths = photographs
    reference, source = (stereo_view(pictures[index], cameras[index]) for index in (1, 2))
    true = (1 / depths[1]).float()
    score = correlation(reference, source, torch.stack([true, true * 1.1]), radius=2)
    assert score[0].median() > 0.95
    assert score[1].median() < 0.5
    behind = correlation(reference, source, torch.full_like(true, -10.0)[None], radius=2)
    assert (behind == WORST_CORRELATION).all()


def test_the_winner_lies_between_the_planes_where_the_parabola_does():
    planes = torch.linspace(1.0, 0.0, 11, dtype=torch.float64)
    cost = (torch.arange(11.0) - 3.3).square().expand(2, 3, 11)
    torch.testing.assert_close(winner(cost, planes), torch.full((2, 3), 0.67))
    # At the ends of the range there is no parabola.
    torch.testing.assert_close(winner(torch.arange(11.0).expand(2, 3, 11), planes), torch.ones(2, 3))


def test_aggregation_carries_depth_into_flat_parts_and_stops_at_edges():
    """Only the outer columns know their plane; the flat inside takes it up to the edge in the picture."""
    luminance = torch.zeros(5, 20)
    luminance[:, 12:] = 1
    cost = torch.full((9, 5, 20), 0.5)
    cost[2, :, 0] = 0
    cost[7, :, 19] = 0
    best = aggregate(cost, luminance).argmin(dim=-1)
    assert (best[:, :12] == 2).all()
    assert (best[:, 12:] == 7).all()


def test_agreement_by_hand():
    """The same view agrees wholly; one whose depth is 1 % off counts a half, one 10 % off nothing."""
    camera = lopsided_camera()
    inverse = torch.full((30, 47), 0.5)
    for factor, expected in ((1.0, 1.0), (1.01, 0.5), (1.1, 0.0)):
        found = agreement(inverse, camera, [(inverse * factor, camera)])
        torch.testing.assert_close(found, torch.full_like(found, expected), atol=2e-3, rtol=0)


def test_agreement_is_zero_where_the_other_view_does_not_look():
    camera, other = lopsided_camera(), lopsided_camera(0.4)
    depth = torch.full((30, 47), 2.0)
    inverse_in_other = torch.full((30, 47), 1 / 2.02)
    found = agreement(1 / depth, camera, [(inverse_in_other, other)])
    xy, _ = project(unproject(depth.double(), camera).reshape(-1, 3), other)
    inside = ((xy >= 0) & (xy < torch.tensor([47, 30]))).all(dim=-1).view(30, 47)
    assert (found[~inside] == 0).all()
    assert (found[inside] > 0.99).all()


def test_upsampling_follows_the_picture_and_invents_no_depth_between():
    """A silhouette at a fine column that is no border of coarse pixels ends up at that column."""
    fine = torch.zeros(3, 24, 40)
    fine[:, :, 18:] = 0.8
    coarse = torch.nn.functional.avg_pool2d(fine, 4)
    inverse = torch.full((6, 10), 0.2)
    inverse[:, :4] = 1.0
    found = joint_upsample(inverse, torch.ones(6, 10), coarse, fine, radius=2)
    assert (found[:, :18] - 1.0).abs().max() < 0.02
    assert (found[:, 20:] - 0.2).abs().max() < 0.02


def test_distrusted_depth_gives_way_to_trusted():
    guide = torch.full((3, 9, 9), 0.5)
    inverse = torch.full((9, 9), 0.5)
    inverse[4, 4] = 2.0
    weight = torch.ones(9, 9)
    weight[4, 4] = 0.02
    found = joint_upsample(inverse, weight, guide, guide, radius=2)
    torch.testing.assert_close(found, torch.full((9, 9), 0.5), atol=1e-3, rtol=0)


def test_confidence_is_one_unless_a_view_confirms():
    agreed = torch.tensor([[0.49, 0.5, 4.0, 4.0]])
    error = torch.tensor([[0.0, 0.0, 0.0, 0.2]])
    found = confidence(agreed, error, 4)
    assert found[0, 0] == 1
    assert 1.01 < found[0, 1] < 1.2
    assert found[0, 2] == 2
    assert found[0, 3] == 1


def test_a_darker_exposure_is_no_error_of_colour(scenes, photographs):
    cameras, pictures, depths = photographs
    reference, same = (stereo_view(pictures[index], cameras[index]) for index in (1, 2))
    darker = stereo_view((pictures[2] * 0.7).round().astype("uint8"), cameras[2])
    right = (1 / depths[1]).float()
    error = colour_error(right, reference, [same]).median()
    assert abs(colour_error(right, reference, [darker]).median() - error) < 0.005
    assert colour_error(right * 1.2, reference, [darker]).median() > 2 * error


@pytest.mark.parametrize("count", [2, EXHAUSTIVE_UP_TO, 200])
def test_pairs_join_all_views(count):
    pairs = pairs_to_match(count)
    assert len(set(pairs)) == len(pairs)
    assert all(0 <= a < b < count for a, b in pairs)
    assert {(index, index + 1) for index in range(count - 1)} <= set(pairs)
    if count <= EXHAUSTIVE_UP_TO:
        assert len(pairs) == count * (count - 1) // 2
    else:
        assert (0, count - 1) in pairs
        assert len(pairs) < 25 * count
