"""Areas of tiles as scenes: which, what their views say of themselves, and rigs that keep their promises."""

from __future__ import annotations

import json
import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

pytest.importorskip("rasterio")

from tests.sources.dem.terrains import rough, terrain_of
from warpdata.camera import check_camera
from warpdata.config import SourceOptions
from warpdata.errors import SceneError, SourceError
from warpdata.plugins import OwnOptions
from warpdata.sources import open_source
from warpdata.sources.dem.options import DemOptions, GroundOptions, RigOptions
from warpdata.sources.dem.rigs import CLEARANCE_M, MIN_HIT_SHARE, rig_cameras
from warpdata.sources.dem.source import DemSource
from warpdata.sources.dem.view import see
from warpdata.sources.fit import fit_image
from warpdata.sources.scene import View

VALLEY = Path(__file__).parents[3] / "examples" / "dem" / "valley"
FEW = RigOptions(views=4, view_size=(128, 96))


def source_of(root, **own):
    return DemSource(SourceOptions(input_dir=root), DemOptions(**{"rig": FEW, **own}))


@pytest.fixture(scope="module")
def valley(tmp_path_factory):
    return shutil.copytree(VALLEY, tmp_path_factory.mktemp("dem") / "valley")


def test_tiles_with_an_image_are_scenes(valley):
    source = open_source(SourceOptions(input_dir=valley), OwnOptions(DemOptions(rig=FEW)))
    assert source.scene_ids() == ["valley_tile_0", "valley_tile_1", "valley_tile_2"]
    scene = source.scene("valley_tile_1")
    assert (scene.source, scene.scale, scene.ships_geometry) == ("dem", "metric", True)
    assert [view.name for view in scene.views] == [f"oblique_{number:03d}" for number in range(4)]
    assert scene.notes == ("its frame is x east, y north, z up, in metres, from 47.193333° N, 11.235556° E",)
    for view in scene.views:
        assert isinstance(view, View)
        assert check_camera(view.camera) is None
        assert view.picture.hw() == view.camera.hw == (96, 128)
        assert view.picture.load().shape == (3, 96, 128)
        assert view.depth.load().shape == view.mask.load().shape == (96, 128)
        assert (view.depth.load() > 0).double().mean() > 0.5


def test_views_are_values_whose_digests_tell_cameras_and_tiles_apart(valley):
    views = [*source_of(valley).scene("valley_tile_0").views, *source_of(valley).scene("valley_tile_1").views]
    for view in views:
        assert pickle.loads(pickle.dumps(view.picture)) == view.picture  # noqa: S301 - our own bytes
        assert len(pickle.dumps(view.depth)) < 5000
    digests = {content.digest() for view in views for content in (view.picture, view.depth, view.mask)}
    assert len(digests) == 3 * len(views)
    higher = source_of(valley, ground=GroundOptions(exaggeration=2.0)).scene("valley_tile_0")
    assert higher.views[0].depth.digest() not in digests
    assert higher.scale == "arbitrary"
    assert views[0].picture.digest(lambda path: None) is None


def test_the_same_is_drawn_again(valley):
    first, again = (source_of(valley).scene("valley_tile_0") for _ in range(2))
    assert [view.picture.digest() for view in first.views] == [view.picture.digest() for view in again.views]


def test_a_fit_shows_the_same_view(valley):
    picture = source_of(valley).scene("valley_tile_0").views[0].picture
    small = picture.load(fit_image((96, 128), (48, 64), "crop"))
    whole = torch.nn.functional.avg_pool2d(picture.load()[None].float(), 2)[0]
    assert (small.float() - whole).abs().mean() < 3


