"""The whole estimator on synthetic photographs with known cameras and depth."""

import numpy as np
import pytest
import torch

from warpdata.camera import check_camera
from warpdata.errors import GeometryError
from warpdata.geometry import consistency
from warpdata.geometry.maths.sim3 import align_cameras, rotation_angle
from warpdata.geometry.sfm.options import SfmOptions

pytest.importorskip("pycolmap", reason="structure from motion needs the extra `sfm`")

from warpdata.geometry.sfm.estimator import SfmEstimator


@pytest.fixture(scope="module")
def estimated(scenes, photographs, tmp_path_factory, device):
    """Geometry from the pictures alone, and the frames it gave."""
    _, pictures, _ = photographs
    scene = scenes.scene_of(tmp_path_factory.mktemp("photos"), pictures)
    geometry = SfmEstimator(device=device)(scene)
    return geometry, list(geometry.frames)


def test_cameras_are_found_up_to_a_similarity(estimated, photographs):
    _, frames = estimated
    cameras, _, _ = photographs
    assert [frame.name for frame in frames] == [f"v{index}" for index in range(5)]
    ours = torch.stack([frame.camera.world_from_cam for frame in frames])
    true = torch.stack([camera.world_from_cam for camera in cameras])
    true_from_ours = align_cameras(ours, true)
    assert rotation_angle((true_from_ours.rotation @ ours[:, :3, :3]).mT @ true[:, :3, :3]).max() < 0.2
    # The cameras stand 1.8 apart.
    assert (true_from_ours.apply(ours[:, :3, 3]) - true[:, :3, 3]).norm(dim=-1).max() < 0.01
    assert all(abs(frame.camera.K[0, 0] / 260 - 1) < 0.02 for frame in frames)


def test_confirmed_depth_is_right_and_there_is_much_of_it(estimated, photographs):
    _, frames = estimated
    cameras, _, depths = photographs
    ours = torch.stack([frame.camera.world_from_cam for frame in frames])
    scale = align_cameras(ours, torch.stack([camera.world_from_cam for camera in cameras])).scale
    for frame, depth in zip(frames, depths, strict=True):
        confirmed = frame.confidence >= 1.01
        error = (frame.depth * scale / depth - 1).abs()[confirmed]
        assert confirmed.float().mean() > 0.6
        assert error.median() < 0.005
        assert (error < 0.05).float().mean() > 0.98


def test_confidence_tells_right_depth_from_wrong(estimated, photographs):
    _, frames = estimated
    cameras, _, depths = photographs
    ours = torch.stack([frame.camera.world_from_cam for frame in frames])
    scale = align_cameras(ours, torch.stack([camera.world_from_cam for camera in cameras])).scale
    wrong = [(frame.depth * scale / depth - 1).abs() > 0.05 for frame, depth in zip(frames, depths, strict=True)]
    wrong = torch.cat([part.flatten() for part in wrong])
    unsure = torch.cat([(frame.confidence == 1).flatten() for frame in frames])
    assert wrong.sum() > 1000
    assert unsure[wrong].float().mean() > 0.8
    assert all(frame.confidence.min() >= 1 and frame.confidence.max() <= 2 for frame in frames)


def test_frames_are_what_the_cache_expects(estimated):
    geometry, frames = estimated
    assert geometry.scale == "arbitrary"
    assert not geometry.left_out
    for frame in frames:
        assert frame.depth.shape == frame.confidence.shape == frame.camera.hw
        assert frame.depth.dtype == frame.confidence.dtype == torch.float32
        assert check_camera(frame.camera) is None
        assert torch.isfinite(frame.depth).all()
        assert (frame.depth >= 0).all()
        box = frame.content_box
        assert (box.left, box.top, box.right, box.bottom) == (0, 0, 250, 180)
    first = frames[0].camera.cam_from_world
    torch.testing.assert_close(first, torch.eye(4, dtype=torch.float64))
    assert 0.7 < torch.cat([frame.depth.flatten() for frame in frames]).median() < 1.4


def test_the_views_agree(estimated):
    geometry, frames = estimated
    for result in consistency(geometry.transformed(frames)):
        assert result.agreeing > 0.9
        assert result.reprojection_error_px < 0.5


def test_the_report_says_how_the_cameras_were_found(estimated):
    geometry, _ = estimated
    report = geometry.report
    assert report["views"] == 5
    assert report["points"] > 100
    assert report["attempts"][-1]["verdict"] == "accepted"
    assert report["attempts"][-1]["cross_check"]["rotation_deg"] < 0.5


def test_given_cameras_stay_and_two_views_are_enough(scenes, photographs, tmp_path):
    cameras, pictures, depths = photographs
    scene = scenes.scene_of(tmp_path, pictures[1:3], cameras[1:3])
    geometry = SfmEstimator()(scene)
    frames = list(geometry.frames)
    assert geometry.report["attempts"][-1]["verdict"] == "cameras given"
    for frame, camera, depth in zip(frames, cameras[1:3], depths[1:3], strict=True):
        torch.testing.assert_close(frame.camera.cam_from_world, camera.cam_from_world)
        torch.testing.assert_close(frame.camera.K, camera.K)
        error = (frame.depth / depth - 1).abs()[frame.confidence >= 1.01]
        assert error.median() < 0.01


