"""Pairs that are told to share nothing are those that the measure finds nothing in; no other pair is."""

from dataclasses import replace

import pytest
import torch

from tests.geometry.exact import hall
from tests.scenes import write_image
from warpdata.cache import GeometryCache
from warpdata.camera import project
from warpdata.geometry.types import Provenance, SceneGeometry
from warpdata.sources import PictureFile, Scene, View
from warpdata.sources.points import SparsePoints
from warpdata.triplets.apart import all_beyond, solids
from warpdata.triplets.overlap import Overlaps


def turned(frame, degrees, name):
    """The same frame seen as if its camera, and all it shows, had been turned about the vertical."""
    angle = torch.tensor(degrees).double().deg2rad()
    turn = torch.eye(4, dtype=torch.float64)
    turn[0, 0] = turn[2, 2] = angle.cos()
    turn[0, 2], turn[2, 0] = angle.sin(), -angle.sin()
    pose = turn @ frame.camera.cam_from_world
    return replace(frame, name=name, camera=replace(frame.camera, cam_from_world=pose))


@pytest.fixture(scope="module")
def frames():
    """Views of a hall, all around: neighbours share much, those back to back nothing."""
    walk = hall(8, (30, 44))
    return [turned(frame, 45.0 * index, frame.name) for index, frame in enumerate(walk)]


@pytest.fixture
def entry(frames, tmp_path):
    paths = [write_image(tmp_path / "scene" / f"{frame.name}.png") for frame in frames]
    views = tuple(View(name=path.stem, picture=PictureFile(path)) for path in paths)
    scene = Scene(id="hall", root=tmp_path / "scene", views=views, left_out={})
    made = Provenance(estimator="hand", options={})
    geometry = SceneGeometry(scene_id="hall", outcomes=frames, scale="arbitrary", provenance=made)
    return GeometryCache(tmp_path / "cache").put(scene, geometry)


class Seen:
    """Sparse points of which only who saw which matters."""

    label = "points"
    files = ()

    def __init__(self, **seen):
        self.seen = {f"{int(name[1:]):04d}": torch.tensor(points) for name, points in seen.items()}

    def digest(self, sha256_of=None):
        return "0"

    def load(self):
        return SparsePoints(xyz=torch.zeros(9, 3, dtype=torch.float64), seen=self.seen)


def all_pairs(overlaps, count):
    return {(i, j): overlaps(i, j) for i in range(count) for j in range(count)}


@pytest.mark.parametrize("points", [None, Seen(v0=[1, 2], v4=[2, 3], v1=[4])])
def test_what_is_found_does_not_depend_on_the_guess(points, entry, frames, tmp_path, monkeypatch):
    """Not even where points claim that two views back to back share one: that pair is measured."""
    measured = []
    measure = Overlaps._measure
    monkeypatch.setattr(Overlaps, "_measure", lambda self, *pair: measured.append(pair) or measure(self, *pair))
    guessed = all_pairs(Overlaps(entry, tmp_path / "a", 1.01, points), len(frames))
    assert ((0, 4) in measured) == (points is not None)
    assert 0 < len(measured) < 0.8 * len(guessed)
    monkeypatch.setattr(Overlaps, "_apart", lambda *_: False)
    assert all_pairs(Overlaps(entry, tmp_path / "b", 1.01), len(frames)) == guessed
    assert sum(share == 0 for share in guessed.values()) >= 10


def test_points_below_the_threshold_do_not_keep_views_together(frames):
    frame = frames[0]
    weak = replace(frame, confidence=torch.where(torch.arange(44) < 22, 1.0, 3.0).expand(frame.depth.shape))
    assert len(solids(weak, 2.0)) == len(solids(frame, 2.0)) // 2
    assert all_beyond(solids(weak, 5.0), frame.camera)


def test_a_solid_around_the_whole_view_is_not_beyond_it(frames):
    """All its corners lie outside the picture, and none of its sides."""
    camera = frames[0].camera
    wide = camera.K.clone()
    wide[:2, :2] /= 20
    one = replace(frames[0], depth=torch.where(torch.arange(44) == 20, frames[0].depth, 0.0))
    around = solids(replace(one, camera=replace(camera, K=wide)), 1.0)
    xy, _ = project(around.flatten(0, 1), camera)
    assert ((xy < 0).any(dim=-1) | (xy[:, 0] > 44) | (xy[:, 1] > 30)).all()
    assert not all_beyond(around, camera)
