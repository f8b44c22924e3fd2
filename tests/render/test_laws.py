"""What holds for every backend: identity, shifts, who hides whom, what is dropped, and batches."""

from dataclasses import replace

import pytest
import torch

from tests.render.views import lopsided_camera, noise, noise_image, pair, steps_depth
from warpdata.camera import Camera, unproject
from warpdata.render import Rendering, RenderOptions, render_points, upsample_depth, warp

FIELDS = ("rgb", "coverage", "visible", "depth")
ALL = RenderOptions(confidence_threshold=0.0)
DOTS = RenderOptions(sigma=0.0, occlusion_threshold=-1.0)
"""Every pixel shows the nearest point that fell into it, or the background: no fade, nothing hidden."""


def assert_same(a: Rendering, b: Rendering) -> None:
    for name in FIELDS:
        torch.testing.assert_close(
            getattr(a, name), getattr(b, name), rtol=0, atol=0, msg=lambda m, n=name: f"{n}: {m}"
        )


@pytest.mark.parametrize("hw", [(1, 1), (1, 5), (5, 1), (2, 2), (3, 3), (7, 4), (11, 32), (65, 37), (130, 259)])
def test_a_view_warped_into_itself_is_itself(hw, backend, device):
    camera = lopsided_camera(hw, rotation=(0.4, -0.9, 0.2), translation=(3.0, -1.0, 2.0))
    image, depth = noise_image(hw).to(device), (steps_depth(hw) + noise(hw, 3, 7) / 64).to(device)
    out = warp(image, depth, camera, camera, backend=backend)
    valid = depth > 0
    assert torch.equal(out.visible[0], valid)
    assert torch.equal(out.rgb[:, valid], image[:, valid])
    assert (out.coverage[0, valid] == 255).all()
    torch.testing.assert_close(out.depth[0], depth, rtol=1e-6, atol=0)
    assert out.backend == backend


def test_a_shifted_principal_point_shifts_the_picture(backend, device):
    hw, (dx, dy) = (21, 34), (5, -3)
    image, depth = noise_image(hw).to(device), torch.full(hw, 2.5, device=device)
    camera, shifted = lopsided_camera(hw), lopsided_camera(hw, shift_xy=(dx, dy))
    out = warp(image, depth, camera, shifted, options=DOTS, backend=backend)
    assert torch.equal(out.rgb[:, :dy, dx:], image[:, -dy:, :-dx])
    assert not out.visible[:, dy:].any()
    assert not out.visible[:, :, :dx].any()


def test_a_step_to_the_right_shifts_a_plane_to_the_left(backend, device):
    """The camera moves by x = 0.5 before a plane at z = 2 with fx = 8: by fx x / z = 2 pixels."""
    K = torch.tensor([[8.0, 0, 4.5], [0, 16.0, 2.5], [0, 0, 1]], dtype=torch.float64)
    pose = torch.eye(4, dtype=torch.float64)
    reference = Camera(K=K, cam_from_world=pose, hw=(5, 9))
    stepped = pose.clone()
    stepped[0, 3] = -0.5
    image, depth = noise_image((5, 9)).to(device), torch.full((5, 9), 2.0, device=device)
    target = replace(reference, cam_from_world=stepped)
    out = warp(image, depth, reference, target, options=DOTS, backend=backend)
    assert torch.equal(out.rgb[:, :, :-2], image[:, :, 2:])
    assert not out.visible[..., -2:].any()
    assert (out.depth[..., :-2] == 2).all()


def test_a_half_turn_about_the_view_axis_turns_the_picture(backend, device):
    hw = (6, 9)
    K = torch.tensor([[10.0, 0, 4.5], [0, 14.0, 3.0], [0, 0, 1]], dtype=torch.float64)
    reference = Camera(K=K, cam_from_world=torch.eye(4, dtype=torch.float64), hw=hw)
    target = replace(reference, cam_from_world=torch.diag(torch.tensor([-1.0, -1, 1, 1], dtype=torch.float64)))
    image, depth = noise_image(hw).to(device), torch.full(hw, 2.0, device=device)
    out = warp(image, depth, reference, target, backend=backend)
    assert torch.equal(out.rgb, image.flip(-1, -2))


