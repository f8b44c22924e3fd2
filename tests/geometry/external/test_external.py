"""A program in its own process: its geometry, its faults each with a message, and nothing kept of them."""

import gc
import shlex
import sys
import weakref
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.geometry.exact import hall
from tests.geometry.pictures import numbered, scene_of
from warpdata.cache.store import GeometryCache
from warpdata.config import GeometryOptions
from warpdata.errors import GeometryError
from warpdata.geometry.choose import choose_estimator
from warpdata.geometry.estimators import EstimatorRequest
from warpdata.geometry.external import rows
from warpdata.geometry.external.child import EstimatorProcess
from warpdata.geometry.external.environment import DRIVERS
from warpdata.geometry.external.options import ExternalOptions
from warpdata.plugins import OwnOptions

HW = (36, 52)
COUNT = 6
STAND_IN = Path(__file__).with_name("stand_in.py")


@pytest.fixture(scope="module")
def exact():
    return hall(COUNT)


@pytest.fixture
def scene(tmp_path):
    (tmp_path / "photos").mkdir()
    return scene_of(numbered(tmp_path / "photos" / f"{index:04d}.png", index, HW) for index in range(COUNT))


@pytest.fixture
def estimator(tmp_path, exact):
    """Makes the estimator of a stand-in that behaves in some way."""
    truth = tmp_path / "truth.npz"
    np.savez(
        truth,
        depth=torch.stack([frame.depth for frame in exact]).numpy(),
        confidence=torch.stack([frame.confidence for frame in exact]).numpy(),
        K=torch.stack([frame.camera.K for frame in exact]).numpy(),
        cam_from_world=torch.stack([frame.camera.cam_from_world for frame in exact]).numpy(),
    )

    def make(scene, way="right", *, geometry=(), **own):
        command = shlex.join([sys.executable, str(STAND_IN), str(DRIVERS), str(truth), way])
        request = EstimatorRequest(
            geometry=GeometryOptions(geometry="external", **dict(geometry)),
            own=OwnOptions(ExternalOptions(estimator=command, **own)),
        )
        return choose_estimator(scene, request, device=torch.device("cpu")).estimator

    yield make
    rows.shared_network.cache_clear()


def test_a_program_gives_a_scene_its_geometry(scene, exact, estimator):
    geometry = estimator(scene)(scene)
    frames = list(geometry.frames)
    assert geometry.scale == "metric"
    for ours, theirs in zip(frames, exact, strict=True):
        assert torch.equal(ours.depth, theirs.depth)
        torch.testing.assert_close(ours.camera.K, theirs.camera.K, rtol=1e-6, atol=0)
        assert ours.image_hw == HW
    made = geometry.provenance
    assert (made.estimator, made.weights, made.weights_license) == ("external", "made/up@1", "CC0-1.0")
    assert made.weights_sha256 == "5" * 64
    assert made.options["program"] == "stand-in"
    assert made.options["program_version"] == "3.2"
    assert "in a process of its own" in geometry.report["precision"]


def test_windows_and_known_cameras_are_as_with_any_network(scene, exact, estimator):
    """The program is shown the cameras at its own input size, and they are kept."""
    cameras = [frame.camera.mapped((2.0, 2.0), (0.0, 0.0), HW) for frame in exact]
    posed = replace(scene, views=tuple(replace(v, camera=c) for v, c in zip(scene.views, cameras, strict=True)))
    options = {"poses": "given", "window_frames": 4, "window_overlap": 2}
    geometry = estimator(posed, "with-cameras", geometry=options)(posed)
    for ours, theirs in zip(geometry.frames, exact, strict=True):
        torch.testing.assert_close(ours.camera.cam_from_world, theirs.camera.cam_from_world)
        torch.testing.assert_close(ours.depth, theirs.depth, rtol=1e-3, atol=0)
    assert geometry.report["windows"] == 2


