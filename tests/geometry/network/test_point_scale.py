"""Depth in the scale of sparse points: exact for exact ones, hardly moved by wrong and hidden ones, or refused."""

from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch

from tests.geometry.exact import hall, in_own_world
from tests.geometry.pictures import KnowingNetwork, numbered, scene_of, weights_of
from warpdata.camera import unproject
from warpdata.errors import ViewError
from warpdata.geometry.network.estimator import NetworkEstimator
from warpdata.geometry.network.point_scale import LEAST_POINTS, fit_to_points
from warpdata.geometry.network.row import provenance_of
from warpdata.sources.points import SparsePoints

pytestmark = pytest.mark.usefixtures("one_thread")

HW = (36, 52)


@pytest.fixture(scope="module")
def exact():
    return hall(14)


def points_of(frames, each, *, tracks=True, wrong=0.0):
    """Points that frames see at random pixels' centres; a share of them `wrong`, anywhere before the camera."""
    generator = torch.Generator().manual_seed(3)
    clouds, seen, count = [], {}, 0
    for frame in frames:
        depth = frame.depth.double()
        factor = torch.where(
            torch.rand(depth.shape, generator=generator) < wrong, 4 * torch.rand(depth.shape, generator=generator), 1.0
        )
        chosen = torch.randperm(depth.numel(), generator=generator)[:each]
        clouds.append(unproject(depth * factor, frame.camera).flatten(0, 1)[chosen])
        seen[frame.name] = torch.arange(count, count + each)
        count += each
    return SparsePoints(xyz=torch.cat(clouds), seen=seen if tracks else None)


def scale_error(exact, points, **disturbance):
    """Relative error of the scale that takes a window's depth back to the exact one, and the fit's report."""
    disturbance = {"noise": 0, "outliers": 0, **disturbance}
    window, own_from_world = in_own_world(exact, range(len(exact)), torch.Generator().manual_seed(0), **disturbance)
    scale, fit = fit_to_points(window, {index: frame.camera for index, frame in enumerate(exact)}, points)
    return scale * own_from_world.scale - 1, fit


def test_exact_points_give_the_exact_scale(exact):
    error, fit = scale_error(exact, points_of(exact, 40))
    assert abs(error) < 1e-5
    assert fit["points"] == 14 * 40
    assert fit["relative_depth_residual"] < 1e-5
    assert fit["scale_from"] == "sparse points"


def test_wrong_points_and_a_noisy_network_hardly_move_it(exact):
    error, _ = scale_error(exact, points_of(exact, 100, wrong=0.3), noise=0.05, outliers=0.2)
    assert abs(error) < 0.02


def test_points_that_pillars_hide_do_not_pull_it_where_nothing_tells_who_saw_them(exact):
    error, fit = scale_error(exact, points_of(exact, 200, tracks=False))
    assert abs(error) < 0.01
    assert fit["points"] > LEAST_POINTS


def test_too_few_points_and_those_of_another_world_are_no_measure(exact):
    known = {index: frame.camera for index, frame in enumerate(exact)}
    window = dict(enumerate(exact))
    assert fit_to_points(window, known, points_of(exact, LEAST_POINTS // 14)) is None
    elsewhere = points_of(exact, 100, wrong=1.0)
    turn = torch.tensor([[0.0, 1, 0], [0, 0, 2], [-1, 0, 0]], dtype=torch.float64)
    assert fit_to_points(window, known, replace(elsewhere, xyz=elsewhere.xyz @ turn)) is None


@dataclass(frozen=True)
class Known:
    """Points that are at hand, or cannot be read."""

    points: SparsePoints | None
    label = "points"
    files = ()

    def digest(self, sha256_of=None):
        return "0"

    def load(self):
        if self.points is None:
            raise ViewError("points cannot be read")
        return self.points


def depth_with_points(tmp_path, exact, points, cameras=None):
    pictures = [numbered(tmp_path / f"{index:04d}.png", index, HW) for index in range(len(exact))]
    cameras = cameras or [frame.camera.mapped((2.0, 2.0), (0.0, 0.0), HW) for frame in exact]
    estimator = NetworkEstimator(
        lambda: KnowingNetwork(exact),
        provenance=provenance_of(weights_of(Path("exact.safetensors")), "crop"),
        window_frames=8,
        window_overlap=4,
        poses="given",
    )
    geometry = estimator(replace(scene_of(pictures, camera=cameras), points=points))
    return list(geometry.frames), geometry.report


def test_depth_takes_the_scale_of_the_points_and_the_report_says_so(tmp_path, exact):
    frames, report = depth_with_points(tmp_path, exact, Known(points_of(exact, 40)))
    assert all(fit["scale_from"] == "sparse points" for fit in report["depth_scale"])
    for ours, theirs in zip(frames, exact, strict=True):
        torch.testing.assert_close(ours.depth, theirs.depth, rtol=1e-3, atol=0)


def test_cameras_in_one_place_have_a_scale_with_points(tmp_path, exact):
    """Which the cameras alone do not give."""
    one = exact[:1] * 3
    frames = [replace(frame, name=f"{index:04d}") for index, frame in enumerate(one)]
    cameras = [frame.camera.mapped((2.0, 2.0), (0.0, 0.0), HW) for frame in frames]
    found, report = depth_with_points(tmp_path, frames, Known(points_of(frames, 40)), cameras)
    assert report["depth_scale"][0]["scale_from"] == "sparse points"
    torch.testing.assert_close(found[0].depth, exact[0].depth, rtol=1e-3, atol=0)


@pytest.mark.parametrize("few", [True, False])
def test_without_usable_points_the_cameras_give_the_scale(few, tmp_path, exact):
    frames, report = depth_with_points(tmp_path, exact, Known(points_of(exact, 2) if few else None))
    assert all(fit["scale_from"] == "triangulated points" for fit in report["depth_scale"])
    assert report.get("warnings", []) == ([] if few else ["points cannot be read"])
    torch.testing.assert_close(frames[3].depth, exact[3].depth, rtol=1e-3, atol=0)
