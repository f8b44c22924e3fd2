"""What only the `warp` backend has: kernels that compile for GPUs without one, and the winners they keep."""

import re
from types import ModuleType

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.render.views import noise, pair
from warpdata.config import RenderOptions
from warpdata.render import reference, warp
from warpdata.render.scale import median_of_valid
from warpdata.render.view import view_of_depth

wp = pytest.importorskip("warp")
from warpdata import gpu_kernel  # noqa: E402
from warpdata.render import warp_backend  # noqa: E402
from warpdata.render.kernels import fill, median, splat, surface, visibility  # noqa: E402

MODULES = [splat, median, visibility, surface, fill]


@pytest.fixture(params=MODULES, ids=lambda module: module.__name__.rsplit(".", 1)[1])
def kernels(request) -> ModuleType:
    return request.param


@pytest.mark.parametrize("arch", [80, 90])
def test_kernels_compile_ahead_of_time_and_round_every_operation(kernels, arch, tmp_path):
    """Neither multiply-adds nor approximations, which would let the winners of CPU and GPU differ."""
    wp.init()
    wp.compile_aot_module(kernels, arch=arch, module_dir=tmp_path, use_ptx=True)
    (ptx,) = tmp_path.glob("*.ptx")
    code = ptx.read_text()
    assert f".target sm_{arch}" in code
    entries = [kernel.key for kernel in wp.get_module(kernels.__name__).kernels.values()]
    assert entries
    for name in entries:
        assert re.search(rf"\.entry {name}_\w*cuda_kernel_forward", code), name
    instructions = set(re.findall(r"^\s+(?:@%\w+\s+)?([a-z]\w*(?:\.\w+)*)", code, flags=re.MULTILINE))
    if kernels is not median:
        assert instructions & {"mul.f32", "mul.rn.f32"}
    inexact = {i for i in instructions if "f32" in i and re.search(r"fma|mad|approx|ftz", i)}
    assert not inexact


def test_winners_are_those_of_the_definition(device):
    members = [pair((33, 47), seed) for seed in range(3)]
    image, depth = (torch.stack([member[k] for member in members]).to(device) for k in (0, 1))
    cameras = [
        type(c)(K=c.K.expand(3, 3, 3), cam_from_world=c.cam_from_world.expand(3, 4, 4), hw=c.hw) for c in members[0][2:]
    ]
    view = view_of_depth(*cameras).to(device)
    inputs = (image, depth, None, view, None, RenderOptions())
    keys = warp_backend.depth_stages(*inputs).keys
    winner = (keys & 0xFFFFFFFF).where(keys != warp_backend.NOTHING, -1)
    definition = reference.depth_stages(*inputs).splat
    assert torch.equal(winner, definition.winner.flatten(1))
    bits = (keys >> 32).to(torch.int32).view(torch.float32).where(winner >= 0, 0)
    assert torch.equal(bits, definition.position[:, 2].flatten(1))


@given(
    st.lists(st.sampled_from([0.0, 1e-30, 0.5, 1.0, 1.0000001, 2.0, 2.5, 3e9, 3e38]), max_size=9), st.integers(0, 300)
)
def test_medians_are_exact(device, few, many):
    """Of odd and even numbers of values, equal and neighbouring ones, and of none."""
    rows = [few, (1 + noise((many,), many, 1000) / 7).tolist(), [0.0] * 3]
    values = torch.zeros(3, max(map(len, rows)), device=device)
    for row, numbers in zip(values, rows, strict=True):
        row[: len(numbers)] = torch.tensor(numbers)
    found = warp_backend.median_of_positive(gpu_kernel.Queue(device), values)
    assert torch.equal(found, median_of_valid(values, values > 0))


def test_nothing_is_printed(capfd, device):
    image, depth, *cameras = pair()
    gpu_kernel.warp_device(device)
    capfd.readouterr()
    warp(image.to(device), depth.to(device), *cameras, backend="warp")
    captured = capfd.readouterr()
    assert captured.out == captured.err == ""


@pytest.fixture
def on_gpu():
    """A pair whose cameras live on the GPU too, rendered once so that kernels and tables are loaded."""
    if not torch.cuda.is_available():
        pytest.skip("needs a GPU")
    image, depth, *cameras = pair((203, 331))
    inputs = (image.cuda(), depth.cuda(), *(camera.to("cuda") for camera in cameras))
    return inputs, warp(*inputs, backend="warp")


def test_nothing_waits_for_the_gpu(on_gpu):
    inputs, expected = on_gpu
    torch.cuda.set_sync_debug_mode("error")
    try:
        out = warp(*inputs, backend="warp")
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert torch.equal(out.rgb, expected.rgb)


def test_other_streams_give_the_same(on_gpu):
    inputs, expected = on_gpu
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        outs = [warp(*inputs, backend="warp").rgb for _ in range(4)]
    stream.synchronize()
    assert all(torch.equal(out, expected.rgb) for out in outs)


def test_a_call_can_be_captured_and_replayed(on_gpu):
    inputs, expected = on_gpu
    static = [inputs[0].clone(), inputs[1].clone(), *inputs[2:]]
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        out = warp(*static, backend="warp")
    graph.replay()
    torch.cuda.synchronize()
    assert torch.equal(out.rgb, expected.rgb)
    static[0].zero_()
    graph.replay()
    torch.cuda.synchronize()
    assert not out.rgb.any()