def test_the_world_frame_does_not_matter(backend, device):
    """Both cameras moved with the world by a quarter turn, which floats represent exactly."""
    image, depth, reference, target = pair()
    turn = torch.tensor([[0.0, -1, 0, 0], [1, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]], dtype=torch.float64)
    moved = [replace(c, cam_from_world=c.cam_from_world @ turn) for c in (reference, target)]
    image, depth = image.to(device), depth.to(device)
    a = warp(image, depth, reference, target, backend=backend)
    b = warp(image, depth, *moved, backend=backend)
    assert (a.rgb != b.rgb).any(dim=0).float().mean() < 0.01


def dots(positions: list[tuple[float, float, float]], device) -> tuple[torch.Tensor, Camera]:
    """Points given by pixel x, y and depth, and the camera of a 9 x 13 picture."""
    K = torch.tensor([[16.0, 0, 6.5], [0, 8.0, 4.5], [0, 0, 1]], dtype=torch.float64)
    camera = Camera(K=K, cam_from_world=torch.eye(4, dtype=torch.float64), hw=(9, 13))
    points = [((x - 6.5) / 16 * z, (y - 4.5) / 8 * z, z) for x, y, z in positions]
    return torch.tensor(points, dtype=torch.float32, device=device).reshape(-1, 3), camera


def colors_of(count: int, device) -> torch.Tensor:
    return (torch.arange(count * 3, device=device).reshape(count, 3) + 1).to(torch.uint8)


def test_a_point_falls_into_the_pixel_that_contains_it(backend, device):
    """Pixel (row, column) spans [column, column + 1) x [row, row + 1)."""
    points, camera = dots([(2.0, 3.0, 1.0), (4.75, 3.5, 2.0), (12.75, 8.75, 4.0)], device)
    out = render_points(points, colors_of(3, device), None, camera, options=DOTS, backend=backend)
    assert out.visible[0].nonzero().tolist() == [[3, 2], [3, 4], [8, 12]]
    assert out.rgb[:, 3, 4].tolist() == [4, 5, 6]
    assert out.depth[0, 8, 12].item() == 4


def test_the_nearest_point_wins_and_the_first_among_equals(backend, device):
    points, camera = dots([(2.5, 3.5, 3.0), (2.5, 3.5, 2.0), (2.5, 3.5, 2.0), (2.5, 3.5, 2.5)], device)
    out = render_points(points, colors_of(4, device), None, camera, options=DOTS, backend=backend)
    assert out.rgb[:, 3, 2].tolist() == [4, 5, 6]
    assert out.visible.sum() == 1


def test_near_and_far_are_inclusive(backend, device):
    depths = [0.5, 0.499, 8.0, 8.001, -1.0, 0.0]
    points = torch.tensor([[0.0, 0.0, z] for z in depths], device=device)
    _, camera = dots([], device)
    for z, kept in zip(depths, [True, False, True, False, False, False], strict=True):
        options = replace(DOTS, near=0.5, far=8.0)
        one = points[depths.index(z)][None]
        out = render_points(one, colors_of(1, device), None, camera, options=options, backend=backend)
        assert out.visible.any().item() == kept, z


def test_points_at_the_border_are_inside_up_to_the_last_pixel(backend, device):
    points, camera = dots([(0.0, 0.0, 1.0), (13.0, 4.5, 1.0), (6.5, 9.0, 1.0), (-0.25, 4.5, 1.0)], device)
    out = render_points(points, colors_of(4, device), None, camera, options=DOTS, backend=backend)
    assert out.visible[0].nonzero().tolist() == [[0, 0]]


