"""The check that needs no ground truth: right geometry agrees, and each kind of wrong geometry is seen."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from warpdata.camera import Camera
from warpdata.geometry import consistency
from warpdata.geometry.filters.judged import Judged, summary
from warpdata.geometry.types import ContentBox, FrameGeometry, Provenance, SceneGeometry
from warpdata.sources.scene import Scene

HW = (45, 64)


def frame(index: int, *, depth_factor: float = 1.0) -> FrameGeometry:
    """A camera that moves sideways before a slanted plane z = 4 + 0.5 x, with lopsided intrinsics."""
    K = torch.tensor([[60.0, 0, 30], [0, 55, 24], [0, 0, 1]], dtype=torch.float64)
    pose = torch.eye(4, dtype=torch.float64)
    pose[0, 3] = -0.1 * index
    x = (torch.arange(HW[1], dtype=torch.float64) + 0.5 - 30) / 60
    depth = ((4 + 0.05 * index) / (1 - 0.5 * x)).expand(HW) * depth_factor
    return FrameGeometry(
        name=f"v{index}",
        depth=depth.float(),
        confidence=torch.full(HW, 2.0),
        camera=Camera(K=K, cam_from_world=pose, hw=HW),
        image_hw=HW,
        content_box=ContentBox(left=0.0, top=0.0, right=64.0, bottom=45.0),
    )


def scene(frames) -> SceneGeometry:
    return SceneGeometry(scene_id="s", outcomes=iter(frames), scale="metric", provenance=Provenance(estimator="given"))


def test_exact_geometry_agrees_up_to_the_pixel_grid():
    results = consistency(scene(frame(i) for i in range(5)))
    assert [result.name for result in results] == [f"v{i}" for i in range(5)]
    for result in results:
        assert result.compared > 0.8
        assert result.agreeing > 0.99
        # The neighbour's depth is that of its pixel's centre, up to half a pixel away on a slanted plane.
        assert result.reprojection_error_px < 0.05


def test_a_frame_of_wrong_depth_is_found():
    results = consistency(scene([frame(0), frame(1), frame(2), frame(3, depth_factor=0.7), frame(4)]), neighbours=1)
    assert results[1].agreeing > 0.99
    assert results[3].agreeing < 0.01
    assert results[3].reprojection_error_px > 0.3


def test_a_wrong_camera_is_found():
    frames = [frame(i) for i in range(3)]
    moved = frames[1].camera.cam_from_world.clone()
    moved[2, 3] += 0.3
    frames[1] = replace(frames[1], camera=replace(frames[1].camera, cam_from_world=moved))
    assert consistency(scene(frames), neighbours=1)[1].agreeing < 0.9


def test_pixels_that_are_not_vouched_for_are_left_out():
    frames = [frame(i) for i in range(3)]
    wrong = frames[1].depth.clone()
    wrong[:, :20] *= 0.5
    confidence = torch.full(HW, 2.0)
    confidence[:, :20] = 1
    frames[1] = replace(frames[1], depth=wrong, confidence=confidence)
    assert consistency(scene(frames))[1].agreeing > 0.99
    assert consistency(scene(frames), confidence_threshold=0.0)[1].agreeing < 0.9


def test_a_frame_nobody_shares_anything_with_is_said_to_be_so():
    away = frame(0)
    pose = torch.diag(torch.tensor([-1.0, 1, -1, 1], dtype=torch.float64))
    away = replace(away, camera=replace(away.camera, cam_from_world=pose))
    result = consistency(scene([frame(0), away]))[1]
    assert result.compared == 0
    assert result.as_json() == {"name": "v0", "compared": 0.0, "reprojection_error_px": None, "agreeing": None}


def test_no_neighbours_are_refused():
    with pytest.raises(ValueError, match="at least 1"):
        consistency(scene([frame(0)]), neighbours=0)


def test_frames_are_held_a_few_at_a_time():
    """Frames are freed as the next are read: at no time are more than neighbours + 2 alive."""
    import gc
    import weakref

    alive: list = []

    def stream():
        for index in range(8):
            gc.collect()
            assert sum(reference() is not None for reference in alive) <= 4
            made = frame(index)
            alive.append(weakref.ref(made.depth))
            yield made
            del made

    consistency(scene(stream()), neighbours=2)


def test_any_estimators_report_says_how_well_its_views_agree():
    class Estimate:
        provenance = Provenance(estimator="given")

        def __call__(self, scene, *, progress=None):
            return geometry

    geometry = scene(frame(i) for i in range(3))
    judged = Judged(Estimate())(Scene(id="s", root=Path(), views=(), left_out={}))
    assert [judged_frame.name for judged_frame in judged.frames] == ["v0", "v1", "v2"]
    verdict = judged.report["consistency"]
    assert verdict["agreeing"] > 0.99
    expected = consistency(scene(frame(i) for i in range(3)))[1].as_json()
    assert {"name": "v1", **verdict["frames"]["v1"]} == expected


def test_a_lone_frame_has_no_verdict():
    assert "agreeing" not in summary(consistency(scene([frame(0)])))
