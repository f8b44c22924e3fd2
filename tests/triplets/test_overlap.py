"""Measured overlap: a share worked by hand, kept beside the cache, and measured again when what was kept is damaged."""

import json

import pytest
import torch

from tests.scenes import write_image
from warpdata.cache import GeometryCache
from warpdata.camera import Camera
from warpdata.config import RenderOptions
from warpdata.geometry.types import ContentBox, FrameGeometry, Provenance, SceneGeometry
from warpdata.sources import PictureFile, Scene, View
from warpdata.triplets.overlap import Overlaps

HW = (20, 30)


def wall_frame(name, shift_px, confidence=5.0):
    """A wall at depth 2 seen straight on; the camera stands so far to the right that the picture moves `shift_px`."""
    K = torch.tensor([[40.0, 0, 15.0], [0, 36.0, 10.0], [0, 0, 1]], dtype=torch.float64)
    pose = torch.eye(4, dtype=torch.float64)
    pose[0, 3] = -shift_px * 2 / 40
    return FrameGeometry(
        name=name,
        depth=torch.full(HW, 2.0),
        confidence=torch.full(HW, confidence),
        camera=Camera(K=K, cam_from_world=pose, hw=HW),
        image_hw=HW,
        content_box=ContentBox(left=0.0, top=0.0, right=float(HW[1]), bottom=float(HW[0])),
    )


@pytest.fixture
def entry(tmp_path):
    """Three frames: the second sees the wall 6 pixels further on, the third beyond the first's picture."""
    names = ("a", "b", "c")
    paths = [write_image(tmp_path / "scene" / f"{name}.png") for name in names]
    scene = Scene(
        id="wall",
        root=tmp_path / "scene",
        views=tuple(View(name=name, picture=PictureFile(path)) for name, path in zip(names, paths, strict=True)),
        left_out={},
    )
    frames = [wall_frame("a", 0), wall_frame("b", 6), wall_frame("c", 30)]
    geometry = SceneGeometry(
        scene_id="wall", outcomes=frames, scale="arbitrary", provenance=Provenance(estimator="hand", options={})
    )
    return GeometryCache(tmp_path / "cache").put(scene, geometry)


def test_the_share_is_the_one_worked_by_hand(entry, tmp_path):
    """Moved by 6 of 30 columns, 24 are covered; moved by 30, none."""
    overlaps = Overlaps(entry, tmp_path / "overlaps", RenderOptions().confidence_threshold)
    assert overlaps(0, 1) == overlaps(1, 0) == 24 / 30
    assert overlaps(0, 2) == 0
    assert overlaps(0, 0) == 1


def test_points_below_the_threshold_do_not_count(entry, tmp_path):
    assert Overlaps(entry, tmp_path / "overlaps", 6.0)(0, 1) == 0


def test_each_pair_is_measured_once(entry, tmp_path, monkeypatch):
    overlaps = Overlaps(entry, tmp_path / "overlaps", 1.01)
    overlaps(0, 1)
    overlaps.save()
    monkeypatch.setattr(Overlaps, "_measure", lambda *_: pytest.fail("measured again"))
    assert overlaps(0, 1) == Overlaps(entry, tmp_path / "overlaps", 1.01)(0, 1) == 0.8


@pytest.mark.parametrize("damage", ["", "[1]", '{"0 1": 7}', '{"0 1": "x"}', '{"0 1"', "null", '{"0 1": NaN}'])
def test_a_damaged_file_is_made_again(entry, tmp_path, damage):
    overlaps = Overlaps(entry, tmp_path / "overlaps", 1.01)
    overlaps(0, 1)
    overlaps.save()
    (file,) = (tmp_path / "overlaps").iterdir()
    assert file.name.startswith(entry.key)
    file.write_text(damage)
    again = Overlaps(entry, tmp_path / "overlaps", 1.01)
    assert again(0, 1) == 0.8
    again.save()
    assert json.loads(file.read_text()) == {"0 1": 0.8}


def test_nothing_is_written_when_nothing_was_measured(entry, tmp_path):
    Overlaps(entry, tmp_path / "overlaps", 1.01).save()
    assert not (tmp_path / "overlaps").exists()
