"""Points that the scene ships stand for matching: no child process, and depth as right. Not where they do not do."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from warpdata.camera import project, unproject
from warpdata.errors import ViewError
from warpdata.geometry.sfm.estimator import SfmEstimator
from warpdata.geometry.sfm.options import SfmOptions
from warpdata.geometry.sfm.pictures import prepare_pictures
from warpdata.geometry.sfm.shipped_points import model_of_points, shipped_model
from warpdata.geometry.types import no_progress
from warpdata.sources.points import SparsePoints


class Points:
    """Points at hand; None: a file that cannot be read."""

    label = "points"
    files = ()

    def __init__(self, points):
        self.points = points

    def digest(self, sha256_of=None):
        return "0"

    def load(self):
        if self.points is None:
            raise ViewError("points cannot be read")
        return self.points


def points_of(cameras, depths, *, each=150):
    """Points at pixels of every view, seen by all views that see them unhidden."""
    generator = np.random.default_rng(0)
    xyz = torch.cat(
        [
            unproject(depth, camera).flatten(0, 1)[generator.choice(depth.numel(), each, replace=False)]
            for camera, depth in zip(cameras, depths, strict=True)
        ]
    )
    seen = {}
    for index, (camera, depth) in enumerate(zip(cameras, depths, strict=True)):
        xy, z = project(xyz, camera)
        column, row = xy.floor().long().unbind(-1)
        inside = (z > 0) & (column >= 0) & (row >= 0) & (column < depth.shape[1]) & (row < depth.shape[0])
        there = torch.zeros_like(z)
        there[inside] = depth[row[inside], column[inside]]
        seen[f"v{index}"] = torch.nonzero((z / there - 1).abs() < 0.01)[:, 0]
    return SparsePoints(xyz=xyz, seen=seen)


@pytest.fixture(scope="module")
def world(photographs):
    cameras, pictures, depths = photographs
    return cameras[:3], pictures[:3], points_of(cameras[:3], depths[:3]), depths[:3]


def test_depth_is_right_without_any_matching(scenes, world, tmp_path, monkeypatch):
    def never(*arguments, **options):
        raise AssertionError("a child process was started")

    monkeypatch.setattr("warpdata.geometry.sfm.matching.run_worker", never)
    monkeypatch.setattr("warpdata.geometry.sfm.known_cameras.run_worker", never)
    cameras, pictures, points, depths = world
    scene = replace(scenes.scene_of(tmp_path, pictures, cameras), points=Points(points))
    geometry = SfmEstimator(SfmOptions(depth_megapixels=0.01), poses="given")(scene)
    frames = list(geometry.frames)
    (attempt,) = geometry.report["attempts"]
    assert (attempt["level"], attempt["verdict"]) == ("points of the scene", "cameras and points given")
    assert geometry.report["reprojection_error_px"] is None
    for frame, camera, depth in zip(frames, cameras, depths, strict=True):
        torch.testing.assert_close(frame.camera.cam_from_world, camera.cam_from_world)
        nearest = torch.nn.functional.interpolate(depth[None, None], size=frame.depth.shape, mode="nearest-exact")[0, 0]
        error = (frame.depth / nearest - 1).abs()[frame.confidence >= 1.01]
        assert error.numel() > 0.3 * frame.depth.numel()
        assert error.median() < 0.02


def test_a_model_has_the_points_that_two_views_saw_in_their_pictures(scenes, world, tmp_path):
    cameras, pictures, points, _ = world
    scene = scenes.scene_of(tmp_path, pictures, cameras)
    prepared, _ = prepare_pictures(scene.views, tmp_path / "work", megapixels=0.02, progress=no_progress)
    model = model_of_points(prepared, points).model
    assert model.names == ("v0", "v1", "v2")
    assert [camera.hw for camera in model.cameras] == [picture.hw for picture in prepared]
    assert torch.bincount(model.observed_point).min() >= 2
    assert len(model.points) > 300
    assert (model.observed_depths() > 0).all()


@pytest.mark.parametrize("fault", ["no tracks", "few", "elsewhere", "other views"])
def test_points_that_do_not_do_are_no_model(fault, scenes, world, tmp_path):
    cameras, pictures, points, _ = world
    faulty = {
        "no tracks": replace(points, seen=None),
        "few": replace(points, seen=points.seen | {"v1": points.seen["v1"][:10]}),
        "elsewhere": replace(points, xyz=points.xyz[:, [1, 2, 0]]),
        "other views": replace(points, seen={name + "x": seen for name, seen in points.seen.items()}),
    }[fault]
    scene = scenes.scene_of(tmp_path, pictures, cameras)
    prepared, _ = prepare_pictures(scene.views, tmp_path / "work", megapixels=0.02, progress=no_progress)
    assert model_of_points(prepared, faulty) is None


def test_points_that_cannot_be_read_are_done_without(scenes, world, tmp_path, caplog):
    scene = replace(scenes.scene_of(tmp_path, world[1], world[0]), points=Points(None))
    assert shipped_model(scene, []) is None
    assert "points cannot be read; points are found by matching" in caplog.text