def test_confidence_drops_points_below_the_threshold_only(backend, device):
    points, camera = dots([(1.5, 1.5, 1.0), (3.5, 1.5, 1.0), (5.5, 1.5, 1.0), (7.5, 1.5, 1.0)], device)
    confidence = torch.tensor([1.25, 1.2499999, torch.nan, torch.inf], device=device)
    options = replace(DOTS, confidence_threshold=1.25)
    out = render_points(points, colors_of(4, device), confidence, camera, options=options, backend=backend)
    assert out.visible[0].nonzero().tolist() == [[1, 1]]


@pytest.mark.parametrize("bad", [torch.nan, torch.inf, -torch.inf, 0.0, -2.0])
def test_pixels_without_depth_are_not_drawn(bad, backend, device):
    hw = (8, 11)
    camera, image = lopsided_camera(hw), noise_image(hw).to(device)
    depth = torch.full(hw, 2.0, device=device)
    depth[2, 3] = bad
    out = warp(image, depth, camera, camera, options=DOTS, backend=backend)
    assert (~out.visible[0]).nonzero().tolist() == [[2, 3]]
    assert out.depth[0, 2, 3].item() == 0


@pytest.mark.parametrize("bad", [torch.nan, torch.inf, -torch.inf])
def test_points_that_are_not_finite_are_not_drawn(bad, backend, device):
    for axis in range(3):
        points, camera = dots([(6.5, 4.5, 1.0), (2.5, 4.5, 1.0)], device)
        points[0, axis] = bad
        out = render_points(points, colors_of(2, device), None, camera, options=DOTS, backend=backend)
        assert out.visible[0].nonzero().tolist() == [[4, 2]]


def test_without_points_everything_is_background(backend, device):
    _, camera = dots([], device)
    points, options = torch.zeros(0, 3, device=device), RenderOptions(background=(7, 80, 255))
    out = render_points(points, colors_of(0, device), None, camera, options=options, backend=backend)
    assert (out.rgb == torch.tensor([7, 80, 255], device=device)[:, None, None]).all()
    assert not out.coverage.any()
    assert not out.visible.any()


def test_with_every_point_behind_the_camera_everything_is_background(backend, device):
    image, depth, reference, _ = pair()
    behind = replace(reference, cam_from_world=torch.diag(torch.tensor([-1.0, 1, -1, 1]).double()))
    behind = replace(behind, cam_from_world=behind.cam_from_world @ reference.cam_from_world)
    out = warp(image.to(device), depth.to(device), reference, behind, backend=backend)
    assert not out.rgb.any()
    assert not out.visible.any()


def test_the_fade_of_one_point_is_a_gaussian_over_the_background(backend, device):
    """Coverage 255 exp(-(d/sigma)^2), rounded; colour of the point over the background by that share."""
    points, camera = dots([(4.5, 2.5, 1.0)], device)
    colors = torch.tensor([[200, 100, 0]], dtype=torch.uint8, device=device)
    options = RenderOptions(sigma=2.0, background=(0, 50, 250))
    out = render_points(points, colors, None, camera, options=options, backend=backend)
    rows, columns = torch.meshgrid(torch.arange(9), torch.arange(13), indexing="ij")
    fade = torch.exp(-((rows - 2.0) ** 2 + (columns - 4.0) ** 2) / 4)
    fade[255 * fade < 0.5] = 0
    assert torch.equal(out.coverage[0].cpu(), (255 * fade).round().to(torch.uint8))
    color, background = torch.tensor([200.0, 100, 0]), torch.tensor([0.0, 50, 250])
    # The 9 x 13 pyramid ends at 1 x 1, so the single colour fills everything.
    expected = color[:, None, None] * fade + background[:, None, None] * (1 - fade)
    assert (out.rgb.cpu().float() - expected).abs().max() <= 0.501


def test_sigma_zero_fills_nothing(backend, device):
    image, depth, reference, target = pair()
    out = warp(image.to(device), depth.to(device), reference, target, options=DOTS, backend=backend)
    assert torch.equal(out.coverage == 255, out.visible)
    assert torch.equal(out.coverage == 0, ~out.visible)
    assert not out.rgb[(~out.visible).expand_as(out.rgb)].any()


