"""The scale of depth under known cameras: exact for exact geometry, unbiased under noise, refused where none is."""

from dataclasses import replace

import pytest
import torch

from tests.geometry.exact import hall, in_own_world, walking_camera
from warpdata.camera import project, unproject
from warpdata.errors import GeometryError
from warpdata.geometry.network.known_poses import camera_of_map, fit_depth_scale, meet, world_rays
from warpdata.geometry.types import ContentBox

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def exact():
    return hall(14)


def scale_error(exact, seed, **disturbance):
    """Relative error of the scale that takes a window's depth back to the exact one, and the fit's report."""
    generator = torch.Generator().manual_seed(seed)
    window, own_from_world = in_own_world(exact, range(len(exact)), generator, **disturbance)
    scale, fit = fit_depth_scale(window, {index: frame.camera for index, frame in enumerate(exact)})
    return scale * own_from_world.scale - 1, fit


def test_the_scale_of_exact_geometry_is_exact(exact):
    error, fit = scale_error(exact, 0, noise=0, outliers=0)
    assert abs(error) < 1e-6
    assert fit["scale_from"] == "triangulated points"
    assert fit["relative_depth_residual"] < 1e-5
    assert fit["reprojection_px"] < 1e-4
    assert fit["rotation_degrees"] < 1e-4


@pytest.mark.parametrize(
    ("disturbance", "each", "mean"),
    [
        ({"noise": 0.05, "outliers": 0.3}, 0.03, 0.02),
        ({"noise": 0.02, "outliers": 0.1, "turn_degrees": 0.1, "shift": 0.002}, 0.08, 0.04),
    ],
)
def test_noise_does_not_pull_the_scale_to_one_side(exact, disturbance, each, mean):
    """Triangulated depth itself would: a noisy pixel makes near points of far ones more than the reverse."""
    errors = [scale_error(exact, seed, **disturbance)[0] for seed in range(6)]
    assert max(map(abs, errors)) < each
    assert abs(sum(errors) / 6) < mean


def test_views_without_common_points_take_the_scale_of_the_centres(exact):
    """Two views back to back."""
    turned = exact[9].camera.cam_from_world.clone()
    turned[:3] = torch.diag(torch.tensor([-1.0, 1, -1], dtype=torch.float64)) @ turned[:3]
    pair = [exact[0], replace(exact[9], camera=replace(exact[9].camera, cam_from_world=turned))]
    generator = torch.Generator().manual_seed(1)
    window, own_from_world = in_own_world(pair, range(2), generator, noise=0, outliers=0)
    scale, fit = fit_depth_scale(window, {index: frame.camera for index, frame in enumerate(pair)})
    assert fit["scale_from"] == "camera centres"
    assert scale * own_from_world.scale == pytest.approx(1)


@pytest.mark.parametrize("count", [1, 3])
def test_one_camera_centre_gives_no_scale(exact, count):
    window = dict(enumerate(exact[:count]))
    with pytest.raises(GeometryError, match="one place"):
        fit_depth_scale(window, {index: exact[0].camera for index in window})


def test_inverse_depth_by_hand():
    """Cameras side by side, one apart: what the second sees 0.1 further left (per depth) is 10 away."""
    first = torch.tensor([[0.0, 0, 1], [0.0, 0, 1]], dtype=torch.float64)
    second = torch.tensor([[-0.1, 0, 1], [0.0, 0, 1]], dtype=torch.float64)
    inverse_depth, across = meet(first, second, torch.tensor([1.0, 0, 0], dtype=torch.float64))
    assert inverse_depth.tolist() == pytest.approx([0.1, 0])
    assert across[1].item() == pytest.approx(1)


def test_rays_and_projection_agree():
    camera = walking_camera(5, (18, 26))
    points = torch.tensor([[0.3, -0.2, 6.0], [1.0, 0.5, 9.0]], dtype=torch.float64)
    xy, depth = project(points, camera)
    centre = camera.world_from_cam[:3, 3]
    torch.testing.assert_close(centre + depth[:, None] * world_rays(xy, camera), points)


def test_a_map_of_a_padded_picture_gets_the_pictures_camera():
    """A map that reaches beyond the picture: what it shows at its camera is what the picture shows at its own."""
    frame = hall(1)[0]
    padded = replace(frame, image_hw=(40, 60), content_box=ContentBox(left=-10.0, top=4.0, right=70.0, bottom=40.0))
    image_camera = walking_camera(0, (40, 60))
    camera = camera_of_map(padded.content_box, padded.camera.hw, image_camera)
    points = unproject(padded.depth.double(), camera).flatten(0, 1)
    xy, _ = project(points, image_camera)
    assert xy[0].tolist() == pytest.approx([-10 + 0.5 * 80 / 26, 4 + 0.5 * 36 / 18])
    assert xy[-1].tolist() == pytest.approx([70 - 0.5 * 80 / 26, 40 - 0.5 * 36 / 18])
