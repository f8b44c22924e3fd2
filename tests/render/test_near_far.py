"""What is near and far is a share of the scene's own depths: its unit changes no byte, and explicit numbers hold."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.render.views import noise, noise_image, pair
from warpdata.camera import Camera, unproject
from warpdata.render import Rendering, RenderOptions, render_points, warp
from warpdata.render.near_far import BEGINNING, FAR_SHARE, NEAR_SHARE, near_far_of_depth, near_far_of_points
from warpdata.render.view import view_of_points

EXPONENTS = [-20, -10, -1, 1, 9, 20]


def scaled(camera: Camera, factor: float) -> Camera:
    """The camera of a world in which every length is `factor` times as long."""
    pose = camera.cam_from_world.clone()
    pose[:3, 3] *= factor
    return replace(camera, cam_from_world=pose)


def assert_scaled(a: Rendering, b: Rendering, factor: float) -> None:
    """The same bytes, and every depth `factor` times as large."""
    for name in ("rgb", "coverage", "visible"):
        assert torch.equal(getattr(a, name), getattr(b, name)), name
    assert torch.equal(a.depth * factor, b.depth)


@pytest.mark.parametrize("compat", [False, True])
@pytest.mark.parametrize("exponent", EXPONENTS)
def test_the_unit_of_a_scene_changes_no_byte(exponent, compat, backend, device):
    """Powers of two are exact in float32, so the law holds to the last bit, depth map enlarged or not."""
    factor = 2.0**exponent
    image, depth, reference, target = pair((37, 50))
    moved = scaled(reference, factor), scaled(target, factor)
    options = RenderOptions(compat=compat)
    for map_of_depth in (depth, depth[::2, ::2]):
        a = warp(image.to(device), map_of_depth.to(device), reference, target, options=options, backend=backend)
        b = warp(image.to(device), (map_of_depth * factor).to(device), *moved, options=options, backend=backend)
        assert 0.2 < a.visible.float().mean() < 1
        assert_scaled(a, b, factor)


@pytest.mark.parametrize("exponent", EXPONENTS)
def test_the_unit_of_points_changes_no_byte(exponent, backend, device):
    factor = 2.0**exponent
    image, depth, reference, target = pair((37, 50))
    points = unproject(depth, reference)[depth > 0].to(device)
    colors = image.permute(1, 2, 0)[depth > 0].to(device)
    a = render_points(points, colors, None, target, backend=backend)
    b = render_points(points * factor, colors, None, scaled(target, factor), backend=backend)
    assert a.visible.any()
    assert_scaled(a, b, factor)


def test_auto_bounds_let_an_ordinary_scene_pass_whole(backend, device):
    """What the fixed bounds of before let pass, and nothing else: the same bytes."""
    image, depth, reference, target = pair((40, 60), 3)
    inputs = (image.to(device), depth.to(device), reference, target)
    auto = warp(*inputs, backend=backend)
    fixed = warp(*inputs, options=RenderOptions(near=0.01, far=1e6), backend=backend)
    for name in ("rgb", "coverage", "visible", "depth"):
        assert torch.equal(getattr(auto, name), getattr(fixed, name)), name


@pytest.mark.parametrize("sky", [1e10, 3e38])
def test_a_stand_in_for_the_sky_is_too_far(sky, backend, device):
    """In less than half of the picture; the rest is drawn as if it were not there."""
    image, depth, reference, target = pair((30, 40))
    depth = depth.clone()
    without, depth[:10] = depth.clone(), sky
    without[:10] = 0
    inputs = image.to(device), reference, target
    a = warp(inputs[0], depth.to(device), *inputs[1:], options=RenderOptions(s0=0.05), backend=backend)
    b = warp(inputs[0], without.to(device), *inputs[1:], options=RenderOptions(s0=0.05), backend=backend)
    assert torch.equal(a.rgb, b.rgb)
    assert torch.equal(a.depth, b.depth)


def test_a_sky_over_most_of_the_picture_drops_nothing_near(device):
    depth = torch.full((32, 32), 1e10, device=device)
    depth[20:, 20:] = 2.0
    near, far = near_far_of_depth(depth[None], RenderOptions())[0].tolist()
    assert near == 2.0 * NEAR_SHARE
    assert far > 1e10


def test_each_item_of_a_batch_has_its_own_bounds(backend, device):
    """A scene in millimetres and one in kilometres rendered together are as they are alone."""
    image, depth, reference, target = pair((21, 34))
    factors = [2.0**-20, 1.0, 2.0**20]
    cameras = [
        Camera(
            K=camera.K.expand(3, 3, 3),
            cam_from_world=torch.stack([scaled(camera, factor).cam_from_world for factor in factors]),
            hw=camera.hw,
        )
        for camera in (reference, target)
    ]
    depths = torch.stack([depth * factor for factor in factors]).to(device)
    batch = warp(image.to(device), depths, *cameras, backend=backend)
    alone = warp(image.to(device), depth.to(device), reference, target, backend=backend)
    for k, factor in enumerate(factors):
        assert torch.equal(batch.rgb[k], alone.rgb)
        assert torch.equal(batch.depth[k], alone.depth * factor)


@given(
    values=st.lists(st.sampled_from([0.0, -1.0, torch.nan, torch.inf, 0.5, 1.0, 3.0, 1e20]), min_size=1, max_size=30)
)
@settings(max_examples=50)
def test_bounds_come_from_sorted_valid_depth(values):
    """Maps small enough to be read whole: the value at the 64th part, and the upper median, by their shares."""
    depth = torch.tensor(values)[None, None]
    near, far = near_far_of_depth(depth, RenderOptions())[0].tolist()
    valid = sorted(v for v in values if 0 < v < torch.inf)
    float32 = torch.finfo(torch.float32)
    if not valid:
        assert (near, far) == (float32.tiny, float32.max)
        return
    assert near == torch.tensor(valid[len(valid) // BEGINNING] * NEAR_SHARE).item()
    assert far == torch.tensor(valid[len(valid) // 2] * FAR_SHARE).item()


def test_a_few_wild_values_do_not_set_the_bounds():
    depth = 2 + noise((1, 32, 32), 1, 100).float() / 100
    depth[0, 3, :10] = 1e-12
    near, _ = near_far_of_depth(depth, RenderOptions())[0].tolist()
    assert 2 * NEAR_SHARE <= near < 2.1 * NEAR_SHARE


@pytest.mark.parametrize("hw", [(1, 1), (1, 100), (33, 31), (500, 3), (301, 401)])
def test_maps_of_any_size_are_sampled(hw):
    near, far = near_far_of_depth(torch.full((2, *hw), 4.0), RenderOptions()).unbind(-1)
    assert (near == 4 * NEAR_SHARE).all()
    assert (far == 4 * FAR_SHARE).all()


def test_numbers_hold_one_by_one():
    depth = torch.full((1, 4, 4), 4.0)
    assert near_far_of_depth(depth, RenderOptions(near=1.0))[0].tolist() == [1.0, 4 * FAR_SHARE]
    assert near_far_of_depth(depth, RenderOptions(far=8.0))[0].tolist() == [4 * NEAR_SHARE, 8.0]
    assert near_far_of_depth(depth, RenderOptions(near=1.0, far=8.0))[0].tolist() == [1.0, 8.0]
    assert near_far_of_depth(depth, RenderOptions(far=1e300))[0, 1].item() == torch.finfo(torch.float32).max


def test_points_behind_the_camera_and_doubtful_ones_do_not_count():
    _, _, _, target = pair()
    here = replace(target, K=target.K[None], cam_from_world=torch.eye(4, dtype=torch.float64)[None])
    points = torch.tensor([[[0.0, 0, -5], [0, 0, 2], [0, 0, 1e-9], [0, 0, torch.nan]]])
    confidence = torch.tensor([[9.0, 9.0, 1.0, 9.0]])
    bounds = near_far_of_points(points, confidence, view_of_points(here), RenderOptions())
    assert bounds.tolist() == [[2 * NEAR_SHARE, 2 * FAR_SHARE]]
    nothing = near_far_of_points(points[:, :0], None, view_of_points(here), RenderOptions())
    assert nothing.tolist() == [[torch.finfo(torch.float32).tiny, torch.finfo(torch.float32).max]]


@pytest.mark.parametrize("wrong", [{"near": 0.0}, {"far": -1.0}, {"near": 2.0, "far": 1.0}, {"near": torch.nan}])
def test_bounds_without_sense_are_refused(wrong):
    with pytest.raises(ValueError, match=r"`(near|far)` "):
        RenderOptions(**wrong)


def test_black_is_not_what_a_large_unit_gives(backend, device):
    """Depth 0.0025 to 0.004, which a fixed near of 0.01 dropped whole."""
    image, depth, reference, target = pair((30, 40))
    image = noise_image((30, 40)).to(device)
    out = warp(image, (depth / 1000).to(device), scaled(reference, 1e-3), scaled(target, 1e-3), backend=backend)
    ordinary = warp(image, depth.to(device), reference, target, backend=backend)
    assert (out.visible != ordinary.visible).float().mean() < 0.02
