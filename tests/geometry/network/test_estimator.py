"""A scene's pictures through a network to one geometry: windows, known poses, views that cannot be used, memory."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests.geometry.exact import hall
from tests.geometry.pictures import KnowingNetwork, covered, numbered, scene_of, weights_of
from warpdata.camera import unproject
from warpdata.errors import GeometryError
from warpdata.geometry.maths.sim3 import fit_sim3
from warpdata.geometry.network.estimator import NetworkEstimator
from warpdata.geometry.network.row import provenance_of
from warpdata.sources import MaskFile

pytestmark = pytest.mark.usefixtures("one_thread")

HW = (36, 52)


@pytest.fixture(scope="module")
def exact():
    return hall(30)


@pytest.fixture
def pictures(tmp_path):
    return [numbered(tmp_path / f"{index:04d}.png", index, HW) for index in range(30)]


def estimator(network, **options):
    options = {"window_frames": 12, "window_overlap": 4, "poses": "estimated", **options}
    return NetworkEstimator(
        lambda: network, provenance=provenance_of(weights_of(Path("exact.safetensors")), "crop"), **options
    )


def centres(frames):
    return torch.stack([frame.camera.world_from_cam[:3, 3] for frame in frames])


def test_a_long_scene_is_one_geometry_in_the_world_of_its_first_camera(pictures, exact):
    network = KnowingNetwork(exact)
    steps = []
    geometry = estimator(network)(scene_of(pictures), progress=lambda stage, done, total: steps.append((done, total)))
    assert network.seen == []  # frames are made when they are asked for
    frames = list(geometry.frames)
    assert [frame.name for frame in frames] == [path.stem for path in pictures]
    assert [len(window) for window in network.seen] == [12, 12, 12, 12]
    assert covered(network.seen) == list(range(30))
    assert steps == [(12, 30), (20, 30), (28, 30), (30, 30)]
    torch.testing.assert_close(frames[0].camera.cam_from_world, torch.eye(4, dtype=torch.float64))
    exact_from_found = fit_sim3(centres(frames), centres(exact))
    for ours, theirs in zip(frames, exact, strict=True):
        assert ours.image_hw == HW
        assert ours.camera.hw == ours.depth.shape
        points = exact_from_found.apply(unproject(ours.depth.double(), ours.camera))
        torch.testing.assert_close(points, unproject(theirs.depth.double(), theirs.camera), atol=1e-3, rtol=1e-3)
    assert geometry.scale == "arbitrary"
    assert geometry.left_out == {}
    assert geometry.report["windows"] == 4
    assert len(geometry.report["seams"]) == 3
    assert geometry.provenance.estimator == "vggt"
    assert geometry.provenance.weights_license == "test weights"


def test_known_poses_are_kept_and_depth_takes_their_scale(pictures, exact):
    """Each window has a scale of its own; with the scene's cameras, depth is in the scene's unit everywhere."""
    cameras = [frame.camera.mapped((2.0, 2.0), (0.0, 0.0), HW) for frame in exact]
    scene = replace(scene_of(pictures, camera=cameras), scale="metric")
    geometry = estimator(KnowingNetwork(exact), poses="given")(scene)
    frames = list(geometry.frames)
    assert geometry.scale == "metric"
    for ours, theirs in zip(frames, exact, strict=True):
        torch.testing.assert_close(ours.camera.K, theirs.camera.K)
        torch.testing.assert_close(ours.camera.cam_from_world, theirs.camera.cam_from_world)
        torch.testing.assert_close(ours.depth, theirs.depth, rtol=1e-3, atol=0)
    fits = geometry.report["depth_scale"]
    assert len(fits) == 4
    assert all(fit["scale_from"] == "triangulated points" for fit in fits)
    assert all(fit["relative_depth_residual"] < 1e-3 and fit["reprojection_px"] < 0.01 for fit in fits)
    assert all(fit["rotation_degrees"] < 1e-3 for fit in fits)


def test_known_poses_that_disagree_show_in_the_residual(pictures, exact):
    cameras = []
    for index, frame in enumerate(exact):
        pose = frame.camera.cam_from_world.clone()
        pose[0, 3] += 0.2 * math.sin(1.7 * index)
        camera = replace(frame.camera, cam_from_world=pose)
        cameras.append(camera.mapped((2.0, 2.0), (0.0, 0.0), HW))
    geometry = estimator(KnowingNetwork(exact), poses="given")(scene_of(pictures, camera=cameras))
    list(geometry.frames)
    assert all(fit["reprojection_px"] > 0.1 for fit in geometry.report["depth_scale"])


def test_known_poses_that_are_missing_leave_the_view_out(pictures, exact):
    cameras = [frame.camera.mapped((2.0, 2.0), (0.0, 0.0), HW) for frame in exact]
    cameras[7] = None
    geometry = estimator(KnowingNetwork(exact), poses="given")(scene_of(pictures, camera=cameras))
    assert len(list(geometry.frames)) == 29
    assert list(geometry.left_out) == ["0007"]
    assert '`poses="given"`' in geometry.left_out["0007"]


def test_known_poses_in_one_place_have_no_scale(pictures, exact):
    cameras = [exact[0].camera.mapped((2.0, 2.0), (0.0, 0.0), HW)] * 30
    geometry = estimator(KnowingNetwork(exact), poses="given")(scene_of(pictures, camera=cameras))
    with pytest.raises(GeometryError, match='`poses="estimated"`'):
        list(geometry.frames)


def test_a_camera_that_is_none_costs_its_view_alone(pictures, exact):
    """A field of view of 0, which the network can predict, is an infinite focal length."""
    geometry = estimator(KnowingNetwork(exact, blind={0, 13}))(scene_of(pictures))
    frames = list(geometry.frames)
    assert len(frames) == 28
    assert sorted(geometry.left_out) == ["0000", "0013"]
    assert "no usable camera" in geometry.left_out["0013"]
    torch.testing.assert_close(frames[0].camera.cam_from_world, torch.eye(4, dtype=torch.float64))


def test_a_broken_picture_costs_its_view_alone(pictures, exact):
    pictures[3].write_bytes(pictures[3].read_bytes()[:60])  # the header is whole
    pictures[5].write_bytes(b"")
    geometry = estimator(KnowingNetwork(exact))(scene_of(pictures))
    assert len(list(geometry.frames)) == 28
    assert sorted(geometry.left_out) == ["0003", "0005"]


def test_a_single_picture_is_enough(tmp_path):
    picture = numbered(tmp_path / "0000.png", 0, HW)
    geometry = estimator(KnowingNetwork(hall(1)))(scene_of([picture]))
    (frame,) = geometry.frames
    assert frame.depth.any()
    assert geometry.left_out == {}


def test_no_usable_picture_is_an_error(tmp_path):
    (tmp_path / "a.png").write_bytes(b"text")
    with pytest.raises(
        GeometryError, match=r"needs a picture that can be used, scene scene has 0 of 1: a: .*begins with b'text'"
    ):
        estimator(KnowingNetwork(hall(2)))(scene_of([tmp_path / "a.png"]))


def test_a_window_that_does_not_fit_is_refused_before_it_runs(pictures, exact):
    network = KnowingNetwork(exact, fits=8)
    with pytest.raises(GeometryError, match=r"12 frames of 26x18 .* 8 do; use `window_frames=8` `window_overlap=2`"):
        estimator(network)(scene_of(pictures))
    with pytest.raises(GeometryError, match='`device="cpu"`'):
        estimator(KnowingNetwork(exact, fits=1))(scene_of(pictures))
    assert len(list(estimator(network, window_frames=8, window_overlap=2)(scene_of(pictures)).frames)) == 30


def test_memory_that_runs_out_all_the_same_is_explained(pictures, exact):
    class Greedy(KnowingNetwork):
        def __call__(self, images, known):
            raise torch.cuda.OutOfMemoryError("CUDA out of memory")

    with pytest.raises(GeometryError, match=r"12 frames of 26x18 .* smaller `window_frames`"):
        list(estimator(Greedy(exact))(scene_of(pictures)).frames)


def test_depth_that_is_none_becomes_no_value(pictures, exact):
    exact = list(exact)
    depth, confidence = exact[2].depth.clone(), exact[2].confidence.clone()
    depth[0, 0], depth[0, 1], depth[0, 2], confidence[0, 3] = torch.inf, torch.nan, -1, torch.nan
    exact[2] = replace(exact[2], depth=depth, confidence=confidence)
    frame = list(estimator(KnowingNetwork(exact))(scene_of(pictures)).frames)[2]
    assert frame.depth[0, :4].tolist() == [0, 0, 0, 0]
    assert frame.confidence[0, :4].tolist() == [1, 1, 1, 1]
    assert (frame.depth[0, 4:] > 0).all()


def test_a_views_mask_makes_no_points(pictures, exact, tmp_path):
    mask = np.full((HW[0] // 2, HW[1] // 2), 255, np.uint8)
    mask[mask.shape[0] // 2 :, round(mask.shape[1] * 0.75) :] = 0  # the lower right eighth
    Image.fromarray(mask).save(tmp_path / "mask.png")
    scene = scene_of(pictures[:3], mask=[MaskFile(tmp_path / "mask.png"), None, None])
    first, second, _ = estimator(KnowingNetwork(exact))(scene).frames
    height, width = first.depth.shape
    expected = torch.ones(height, width, dtype=torch.bool)
    expected[height // 2 :, round(width * 0.75) :] = False
    assert torch.equal(first.depth > 0, expected)
    assert (second.depth > 0).all()