def test_a_wall_seen_through_the_gaps_of_a_nearer_one_is_hidden(backend, device):
    """A near wall whose points lie 2 pixels apart, a dense far wall behind: only the near one is seen."""
    near = [(2 * i + 0.5, 2 * j + 0.5, 1.0) for j in range(16) for i in range(16)]
    far = [(i + 0.5, j + 0.5, 20.0) for j in range(32) for i in range(32)]
    K = torch.tensor([[32.0, 0, 16], [0, 32.0, 16], [0, 0, 1]], dtype=torch.float64)
    camera = Camera(K=K, cam_from_world=torch.eye(4, dtype=torch.float64), hw=(32, 32))
    points = torch.tensor([((x - 16) / 32 * z, (y - 16) / 32 * z, z) for x, y, z in near + far], device=device)
    out = render_points(points, colors_of(len(points), device), None, camera, s0=torch.tensor(0.02), backend=backend)
    inner = out.depth[0, 4:-4, 4:-4]
    assert (inner[::2, ::2] == 1).all()
    assert (inner[1::2, 1::2] == 0).all()
    seen_alone = render_points(points[256:], colors_of(1024, device), None, camera, backend=backend)
    assert seen_alone.visible.all()


def test_visible_pixels_keep_their_colour_whatever_the_size(backend, device):
    for hw in [(1, 1), (1, 9), (2, 2), (3, 3), (3, 9), (2, 31)]:
        camera = lopsided_camera(hw)
        for compat in (False, True):
            options = replace(ALL, compat=compat)
            image, depth = noise_image(hw).to(device), torch.full(hw, 3.0, device=device)
            points = unproject(depth, camera.to(device)).reshape(-1, 3) + 0.001
            colors = image.flatten(1).T.contiguous()
            out = render_points(points, colors, None, camera, options=options, backend=backend)
            seen = out.visible[0]
            assert seen.any()
            assert torch.isin(out.rgb[:, seen].T, colors).all()


def test_a_batch_is_its_members(backend, device):
    """Same bytes alone, in a batch, in another order, and twice."""
    members = [pair(seed=seed) for seed in range(3)]
    image, depth = (torch.stack([m[k] for m in members]).to(device) for k in (0, 1))
    reference, target = members[0][2:]
    targets = Camera(
        K=torch.stack([target.K, reference.K, target.K]),
        cam_from_world=torch.stack([target.cam_from_world, target.cam_from_world, reference.cam_from_world]),
        hw=target.hw,
    )
    whole = warp(image, depth, reference, targets, backend=backend)
    assert_same(whole, warp(image, depth, reference, targets, backend=backend))
    flipped = replace(targets, K=targets.K.flip(0), cam_from_world=targets.cam_from_world.flip(0))
    turned = warp(image.flip(0), depth.flip(0), reference, flipped, backend=backend)
    for i in range(3):
        alone = warp(image[i], depth[i], reference, targets[i], backend=backend)
        assert alone.rgb.shape == (3, *target.hw)
        for name in FIELDS:
            assert torch.equal(getattr(whole, name)[i], getattr(alone, name)), name
            assert torch.equal(getattr(turned, name)[2 - i], getattr(alone, name)), name


def test_the_number_of_threads_does_not_matter(backend, device):
    image, depth, reference, target = pair((120, 201))
    threads = torch.get_num_threads()
    outs = []
    try:
        for count in (1, 2, 3):
            torch.set_num_threads(count)
            outs.append(warp(image.to(device), depth.to(device), reference, target, backend=backend))
    finally:
        torch.set_num_threads(threads)
    assert_same(outs[0], outs[1])
    assert_same(outs[0], outs[2])


