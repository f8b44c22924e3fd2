"""Every backend against the definition: the same point in every pixel, the same visibility, colours within 1/255."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.render.views import lopsided_camera, noise, noise_image, pair, steps_depth
from warpdata.camera import Camera, unproject
from warpdata.render import BACKENDS, Rendering, RenderOptions, render_points, warp

FAST = [name for name in BACKENDS if name != "torch"]


def device_of(backend: str, device: torch.device) -> torch.device:
    """Where a backend is tested: numba renders in main memory only."""
    return torch.device("cpu") if backend == "numba" else device


def assert_agrees(found: Rendering, definition: Rendering) -> None:
    assert torch.equal(found.visible, definition.visible)
    assert torch.equal(found.depth, definition.depth)
    seen = definition.visible.expand_as(definition.rgb)
    assert torch.equal(found.rgb[seen], definition.rgb[seen])
    for name in ("rgb", "coverage"):
        difference = getattr(found, name).int() - getattr(definition, name).int()
        assert difference.numel() == 0 or difference.abs().max() <= 1, name


@st.composite
def scenes(draw):
    """Pictures with rough, broken or empty depth, any two cameras, any options."""
    hw = draw(st.integers(1, 40)), draw(st.integers(1, 40))
    seed = draw(st.integers(0, 999))
    image, depth = noise_image(hw, seed), steps_depth(hw, seed)
    kind = draw(st.sampled_from(["steps", "rough", "equal", "huge", "tiny", "broken", "empty"]))
    if kind == "rough":
        depth = 0.5 + noise(hw, seed + 7, 1000) / 100
    elif kind == "equal":
        depth = torch.full(hw, 2.0)
    elif kind == "huge":
        depth = depth * 1e5
    elif kind == "tiny":
        depth = depth * 1e-2
    elif kind == "broken":
        holes = noise(hw, seed + 9, 5)
        depth = depth.masked_fill(holes == 0, torch.nan).masked_fill(holes == 1, torch.inf)
    elif kind == "empty":
        depth = torch.zeros(hw)
    depth = depth.float()
    confidence = None
    if draw(st.booleans()):
        confidence = 1 + noise(hw, seed + 11, 50) / 100
        confidence[noise(hw, seed + 13, 9) == 0] = torch.nan
    small = st.floats(-0.375, 0.375, width=32)
    vector = st.tuples(small, small, small)
    scale = float(depth.nan_to_num(0.0, 0.0, 0.0).max()) or 1.0
    step = [x * scale for x in draw(vector)]
    reference = lopsided_camera(hw, rotation=draw(vector), translation=draw(vector))
    target = lopsided_camera(
        (draw(st.integers(1, 45)), draw(st.integers(1, 45))), rotation=draw(vector), translation=step
    )
    options = RenderOptions(
        sigma=draw(st.sampled_from([0.0, 0.7, 3.0, 20.0, 500.0])),
        confidence_threshold=1.2,
        s0=draw(st.sampled_from(["auto", 0.005, 0.3])),
        occlusion_threshold=draw(st.sampled_from([0.1, 0.6])),
        near=draw(st.sampled_from([0.01, 1.0])),
        background=draw(st.sampled_from([(0, 0, 0), (255, 10, 99)])),
        compat=draw(st.booleans()),
        version=draw(st.sampled_from([1, 2])),
    )
    return image, depth, reference, target, confidence, options


@pytest.mark.parametrize("fast", FAST)
@given(scene=scenes())
def test_depth_maps_give_the_definitions_picture(fast, device, scene):
    image, depth, reference, target, confidence, options = scene
    device = device_of(fast, device)
    inputs = (image.to(device), depth.to(device), reference, target)
    confidence = None if confidence is None else confidence.to(device)
    found = warp(*inputs, confidence=confidence, options=options, backend=fast)
    assert_agrees(found, warp(*inputs, confidence=confidence, options=options, backend="torch"))


@pytest.mark.parametrize("fast", FAST)
@given(scene=scenes(), smaller=st.tuples(st.integers(1, 45), st.integers(1, 45)))
def test_depth_maps_of_another_size_too(fast, device, scene, smaller):
    image, _, reference, target, _, options = scene
    depth, options = steps_depth(smaller, smaller[0]) + noise(smaller, 5, 9) / 100, replace(options, s0=0.05)
    confidence = 1.15 + noise(smaller, 4, 20) / 100
    device = device_of(fast, device)
    inputs = (image.to(device), depth.to(device), reference, target)
    found = warp(*inputs, confidence=confidence.to(device), options=options, backend=fast)
    assert_agrees(found, warp(*inputs, confidence=confidence.to(device), options=options, backend="torch"))


@pytest.mark.parametrize("fast", FAST)
@given(scene=scenes(), order=st.integers(0, 99))
def test_points_give_the_definitions_picture(fast, device, scene, order):
    """Points in no order, some of them twice, some not finite."""
    image, depth, reference, target, _, options = scene
    points = unproject(depth, reference).reshape(-1, 3)
    shuffled = noise((len(points),), order, len(points))
    device = device_of(fast, device)
    points = points[shuffled].to(device)
    colors = image.flatten(1).T[shuffled].contiguous().to(device)
    confidence = (1 + noise((len(points),), order, 50) / 100).to(device)
    found = render_points(points, colors, confidence, target, options=options, backend=fast)
    definition = render_points(points, colors, confidence, target, options=options, backend="torch")
    assert_agrees(found, definition)


def test_a_larger_picture_in_a_batch(fast_backend, device):
    """All levels of the pyramid, odd sizes, several cameras at once."""
    image, depth, reference, target = pair((131, 213))
    turned = lopsided_camera((131, 213), rotation=(-0.05, 0.1, 0.3), translation=(0.3, 0.2, 0.6))
    targets = Camera(
        K=torch.stack([target.K, turned.K]),
        cam_from_world=torch.stack([target.cam_from_world, turned.cam_from_world]),
        hw=target.hw,
    )
    inputs = (image.to(device), depth.to(device), reference, targets)
    found, definition = warp(*inputs, backend=fast_backend), warp(*inputs, backend="torch")
    assert 0.1 < definition.visible.float().mean() < 0.9
    assert_agrees(found, definition)
