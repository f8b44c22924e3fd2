"""Exact geometry cut into windows, each thrown into a world of its own and spoiled, comes back as one geometry."""

import itertools
from dataclasses import replace

import pytest
import torch

from tests.geometry.exact import hall, in_own_world
from warpdata.camera import unproject
from warpdata.errors import GeometryError
from warpdata.geometry.maths.sim3 import fit_sim3, rotation_angle
from warpdata.geometry.network.windows import Chain, merge_windows, plan_windows, thinned

pytestmark = pytest.mark.usefixtures("one_thread")


def centres(frames):
    return torch.stack([frame.camera.world_from_cam[:3, 3] for frame in frames])


def errors(found, exact):
    """Largest rotation error in degrees, largest centre error over the path's length, least and greatest depth scale.

    After the one similarity transform that no reconstruction can know.
    """
    exact_from_found = fit_sim3(centres(found), centres(exact))
    path = (centres(exact)[1:] - centres(exact)[:-1]).norm(dim=-1).sum()
    off = (exact_from_found.apply(centres(found)) - centres(exact)).norm(dim=-1).max() / path
    turns = [
        rotation_angle(exact_from_found.move_camera(f.camera).cam_from_world[:3, :3] @ e.camera.world_from_cam[:3, :3])
        for f, e in zip(found, exact, strict=True)
    ]
    scales = torch.stack(
        [(exact_from_found.scale * f.depth / e.depth).median() for f, e in zip(found, exact, strict=True)]
    )
    return max(turns).item(), off.item(), scales.min().item(), scales.max().item()


def merged(frames, size, overlap, *, seed=0, **disturbance):
    generator = torch.Generator().manual_seed(seed)
    chain = Chain([])
    windows = (in_own_world(frames, w, generator, **disturbance)[0] for w in plan_windows(len(frames), size, overlap))
    return list(merge_windows(windows, chain)), chain


@pytest.mark.parametrize(("count", "size", "overlap"), [(1, 4, 2), (4, 4, 3), (5, 4, 0), (23, 7, 3), (100, 10, 9)])
def test_windows_cover_every_frame_and_share_enough(count, size, overlap):
    windows = plan_windows(count, size, overlap)
    assert sorted(set(itertools.chain(*windows))) == list(range(count))
    assert all(len(window) == min(size, count) for window in windows)
    for before, after in itertools.pairwise(windows):
        assert before.start < after.start
        assert len(set(before) & set(after)) >= overlap


@pytest.mark.parametrize(("count", "size", "overlap"), [(0, 4, 1), (5, 4, 4), (5, 0, 0), (5, 4, -1)])
def test_windows_that_cannot_advance_are_refused(count, size, overlap):
    with pytest.raises(ValueError):
        plan_windows(count, size, overlap)


@pytest.mark.parametrize(("size", "overlap"), [(8, 1), (8, 3), (8, 6), (30, 5)])
def test_exact_windows_join_exactly(size, overlap):
    frames = hall(30)
    found, chain = merged(frames, size, overlap, noise=0, outliers=0)
    assert [frame.name for frame in found] == [frame.name for frame in frames]
    turn, off, low, high = errors(found, frames)
    assert turn < 1e-3
    assert off < 1e-5
    assert low == pytest.approx(1, abs=1e-5)
    assert high == pytest.approx(1, abs=1e-5)
    assert all(seam["inliers"] > 0.99 for seam in chain.seams)


def test_the_world_is_that_of_the_first_camera():
    found, _ = merged(hall(12), 8, 4, noise=0, outliers=0)
    torch.testing.assert_close(found[0].camera.cam_from_world, torch.eye(4, dtype=torch.float64))