def test_depth_without_poses_needs_cameras(scene, exact, estimator):
    with pytest.raises(GeometryError, match=r"finds no cameras.*`poses=\"given\"`"):
        list(estimator(scene, "no-poses")(scene))
    cameras = [frame.camera.mapped((2.0, 2.0), (0.0, 0.0), HW) for frame in exact]
    posed = replace(scene, views=tuple(replace(v, camera=c) for v, c in zip(scene.views, cameras, strict=True)))
    frames = list(estimator(posed, "no-poses", geometry={"poses": "given"})(posed).frames)
    for ours, theirs in zip(frames, exact, strict=True):
        torch.testing.assert_close(ours.camera.cam_from_world, theirs.camera.cam_from_world)
        torch.testing.assert_close(ours.depth, theirs.depth, rtol=1e-3, atol=0)
    single = replace(scene, views=scene.views[:1])
    (frame,) = estimator(single, "no-poses")(single).frames
    assert torch.equal(frame.camera.cam_from_world, torch.eye(4, dtype=torch.float64))


def test_what_is_no_depth_becomes_none(scene, exact, estimator):
    for ours, theirs in zip(estimator(scene, "holes")(scene).frames, exact, strict=True):
        assert not ours.depth[:5].any()
        assert torch.equal(ours.depth[5:], theirs.depth[5:])


@pytest.mark.parametrize(
    ("way", "message"),
    [
        ("import-error", r"ended with exit code 1; its last lines: .*No module named 'a_package_that_is_not_there'"),
        ("odd-description", r"does not describe itself as .*`longest_side` is 0"),
        ("fails", "failed: RuntimeError: the network said no"),
        ("killed", "ended with signal 9"),
        ("wrong-shape", r"gave `depth` of shape \[6, 17, 26\], asked for \(6, 18, 26\)"),
        ("no-intrinsics", "gave no K, only cam_from_world, confidence, depth"),
        ("nan-pose", "gave `cam_from_world` with numbers that are not finite"),
        ("nan-depth", "gave no depth: none of its numbers is finite and positive"),
        ("half-written", "wrote a result that is not whole"),
        ("nothing-written", "said that it was done and wrote no result"),
    ],
)
def test_each_fault_is_named_and_nothing_is_kept(way, message, scene, estimator, tmp_path):
    cache = GeometryCache(tmp_path / "cache")
    with pytest.raises(GeometryError, match=message):
        cache.get_or_make(scene, estimator(scene, way))
    assert not [path for path in (tmp_path / "cache").rglob("*") if path.suffix == ".json"]


def test_a_program_that_takes_too_long_or_too_much_is_ended(scene, estimator):
    with pytest.raises(GeometryError, match="was given up after 3 s"):
        list(estimator(scene, "slow", time_limit_s=3.0)(scene))
    with pytest.raises(GeometryError, match=r"took 0\.\d GB of memory, 0\.3 GB are allowed"):
        list(estimator(scene, "large", memory_limit_gb=0.3)(scene))


def test_a_crash_costs_the_scene_alone(scene, exact, estimator):
    first = estimator(scene, "killed-once")
    with pytest.raises(GeometryError, match="signal 9"):
        list(first(scene))
    again = list(first(scene).frames)
    assert all(torch.equal(ours.depth, theirs.depth) for ours, theirs in zip(again, exact, strict=True))


def test_a_program_ends_with_the_last_that_needs_it(scene, estimator, monkeypatch):
    started, start = [], EstimatorProcess._started
    monkeypatch.setattr(EstimatorProcess, "_started", lambda self: started.append(start(self)) or started[-1])
    made = weakref.ref(estimator(scene))
    assert started[0].poll() is None
    rows.shared_network.cache_clear()
    gc.collect()
    assert made() is None
    assert started[0].poll() is not None


def test_commands_that_are_none_say_so(scene):
    def choose(**own):
        request = EstimatorRequest(
            geometry=GeometryOptions(geometry="external"), own=OwnOptions(ExternalOptions(**own))
        )
        return choose_estimator(scene, request, device=torch.device("cpu"))

    with pytest.raises(GeometryError, match="needs `estimator`"):
        choose()
    with pytest.raises(GeometryError, match=r"/no/such/python cannot be started"):
        choose(estimator="/no/such/python driver.py")


def test_a_package_without_its_environment_says_how_to_make_it(scene, tmp_path, monkeypatch):
    monkeypatch.setenv("WARPDATA_ESTIMATORS", str(tmp_path))
    request = EstimatorRequest(geometry=GeometryOptions(geometry="da3"))
    with pytest.raises(GeometryError, match=r"python -m warpdata\.prepare estimator da3"):
        choose_estimator(scene, request, device=torch.device("cpu"))
