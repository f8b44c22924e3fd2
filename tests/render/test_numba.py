"""What is particular to the CPU renderer: the definition's very bytes, any threads, callers and processes."""

import multiprocessing
import os
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.render.views import lopsided_camera, noise, noise_image, pair, steps_depth
from warpdata.geometry.maths.resample import has_depth
from warpdata.render import Rendering, RenderOptions, render_points, visibility, warp
from warpdata.render.cpu import bands, hidden, hole_distance, median, picture
from warpdata.render.cpu.workspace import Workspace
from warpdata.render.distance import squared_distance
from warpdata.render.scale import median_of_valid

FIELDS = ("rgb", "coverage", "visible", "depth")


@pytest.fixture(autouse=True)
def several_threads(monkeypatch):
    """Small pictures are rendered by several threads too, and the number of threads is as it was afterwards."""
    monkeypatch.setattr(picture, "SMALL", 0)
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


def assert_same_bytes(a: Rendering, b: Rendering) -> None:
    for name in FIELDS:
        assert torch.equal(getattr(a, name), getattr(b, name)), name


def wild_depth(hw: tuple[int, int], seed: int, levels: int) -> torch.Tensor:
    """Depths far apart from pixel to pixel, some of them none, NaN or infinite."""
    depth = (1 + noise(hw, seed, levels)).float() / 4
    kind = noise(hw, seed + 7, 23)
    return depth.masked_fill(kind == 0, 0).masked_fill(kind == 1, torch.nan).masked_fill(kind == 2, torch.inf)


scenes = st.fixed_dictionaries(
    {
        "hw": st.tuples(st.integers(1, 70), st.integers(1, 150)),
        "target_hw": st.tuples(st.integers(1, 150), st.integers(1, 150)),
        "shrink": st.sampled_from([1, 1, 2, 3]),
        "levels": st.sampled_from([1, 2, 9, 64]),
        "translation": st.tuples(*[st.floats(-1, 1, width=32)] * 3),
        "rotation": st.tuples(*[st.floats(-0.5, 0.5, width=32)] * 3),
        "seed": st.integers(0, 99),
        "confident": st.booleans(),
        "sigma": st.sampled_from([0.0, 0.7, 3.0, 20.0, 200.0]),
        "s0": st.sampled_from(["auto", "auto", 0.001, 0.1, 5.0]),
        "occlusion_threshold": st.sampled_from([0.1, 0.1, -1.0, 0.0, 0.5, 1.5, 3.0]),
        "background": st.sampled_from([(0, 0, 0), (255, 128, 1)]),
        "compat": st.booleans(),
    }
)