def test_batches_of_any_shape_broadcast(backend, device):
    image, depth, reference, target = pair()
    image, depth = image.to(device), depth.to(device)
    one = warp(image, depth, reference, target, backend=backend)
    many = warp(image.expand(2, 1, -1, -1, -1), depth.expand(3, -1, -1), reference, target, backend=backend)
    assert many.rgb.shape == (2, 3, *one.rgb.shape)
    assert (many.rgb == one.rgb).all()
    none = warp(image.expand(0, -1, -1, -1), depth, reference, target, backend=backend)
    assert none.rgb.shape == (0, *one.rgb.shape)


def test_the_target_may_have_another_size(backend, device):
    """The lower right of the picture, as a camera of its own."""
    hw = (12, 17)
    camera, image = lopsided_camera(hw), noise_image(hw).to(device)
    crop = camera.mapped((1.0, 1.0), (-7.0, -4.0), (8, 10))
    depth = torch.full(hw, 1.5, device=device)
    out = warp(image, depth, camera, crop, options=DOTS, backend=backend)
    assert torch.equal(out.rgb, image[:, 4:, 7:])


@pytest.mark.parametrize("factor", [2, 3, 2.5])
def test_a_small_depth_map_is_brought_to_the_image_first(factor, backend, device):
    image, _, reference, target = pair((20, 35))
    image = image.to(device)
    small = torch.linspace(1, 1.6, int(20 / factor) * int(35 / factor))
    small = small.reshape(int(20 / factor), int(35 / factor)).to(device)
    small[2, 3] = 0
    confidence = 1 + torch.linspace(0, 1, small.numel(), device=device).reshape(small.shape)
    options = RenderOptions(confidence_threshold=1.3)
    full = upsample_depth(small, confidence, (20, 35))
    a = warp(image, small, reference, target, confidence=confidence, options=options, backend=backend)
    b = warp(image, full[0], reference, target, confidence=full[1], options=options, backend=backend)
    assert_same(a, b)


def test_compat_renders_the_points_of_whole_number_pixels(backend, device):
    image, depth, reference, target = pair()
    image, depth = image.to(device), depth.to(device)
    options = RenderOptions(s0=0.05, compat=True)
    a = warp(image, depth, reference, target, options=options, backend=backend)
    points = unproject(depth, reference.to(device), pixel_offset=0.0).reshape(-1, 3)
    drawn = depth.flatten() > 1e-6
    colors = image.flatten(1).T[drawn].contiguous()
    b = render_points(points[drawn], colors, None, target, options=options, backend=backend)
    assert_same(a, b)


def test_compat_shifts_a_view_warped_into_itself_by_a_column(backend, device):
    """Whole-number pixels lie on boundaries, which belong to the pixel on their left, or below them."""
    K = torch.tensor([[8.0, 0, 4.0], [0, 16.0, 2.0], [0, 0, 1]], dtype=torch.float64)
    camera = Camera(K=K, cam_from_world=torch.eye(4, dtype=torch.float64), hw=(4, 8))
    image, depth = noise_image((4, 8)).to(device), torch.full((4, 8), 2.0, device=device)
    options = replace(DOTS, compat=True)
    out = warp(image, depth, camera, camera, options=options, backend=backend)
    assert torch.equal(out.rgb[:, :, :-1], image[:, :, 1:])


def test_inputs_are_left_alone(backend, device):
    image, depth, reference, target = pair()
    image, depth = image.to(device), depth.to(device)
    before = image.clone(), depth.clone()
    warp(image, depth, reference, target, confidence=depth, backend=backend)
    assert torch.equal(image, before[0])
    assert torch.equal(depth, before[1])


def test_strided_inputs_are_taken(backend, device):
    image, depth, reference, target = pair()
    image, depth = image.to(device), depth.to(device)
    channels_last = image.permute(1, 2, 0).contiguous().permute(2, 0, 1)
    every_second = depth.repeat_interleave(2, dim=-1)[:, ::2]
    a = warp(image, depth, reference, target, backend=backend)
    assert_same(a, warp(channels_last, every_second, reference, target, backend=backend))