def test_rejected_tiles_and_those_without_image_are_no_scenes(valley, tmp_path):
    root = shutil.copytree(valley, tmp_path / "v")
    (root / "rejected-valley.json").write_text('{"rejected": [1]}')
    (root / "Image" / "tif-valley" / "tile_2.tif").unlink()
    assert source_of(root).scene_ids() == ["valley_tile_0"]
    (root / "rejected-valley.json").write_text("[0, 1]")
    with pytest.raises(SourceError, match=r"no tile of .* has an image: expected DEM-AREA/tile_N.tif"):
        source_of(root).scene_ids()
    (root / "rejected-valley.json").write_text('"all"')
    with pytest.raises(SourceError, match="is not a list of numbers"):
        source_of(root).scene_ids()


def test_what_cannot_be_read_costs_its_tile(valley, tmp_path):
    root = shutil.copytree(valley, tmp_path / "v")
    (root / "DEM-valley" / "tile_0.tif").write_bytes(b"II*\0torn")
    (root / "dataset-valley.json").write_text(
        json.dumps({"tile": {"licences": ["A"]}, "download": {"licences": ["B"]}})
    )
    source = source_of(root)
    with pytest.raises(SceneError, match="scene valley_tile_0 cannot be used"):
        source.scene("valley_tile_0")
    assert source.scene("valley_tile_1").license == "A; B"


def test_a_link_out_of_the_folder_is_refused(valley, tmp_path):
    root = shutil.copytree(valley, tmp_path / "v")
    outside = (root / "DEM-valley" / "tile_0.tif").rename(tmp_path / "outside.tif")
    (root / "DEM-valley" / "tile_0.tif").symlink_to(outside)
    with pytest.raises(SceneError, match="valley_tile_0 cannot be used"):
        source_of(root).scene("valley_tile_0")


@pytest.mark.parametrize("rig", ["oblique", "nadir", "flight", "random"])
def test_rigs_keep_their_promises(rig):
    terrain = terrain_of(rough((120, 150)), (30.0, 30.0))
    cameras, refused = rig_cameras(terrain, RigOptions(rig=rig, views=6, view_size=(64, 48), fov=50.0), "a")
    assert len(cameras) + len(refused) == 6
    assert len(cameras) >= 4
    for camera in cameras.values():
        view = see(terrain, camera)
        assert (view.depth > 0).double().mean() > MIN_HIT_SHARE - 0.05
        eye, forward = camera.world_from_cam[:3, 3], camera.world_from_cam[:3, 2]
        assert eye[2] > np.nanmin(terrain.heights) + CLEARANCE_M
        down = np.degrees(np.arcsin(-forward[2].item()))
        lowest = {"oblique": 34, "nadir": 84.9, "flight": 89, "random": 34}[rig]
        assert lowest < down <= 90.001
        assert abs(camera.world_from_cam[2, 0].item()) < 1e-9  # level: its right is horizontal
    assert [c.world_from_cam.tolist() for c in rig_cameras(terrain, RigOptions(rig=rig, views=6), "a")[0].values()] == [
        c.world_from_cam.tolist() for c in rig_cameras(terrain, RigOptions(rig=rig, views=6), "a")[0].values()
    ]


def test_a_views_pixel_is_one_to_two_pixels_of_the_image():
    terrain = terrain_of(rough((200, 260)), (30.0, 30.0))
    cameras, _ = rig_cameras(terrain, RigOptions(views=4, fov=54.0), "a")
    for camera in cameras.values():
        depth = see(terrain, camera).depth
        middle = depth[camera.hw[0] // 2, camera.hw[1] // 2].item() / camera.K[0, 0].item()
        assert 0.9 * 30 < middle < 2.1 * 30


def test_a_size_too_small_for_any_point_is_refused_with_the_one_that_fits(valley):
    tiny = RigOptions(views=4, view_size=(64, 48))
    with pytest.raises(SceneError, match=r"`view_size` is 64 48: .*leave it out for \d+ \d+"):
        source_of(valley, rig=tiny).scene("valley_tile_0")


def test_options_are_checked():
    for wrong in ({"views": 1}, {"fov": 2.0}, {"view_size": (8, 900)}):
        with pytest.raises(ValueError, match=f"`{next(iter(wrong))}` is"):
            RigOptions(**wrong)
