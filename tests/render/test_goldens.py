"""`compat` against images of the program whose data sets warpdata continues, and the default against true views.

The reference data lies beside the checkout; without it these tests are skipped.
"""

import importlib.util
import json

import numpy as np
import pytest
import torch

from warpdata.camera import Camera
from warpdata.render import Rendering, RenderOptions, estimate_s0, reference, render_points, warp
from warpdata.render.api import flatten_camera
from warpdata.render.near_far import near_far_of_points
from warpdata.render.view import view_of_points

CASES = [
    *("room_near", "room_wide", "occluder", "occluder_auto_s0", "odd_roll", "low_conf", "zoom_in", "resize_up"),
    *("big_s0", "back_out", "photo", "empty", "tiny", "tiny_4x4", "one_megapixel"),
]
DEPTH_STEPS = 2**24 - 1
"""The earlier program's depth key is window depth in this many steps; warpdata's is the float itself."""


@pytest.fixture(scope="module")
def load_case(shared):
    path = shared / "render" / "golden" / "load_golden.py"
    spec = importlib.util.spec_from_file_location("load_golden", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return lambda name: module.load_case(path.with_name(f"{name}.npz"))


def options_of(case, *, compat: bool) -> RenderOptions:
    return RenderOptions(
        sigma=float(case["sigma"]),
        confidence_threshold=float(case["conf_thr"]),
        s0=float(case["s0"]),
        occlusion_threshold=float(case["occ_thr"]),
        near=0.01,
        far=1000.0,
        compat=compat,
        version=1,
    )


def camera_of(case, which: str, hw: tuple[int, int]) -> Camera:
    pose = torch.eye(4, dtype=torch.float64)
    pose[:3] = torch.from_numpy(case[f"E_{which}"])[:3]
    return Camera(K=torch.from_numpy(case[f"K_{which}"]).double(), cam_from_world=pose, hw=hw)


def render_case(case, device, backend: str) -> Rendering:
    width, height = map(int, case["size"])
    points = torch.from_numpy(case["points"]).to(device)
    colors = torch.from_numpy(np.rint(case["point_colors"] * 255).astype(np.uint8)).to(device)
    confidence = torch.from_numpy(case["point_conf"]).to(device)
    camera = camera_of(case, "tgt", (height, width))
    return render_points(points, colors, confidence, camera, options=options_of(case, compat=True), backend=backend)


def warp_case(case, device, backend: str, *, compat: bool) -> Rendering:
    width, height = map(int, case["size"])
    image = torch.from_numpy(case["colors"]).permute(2, 0, 1).to(device)
    depth, confidence = (torch.from_numpy(case[name]).to(device) for name in ("depth", "conf"))
    reference, target = camera_of(case, "ref", tuple(depth.shape)), camera_of(case, "tgt", (height, width))
    options = options_of(case, compat=compat)
    return warp(image, depth, reference, target, confidence=confidence, options=options, backend=backend)


def assert_accepted(out: Rendering, case) -> None:
    """Winners and visibility on all but 0.1 % of pixels, colours within 2 on 99.5 %, mean difference below 0.5."""
    visible = out.visible[0].cpu().numpy()
    assert (visible != case["out_vis"]).mean() <= 0.001
    difference = np.abs(out.rgb.permute(1, 2, 0).cpu().numpy().astype(int) - case["out_final"])
    assert difference.mean() < 0.5
    assert (difference.max(axis=-1) <= 2).mean() >= 0.995
    points = case["points"][case["out_win"]]
    Z = (points @ case["E_tgt"][2, :3] + case["E_tgt"][2, 3]).astype(np.float32)
    both = visible & case["out_vis"]
    assert (np.abs(out.depth[0].cpu().numpy() - Z)[both] > 1e-4 * Z[both]).sum() <= 0.001 * visible.size


@pytest.mark.parametrize("name", CASES)
def test_compat_is_the_earlier_program(name, load_case, backend, device):
    if backend == "warp" and device.type == "cpu" and name in ("photo", "one_megapixel"):
        pytest.skip("slow without a GPU; the other cases cover the same kernels")
    case = load_case(name)
    assert_accepted(render_case(case, device, backend), case)


@pytest.mark.parametrize("name", ["room_wide", "odd_roll", "low_conf", "resize_up", "tiny"])
def test_compat_of_a_depth_map_is_that_of_its_points(name, load_case, backend, device):
    case = load_case(name)
    if name != "resize_up":
        assert_accepted(warp_case(case, device, backend, compat=True), case)
    else:  # warp makes as many points as the image has pixels; there the image is at the depth's size already
        out, points = warp_case(case, device, backend, compat=True), render_case(case, device, backend)
        assert (out.visible != points.visible).float().mean() <= 0.001


def stages_of(case) -> reference.Stages:
    """The definition's stages of a case under `compat`."""
    width, height = map(int, case["size"])
    camera = flatten_camera(camera_of(case, "tgt", (height, width)), torch.Size([1]))
    colors = torch.from_numpy(np.rint(case["point_colors"] * 255).astype(np.uint8))
    points, confidence = torch.from_numpy(case["points"]), torch.from_numpy(case["point_conf"])
    options, s0 = options_of(case, compat=True), torch.tensor([float(case["s0"])])
    points, confidence, view = points[None], confidence[None], view_of_points(camera)
    view = view.within(near_far_of_points(points, confidence, view, options))
    return reference.points_stages(points, colors[None], confidence, view, s0, options)


@pytest.mark.parametrize("name", ["big_s0", "occluder", "tiny", "odd_roll"])
def test_compat_stage_by_stage(name, load_case):
    """Winner, level, openness and fill of the definition against the earlier program's own.

    Openness differs a little oftener than the rest: a coarser depth key lets other points into the pyramid.
    """
    case = load_case(name)
    stages = stages_of(case)
    winner = stages.splat.winner[0].flip(0).numpy()
    assert (winner != case["out_win"]).mean() <= 0.001
    same = (winner == case["out_win"]) & (winner >= 0)
    level = stages.visibility.level[0].flip(0).numpy()
    assert (level != case["out_level"])[same].mean() <= 0.001
    if "out_mean_occ" in case:
        openness = stages.visibility.openness[0].flip(0).numpy()
        assert (np.abs(openness - case["out_mean_occ"]) > 1e-3)[same].mean() <= 0.003
    fill = stages.fill[0].flip(-2).permute(1, 2, 0).numpy() / [255, 255, 255, 1]
    assert np.quantile(np.abs(fill - case["out_fill"]), 0.999) < 1e-3


def test_ties(load_case):
    """Another point than the earlier program's wins only where its coarser depth key saw a tie, or at the clip planes.

    The case holds two points exactly on clip planes, which rounding puts on either side.
    """
    case = load_case("ties")
    stages = stages_of(case)
    winner = stages.splat.winner[0].flip(0).numpy()
    Z = stages.splat.position[0, 2].flip(0).numpy()
    near, far = np.float32(0.01), np.float32(1000)
    with np.errstate(divide="ignore"):
        key = np.round(far / (far - near) * (1 - near / Z) * np.float32(DEPTH_STEPS))
    key = np.where(winner >= 0, key, DEPTH_STEPS)
    differs = winner != case["out_win"]
    same_key = np.abs(key - case["out_d24"]) <= 1
    assert differs.sum() == 13
    assert (differs & ~same_key).sum() == 2


@pytest.mark.parametrize(
    ("name", "compat_psnr", "default_psnr"), [("room_near", 26.46, 29.09), ("occluder", 26.79, 28.48)]
)
def test_the_default_is_nearer_to_the_true_view(name, compat_psnr, default_psnr, load_case, backend, device):
    """PSNR over visible pixels, in decibels, against the picture the target camera really sees."""
    case = load_case(name)

    def psnr(compat: bool) -> float:
        out = warp_case(case, device, backend, compat=compat)
        seen = out.visible[0].cpu().numpy()
        error = out.rgb.permute(1, 2, 0).cpu().numpy()[seen].astype(float) - case["target"][seen]
        return float(10 * np.log10(255**2 / np.mean(error**2)))

    assert psnr(True) == pytest.approx(compat_psnr, abs=0.05)
    assert psnr(False) >= default_psnr - 0.01


def test_the_automatic_s0_is_the_earlier_programs(shared):
    folder = shared / "render" / "golden"
    arrays = np.load(folder / "pipeline.npz")
    for k, entry in enumerate(json.loads((folder / "pipeline.json").read_text())["estimate_s0"]):
        depth, K = torch.from_numpy(arrays[f"s0_depth_{k}"]), torch.from_numpy(arrays[f"s0_K_{k}"])
        assert estimate_s0(depth, K).item() == pytest.approx(entry, rel=1e-6)