def test_points_of_all_windows_lie_on_the_same_surfaces():
    """Every frame's points land on the hall, in one common scale: what a splat across a seam needs."""
    frames = hall(30)
    found, _ = merged(frames, 8, 3, noise=0, outliers=0)
    exact_from_found = fit_sim3(centres(found), centres(frames))
    for ours, exact in zip(found, frames, strict=True):
        points = exact_from_found.apply(unproject(ours.depth.double(), ours.camera))
        torch.testing.assert_close(points, unproject(exact.depth.double(), exact.camera), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(
    ("disturbance", "degrees", "relative_centre", "scale"),
    [
        ({"noise": 0.02, "outliers": 0.0}, 0.2, 0.002, 0.02),
        ({"noise": 0.02, "outliers": 0.3, "turn_degrees": 0.2, "shift": 0.005}, 1.5, 0.01, 0.03),
    ],
)
def test_noise_and_wild_values_do_not_break_the_chain(disturbance, degrees, relative_centre, scale):
    frames = hall(120)
    turn, off, low, high = errors(merged(frames, 40, 15, **disturbance)[0], frames)
    assert turn < degrees
    assert off < relative_centre
    assert abs(low - 1) < scale
    assert abs(high - 1) < scale


def test_a_thousand_frames_stay_one_geometry_in_the_memory_of_two_windows():
    frames, size, overlap = hall(1000, (12, 16)), 60, 20
    generator = torch.Generator().manual_seed(3)
    given, most_held = 0, 0

    def windows():
        nonlocal given
        for window in plan_windows(len(frames), size, overlap):
            given = window.stop
            yield in_own_world(frames, window, generator, noise=0.02, outliers=0.1, turn_degrees=0.1, shift=0.002)[0]

    found = []
    for frame in merge_windows(windows(), Chain([])):
        found.append(frame)
        most_held = max(most_held, given - len(found))
    assert most_held < 2 * size
    turn, off, low, high = errors(found, frames)
    assert turn < 0.8
    assert off < 0.003
    assert 0.97 < low <= high < 1.03


def test_scale_does_not_drift_along_a_chain():
    """Noise makes each of 61 joins a little wrong, but not in one direction: a tenth of a percent each would show."""
    frames = hall(125)
    drifts = []
    for seed in range(3):
        found, chain = merged(frames, 4, 2, seed=seed, noise=0.05, outliers=0.2)
        assert len(chain.seams) == 61
        scales = [(ours.depth / exact.depth).median().item() for ours, exact in zip(found, frames, strict=True)]
        drifts.append(sum(scales[-4:]) / sum(scales[:4]))
    assert sum(drifts) / 3 == pytest.approx(1, abs=0.06)


def test_confidence_decides_whom_to_believe():
    """Half of the picture is wildly wrong but says so: the join is as exact as without it."""
    frames = hall(12)
    generator = torch.Generator().manual_seed(4)

    def spoiled(frame):
        depth, confidence = frame.depth.clone(), frame.confidence.clone()
        depth[:, :13] *= 0.5 + torch.rand(18, 13, generator=generator)
        confidence[:, :13] = 1
        return replace(frame, depth=depth, confidence=confidence)

    frames = [spoiled(frame) for frame in frames]
    windows = [in_own_world(frames, w, generator, noise=0, outliers=0)[0] for w in plan_windows(12, 8, 4)]
    turn, off, _, _ = errors(list(merge_windows(windows, Chain([]))), frames)
    assert turn < 1e-3
    assert off < 1e-5


@pytest.mark.parametrize("pixels", [40, 100, 468, 10_000])
def test_thinning_keeps_points_where_they_were(pixels):
    frame = hall(1)[0]
    few = thinned(frame, pixels)
    assert few.camera.hw == few.depth.shape == few.confidence.shape
    assert few.depth.numel() == pytest.approx(min(pixels, frame.depth.numel()), rel=0.4)
    every = unproject(frame.depth.double(), frame.camera).flatten(0, 1)
    kept = unproject(few.depth.double(), few.camera).flatten(0, 1)
    assert (kept[:, None] - every[None]).norm(dim=-1).amin(dim=1).max() < 1e-9


def test_a_frame_missing_from_a_window_is_taken_from_the_other():
    frames = hall(20)
    generator = torch.Generator().manual_seed(5)
    windows = [dict(in_own_world(frames, w, generator, noise=0, outliers=0)[0]) for w in plan_windows(20, 8, 4)]
    del windows[0][6], windows[1][7], windows[2][9]  # in the half of the other window, in its own half, elsewhere
    found = list(merge_windows(windows, Chain([])))
    assert [frame.name for frame in found] == [frame.name for frame in frames]
    assert errors(found, frames)[1] < 1e-5


def test_windows_that_share_nothing_reliable_are_refused_by_name():
    frames = [replace(frame, confidence=torch.ones_like(frame.confidence)) for frame in hall(12)]
    with pytest.raises(GeometryError, match=r"0007.*0004.*`window_overlap`"):
        merged(frames, 8, 4, noise=0, outliers=0)