@settings(max_examples=40)
@given(scenes)
def test_every_byte_is_the_definitions(scene):
    """Random and degenerate scenes: same winners, visibility, depth and colours, no pixel excepted."""
    hw = scene["hw"]
    depth_hw = tuple(max(side // scene["shrink"], 1) for side in hw)
    image, depth = noise_image(hw, scene["seed"]), wild_depth(depth_hw, scene["seed"], scene["levels"])
    confidence = noise(depth_hw, scene["seed"] + 3, 5).float() / 2 if scene["confident"] else None
    reference = lopsided_camera(hw)
    target = lopsided_camera(scene["target_hw"], translation=scene["translation"], rotation=scene["rotation"])
    names = ("sigma", "s0", "occlusion_threshold", "background", "compat")
    options = RenderOptions(**{name: scene[name] for name in names})
    a, b = (
        warp(image, depth, reference, target, confidence=confidence, options=options, backend=backend)
        for backend in ("torch", "numba")
    )
    assert_same_bytes(a, b)


special = st.sampled_from([-2.0, -1.0, 0.0, 0.25, 1.0, 3.0, torch.nan, torch.inf])


@settings(max_examples=25)
@given(
    points=st.lists(st.tuples(*[special] * 3), max_size=40),
    hw=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    compat=st.booleans(),
)
def test_points_at_special_places_are_the_definitions(points, hw, compat):
    """Coincident, on the borders of pixels and of the picture, behind, not finite; or no point at all."""
    points = torch.tensor(points, dtype=torch.float32).reshape(-1, 3)
    colors = noise((len(points), 3), 5, 256).to(torch.uint8)
    camera = lopsided_camera(hw)
    options = RenderOptions(compat=compat)
    a, b = (render_points(points, colors, None, camera, options=options, backend=name) for name in ("torch", "numba"))
    assert_same_bytes(a, b)


def test_the_winner_of_every_pixel_is_the_definitions():
    """Colours that number the source pixels, nothing hidden: the picture is the winner map."""
    hw = (301, 203)
    index = torch.arange(hw[0] * hw[1]).reshape(hw)
    image = torch.stack([index >> 16, index >> 8 & 255, index & 255]).to(torch.uint8)
    depth = 2 + noise(hw, 1, 4096).float() / 4096
    reference = lopsided_camera(hw)
    target = lopsided_camera((150, 90), rotation=(0.1, -0.2, 1.3), translation=(0.2, -0.1, 1.5))
    options = RenderOptions(version=1, occlusion_threshold=-1.0)
    a, b = (warp(image, depth, reference, target, options=options, backend=name) for name in ("torch", "numba"))
    assert a.visible.float().mean() > 0.2
    assert_same_bytes(a, b)


@pytest.mark.parametrize("compat", [False, True])
def test_the_number_of_threads_changes_nothing(compat):
    image, depth, reference, target = pair((129, 90))
    renderings = []
    for threads in (1, 2, 3, 7):
        torch.set_num_threads(threads)
        renderings.append(warp(image, depth, reference, target, options=RenderOptions(compat=compat), backend="numba"))
    for other in renderings[1:]:
        assert_same_bytes(renderings[0], other)


def test_memory_left_by_other_pictures_changes_nothing():
    """Renderings of other sizes and contents before it, in the same workspace."""
    image, depth, reference, target = pair((61, 90))
    fresh = in_new_thread(lambda: warp(image, depth, reference, target, backend="numba"))
    for hw in ((130, 200), (7, 5), (61, 90)):
        warp(noise_image(hw, 9), steps_depth(hw, 9), lopsided_camera(hw), lopsided_camera(hw), backend="numba")
    assert_same_bytes(fresh, warp(image, depth, reference, target, backend="numba"))


def test_batch_mates_change_nothing():
    hw = (33, 70)
    images, depths = noise_image(hw, 1, (3,)), steps_depth(hw, 1, (3,))
    _, _, reference, target = pair(hw)
    together = warp(images, depths, reference, target, backend="numba")
    for b in range(3):
        alone = warp(images[b], depths[b], reference, target, backend="numba")
        assert_same_bytes(alone, replace(together, **{name: getattr(together, name)[b] for name in FIELDS}))


def in_new_thread(function):
    results = []
    thread = threading.Thread(target=lambda: results.append(function()))
    thread.start()
    thread.join()
    return results[0]


def test_threads_may_render_at_once():
    """Numba's own threads would end the process here; ours share one pool."""
    scenes = [pair((90 + seed, 120), seed) for seed in range(4)]
    alone = [warp(*scene, backend="numba") for scene in scenes]
    start, failures = threading.Barrier(len(scenes)), []

    def render(k: int) -> None:
        start.wait()
        for _ in range(5):
            out = warp(*scenes[k], backend="numba")
            if not all(torch.equal(getattr(out, name), getattr(alone[k], name)) for name in FIELDS):
                failures.append(k)

    threads = [threading.Thread(target=render, args=(k,)) for k in range(len(scenes))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def rendered_bytes() -> bytes:
    return warp(*pair((50, 60)), backend="numba").rgb.numpy().tobytes()


def send_rendered_bytes(connection) -> None:
    connection.send_bytes(rendered_bytes())


@pytest.mark.parametrize("method", multiprocessing.get_all_start_methods())
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_child_processes_render_the_same(method):
    expected = rendered_bytes()
    receiving, sending = multiprocessing.get_context(method).Pipe(duplex=False)
    child = multiprocessing.get_context(method).Process(target=send_rendered_bytes, args=(sending,))
    child.start()
    assert receiving.poll(120), "the child process gave nothing"
    assert receiving.recv_bytes() == expected
    child.join(30)
    assert child.exitcode == 0


def test_an_exception_in_a_band_reaches_the_caller():
    def fail(band: int, worker: int) -> None:
        if band == 2:
            raise RuntimeError("band 2")

    with pytest.raises(RuntimeError, match="band 2"):
        bands.run_bands(fail, 5, 3)


@pytest.mark.parametrize("threads", [1, 2, 5])
@pytest.mark.parametrize("count", [0, 1, 4, 33])
def test_every_band_runs_once(count, threads):
    runs, workers = [], set()
    bands.run_bands(lambda band, worker: (runs.append(band), workers.add(worker)), count, threads)
    assert sorted(runs) == list(range(count))
    assert workers <= set(range(threads))


@given(st.integers(1, 200), st.integers(1, 9), st.sampled_from([1, 16, 64]))
def test_bands_cover_the_rows_once(rows, count, multiple):
    limits = bands.band_limits(rows, count, multiple)
    assert [row for first, last in limits for row in range(first, last)] == list(range(rows))
    assert len(limits) <= count
    assert all((last - first) % multiple == 0 for first, last in limits[:-1])


def test_a_workspace_reuses_memory():
    workspace = Workspace()
    large = workspace.array("a", (10, 10), np.float32)
    small = workspace.array("a", (3, 4), np.int64)
    assert np.shares_memory(large, small)
    assert small.shape == (3, 4)
    assert not np.shares_memory(small, workspace.array("b", (3, 4), np.int64))
    assert workspace.array("a", (50, 50), np.uint8).shape == (50, 50)


@given(st.lists(st.sampled_from([0.0, -1.0, torch.nan, torch.inf, 1.0, 1.0000001, 2.0, 3e-39, 1e30]), min_size=1))
def test_the_median_is_exact(values):
    values = torch.tensor(values, dtype=torch.float32)
    bits = values.numpy().view(np.int32)
    counts = np.empty((2, median.BINS // 2), np.int32)
    half = len(bits) // 2
    median.count_upper(bits, counts[0], 0, half)
    median.count_upper(bits, counts[1], half, len(bits))
    ranks, upper = median.middle_bins(counts)
    expected = median_of_valid(values, has_depth(values))
    if ranks is None:
        assert expected == 0
        return
    lower_counts = np.empty((2, median.BINS), np.int32)
    median.count_lower(bits, upper, lower_counts, 0, len(bits))
    assert median.mean_of_middle(ranks, upper, lower_counts[None]) == expected.numpy()


@pytest.mark.parametrize("reach", [0, 1, 5, 47, 180, 181, 300])
def test_distances_are_exact_within_reach(reach):
    """On both sides of the reach up to which 16 bits suffice."""
    visible = noise((70, 150), 3, 400) == 0
    expected = squared_distance(visible[None], reach)[0].numpy()
    along = np.empty(visible.shape, np.uint16)
    hole_distance.along_columns(visible.numpy(), reach + 1, along, 0, 150)
    kind = hole_distance.distance_type(reach)
    nearest = np.empty((70, 192), kind)
    hole_distance.along_rows(along, reach, np.empty(192 + 2 * reach, kind), nearest, 0, 70)
    near = expected <= reach**2
    assert near.any()
    assert (nearest[:, :150] == expected)[near].all()
    assert (nearest[:, :150] > reach**2)[~near].all()


def test_compiled_code_is_kept_on_disk(tmp_path):
    """A second process loads what the first compiled; NUMBA_CACHE_DIR says where."""
    program = (
        "import numpy as np; from warpdata.render.cpu import median;"
        "median.locate(np.ones(4, np.int32), 2);"
        "print(sum(median.locate.stats.cache_hits.values()))"
    )
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    folder = Path(__file__).resolve().parents[2]
    hits = [
        subprocess.run(
            [sys.executable, "-c", program], env=environment, cwd=folder, check=True, capture_output=True, text=True
        ).stdout.strip()
        for _ in range(2)
    ]
    assert hits == ["0", "1"]
    assert list(tmp_path.rglob("*.nbc"))


def test_a_camera_at_the_same_place_hides_nothing():
    """The pixels of a depth map seen from where it was taken, turned: all of those in view are seen."""
    hw = (40, 60)
    reference = lopsided_camera(hw)
    turned = lopsided_camera(hw, rotation=(0.05, -0.1, 0.3))
    depth = wild_depth(hw, 4, 50)
    options = RenderOptions(version=1, occlusion_threshold=3.0)
    out = warp(noise_image(hw), depth, reference, turned, options=options, backend="numba")
    assert out.visible.float().mean() > 0.3
    assert torch.equal(out.visible, out.depth > 0)


def test_a_missing_numba_is_named():
    """A backend that cannot run raises and says why, in a process of its own where numba cannot be imported."""
    program = (
        "import sys; sys.modules['numba'] = None\n"
        "from warpdata.errors import BackendError\n"
        "from warpdata.render.backends import choose_backend\n"
        "import torch\n"
        "try: choose_backend('numba', torch.device('cpu')).load()\n"
        "except BackendError as error: print(error)"
    )
    folder = Path(__file__).resolve().parents[2]
    found = subprocess.run([sys.executable, "-c", program], cwd=folder, check=True, capture_output=True, text=True)
    assert "needs the package numba" in found.stdout


def test_constants_that_stand_twice_are_equal():
    """A kernel's file repeats them, so that numba notices when they change."""
    assert (hidden.LEVELS, hidden.DEPTH_LEVEL) == (visibility.MAX_LEVELS, visibility.DEPTH_LEVEL)
    assert hidden.BOUNDS == tuple(map(np.float32, visibility.LEVEL_BOUNDS))
    assert hidden.SECTORS == visibility.DIRECTIONS
    assert hidden.LEAST_DEPTH == visibility.LEAST_DEPTH