def test_same_pictures_same_bytes_with_any_number_of_threads(scenes, photographs, tmp_path):
    _, pictures, _ = photographs
    scene = scenes.scene_of(tmp_path, pictures[:3])
    results = []
    for threads in (1, 4):
        geometry = SfmEstimator(SfmOptions(threads=threads, depth_megapixels=0.05))(scene)
        frames = list(geometry.frames)
        results.append((geometry.report, frames))
    (report_a, frames_a), (report_b, frames_b) = results
    assert report_a == report_b
    for a, b in zip(frames_a, frames_b, strict=True):
        assert a.depth.numpy().tobytes() == b.depth.numpy().tobytes()
        assert a.confidence.numpy().tobytes() == b.confidence.numpy().tobytes()
        assert torch.equal(a.camera.cam_from_world, b.camera.cam_from_world)


def test_an_interrupted_run_is_continued(scenes, photographs, tmp_path, monkeypatch):
    """With a work folder nothing is matched or swept twice, and the result is that of an uninterrupted run."""
    _, pictures, _ = photographs
    scene = scenes.scene_of(tmp_path, pictures[:3])
    work = tmp_path / "work"
    asked_for = []

    def work_dir(provenance):
        asked_for.append(provenance)
        return work

    estimator = SfmEstimator(work_dir=work_dir)
    assert asked_for == []  # work has not begun
    first = estimator(scene)
    depth = next(first.frames).depth
    first.close()
    assert asked_for == [estimator.provenance]
    assert work.is_dir()

    def never(*arguments, **options):
        raise AssertionError("the child process was started again")

    monkeypatch.setattr("warpdata.geometry.sfm.matching.run_worker", never)
    monkeypatch.setattr("warpdata.geometry.sfm.mapping.run_worker", never)
    monkeypatch.setattr("warpdata.geometry.sfm.stereo.cost_volume", never)
    again = SfmEstimator(work_dir=work_dir)(scene)
    assert torch.equal(next(again.frames).depth, depth)


def test_views_that_do_not_help_are_left_out_and_named(scenes, photographs, tmp_path):
    """A broken picture, one seen twice, a blank wall, and one of another size among good ones."""
    _, pictures, _ = photographs
    blank = np.full_like(pictures[0], 200)
    larger = np.kron(pictures[3], np.ones((2, 2, 1), dtype=np.uint8))
    scene = scenes.scene_of(tmp_path, [*pictures[:3], blank, pictures[0], pictures[1], larger, pictures[4]])
    scene.views[5].picture.path.write_bytes(b"no picture")
    geometry = SfmEstimator(SfmOptions(depth_megapixels=0.05))(scene)
    outcomes = [outcome.name for outcome in geometry]
    assert outcomes == [f"v{index}" for index in range(8)]
    assert set(geometry.left_out) == {"v3", "v4", "v5"}
    assert "features were found" in geometry.left_out["v3"]
    assert "identical to that of v0" in geometry.left_out["v4"]
    assert "v5" in geometry.left_out["v5"]
    assert geometry.report["views"] == 5


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("blank", "no two photographs share enough points"),
        ("identical", "at least two different photographs"),
        ("two", "3 different photographs"),
        ("turning", "taken from one place"),
    ],
)
def test_photographs_without_depth_are_refused_with_the_reason(scenes, photographs, tmp_path, name, message):
    _, pictures, _ = photographs
    turning = [scenes.photograph(scenes.camera(0.0, yaw_deg=yaw))[0] for yaw in (-9, -3, 3, 9)]
    blank = [np.full_like(pictures[0], grey) for grey in (90, 120, 150)]
    taken = {"blank": blank, "identical": [pictures[0]] * 3, "two": pictures[:2], "turning": turning}[name]
    with pytest.raises(GeometryError, match=message):
        SfmEstimator()(scenes.scene_of(tmp_path, taken))


def test_given_poses_that_are_missing_are_named(scenes, photographs, tmp_path):
    _, pictures, _ = photographs
    with pytest.raises(GeometryError, match="v0"):
        SfmEstimator(poses="given")(scenes.scene_of(tmp_path, pictures[:3]))


def test_given_cameras_of_other_pictures_are_refused(scenes, photographs, tmp_path):
    _, pictures, _ = photographs
    wrong = [scenes.camera(0.0, yaw_deg=90), scenes.camera(3.0, yaw_deg=-90), scenes.camera(0.0, z=9.0)]
    with pytest.raises(GeometryError, match="check that the cameras belong"):
        SfmEstimator()(scenes.scene_of(tmp_path, pictures[:3], wrong))


def test_provenance_depends_on_what_changes_the_result_alone():
    base = SfmEstimator().provenance
    assert SfmEstimator(SfmOptions(threads=3, time_limit_s=5.0)).provenance == base
    assert SfmEstimator(SfmOptions(depth_megapixels=0.1)).provenance != base
