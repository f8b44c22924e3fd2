"""Sparse points: read when asked for, what is no number dropped, each view with its own."""

import numpy as np
import pytest
import torch

from tests.scenes import edit_transforms, write_scene
from warpdata.config import SourceOptions
from warpdata.errors import ViewError
from warpdata.formats.ply import PointCloud, encode_ply
from warpdata.sources import open_source
from warpdata.sources.points import ColmapModelPoints, PlyPoints

TEXT = """# POINT3D_ID X Y Z R G B ERROR TRACK[]
7 1 2 3 0 0 0 0.5 1 0 2 4 1 9
9 nan 2 3 0 0 0 0.5 1 1 2 5
8 4 5 6 0 0 0 0.5 2 6 5 0
"""


def write_cloud(path, xyz):
    count = len(xyz)
    points = PointCloud(xyz=xyz, rgb=torch.zeros(count, 3, dtype=torch.uint8), confidence=torch.ones(count))
    path.write_bytes(encode_ply(points))


def test_points_of_a_model_with_the_views_that_saw_them(tmp_path):
    path = tmp_path / "points3D.txt"
    path.write_text(TEXT)
    points = ColmapModelPoints(path, ((1, "one"), (2, "two"), (3, "three"))).load()
    assert points.xyz.tolist() == [[1, 2, 3], [4, 5, 6]]
    assert {name: seen.tolist() for name, seen in points.seen.items()} == {"one": [0], "two": [0, 1]}
    assert points.of_view("two").tolist() == [[1, 2, 3], [4, 5, 6]]
    assert points.of_view("three").shape == (0, 3)


def test_points_without_tracks_are_every_views(tmp_path):
    path = tmp_path / "points3D.txt"
    path.write_text("1 1 2 3 0 0 0 -1\n")
    points = ColmapModelPoints(path, ((1, "one"),)).load()
    assert points.seen is None
    assert points.of_view("one").tolist() == [[1, 2, 3]]


def test_the_cloud_of_a_transforms_json_is_the_scenes(tmp_path):
    write_scene(tmp_path, ply_file_path="cloud.ply")
    xyz = torch.tensor([[1.0, 2, 3], [np.inf, 0, 0], [4, 5, 6]])
    write_cloud(tmp_path / "cloud.ply", xyz)
    source = open_source(SourceOptions(input_dir=tmp_path))
    scene = source.scene(*source.scene_ids())
    assert scene.points.load().xyz.tolist() == [[1, 2, 3], [4, 5, 6]]
    assert scene.notes == ()


@pytest.mark.parametrize(("path", "note"), [("../cloud.ply", "leads out"), ("cloud.ply", "do not exist")])
def test_points_that_cannot_be_used_are_said(path, note, tmp_path):
    write_scene(tmp_path / "s")
    write_cloud(tmp_path / "cloud.ply", torch.zeros(1, 3))
    edit_transforms(tmp_path / "s", ply_file_path=path)
    source = open_source(SourceOptions(input_dir=tmp_path / "s"))
    scene = source.scene(*source.scene_ids())
    assert scene.points is None
    assert note in scene.notes[0]


@pytest.mark.parametrize("points", [PlyPoints, lambda path: ColmapModelPoints(path, ())])
@pytest.mark.parametrize("name", ["points3D.bin", "points3D.txt"])
def test_damaged_points_are_named(points, name, tmp_path):
    (tmp_path / name).write_bytes(b"\1\0\0\0\0\0\0\1 and more")
    with pytest.raises(ViewError, match=f"{name} cannot be read"):
        points(tmp_path / name).load()
