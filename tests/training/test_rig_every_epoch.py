"""Rigs that are placed anew every epoch: a function of (seed, epoch, view), the same rig, resumed exactly."""

from __future__ import annotations

import copy
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

pytest.importorskip("rasterio")

from tests.sources.dem.terrains import rough, terrain_of
from warpdata.camera import project, unproject
from warpdata.config import GeometryOptions, PairOptions, SourceOptions
from warpdata.plugins import OwnOptions
from warpdata.sources.dem.options import DemOptions, RigOptions
from warpdata.sources.dem.rigs import MIN_HIT_SHARE, camera_of_epoch, rig_cameras
from warpdata.sources.dem.view import see
from warpdata.training.datamodule import WarpDataModule
from warpdata.training.dataset import WarpDataset
from warpdata.training.sampler import EpochIndex

VALLEY = Path(__file__).parents[2] / "examples" / "dem" / "valley"
RIGS = ["oblique", "nadir", "flight", "random"]


@pytest.fixture(scope="module")
def area(tmp_path_factory) -> Path:
    """One tile of the sample area."""
    root = tmp_path_factory.mktemp("area")
    for folder in ("DEM-valley", "Image/tif-valley"):
        (root / folder).mkdir(parents=True)
        shutil.copy(VALLEY / folder / "tile_0.tif", root / folder)
    return root


def module_of(root: Path, *, seed: int = 3, every_epoch: bool = True, pairs: PairOptions | None = None, **options):
    rig = RigOptions(views=3, view_size=(128, 96), rig_every_epoch=every_epoch)
    data = WarpDataModule(
        root,
        source=SourceOptions(source="dem"),
        geometry=GeometryOptions(cache_dir=root / "cache"),
        own=OwnOptions(DemOptions(rig=rig)),
        pairs=pairs,
        seed=seed,
        as_float=False,
        val_fraction=0.0,
        **options,
    )
    data.setup()
    return data


def dataset_of(root: Path, **options) -> WarpDataset:
    return WarpDataset(module_of(root, **options).scenes_of("train"))


@pytest.mark.parametrize("rig", RIGS)
def test_it_is_the_same_rig_turned(rig):
    terrain = terrain_of(rough((120, 150)), (30.0, 30.0))
    options = RigOptions(rig=rig, views=6, view_size=(64, 48))
    own, _ = rig_cameras(terrain, options, "a")

    def placed(seed, epoch):
        return {
            number: camera_of_epoch(terrain, options, "a", camera, number=number, seed=seed, epoch=epoch)
            for number, camera in own.items()
        }

    first, again, other_epoch, other_seed = placed(7, 1), placed(7, 1), placed(7, 2), placed(-8, 1)
    for number, camera in first.items():
        assert torch.equal(camera.cam_from_world, again[number].cam_from_world)
        assert torch.equal(camera.K, own[number].K)
        assert camera.hw == own[number].hw
        assert (see(terrain, camera).depth > 0).double().mean() > MIN_HIT_SHARE - 0.05
    poses = [
        torch.stack([c.cam_from_world for c in cameras.values()]) for cameras in (own, first, other_epoch, other_seed)
    ]
    for k, one in enumerate(poses):
        for other in poses[:k]:
            assert (one - other).abs().amax(dim=(1, 2)).gt(1e-3).sum() >= len(own) - 1


def test_neighbours_stay_neighbours():
    """Views of a ring look in directions that lie as far apart as before."""
    terrain = terrain_of(rough((120, 150)), (30.0, 30.0))
    options = RigOptions(views=8, view_size=(64, 48))
    own, _ = rig_cameras(terrain, options, "a")
    assert len(own) == 8
    turned = [
        camera_of_epoch(terrain, options, "a", camera, number=number, seed=0, epoch=5) for number, camera in own.items()
    ]
    azimuths = [np.arctan2(*c.world_from_cam[:2, 2].tolist()) for c in turned]
    assert np.allclose(np.diff(np.unwrap(azimuths)), 2 * np.pi / 8, atol=1e-6)


def test_every_epoch_has_its_own_views_and_the_first_those_of_the_files(area):
    dataset, plain = (dataset_of(area, every_epoch=every) for every in (True, False))
    for index in (0, 1):
        own, first, second = plain[index], dataset[EpochIndex(index, 0)], dataset[EpochIndex(index, 1)]
        assert torch.equal(first.reference, own.reference)
        assert torch.equal(first.depth, own.depth)
        assert second.id == own.id
        assert second.sizes == own.sizes
        assert not torch.equal(second.reference, own.reference)
        assert not torch.equal(second.target_camera.cam_from_world, own.target_camera.cam_from_world)
        elsewhere = copy.deepcopy(dataset)[EpochIndex(index, 1)]
        assert torch.equal(elsewhere.target, second.target)
        assert torch.equal(elsewhere.depth, second.depth)
        assert torch.equal(plain[EpochIndex(index, 1)].target, own.target)


def test_depth_and_cameras_of_an_epoch_belong_to_its_pictures(area):
    """A point of the reference, seen in the target, has the target's colour where nothing hides it."""
    inputs = dataset_of(area)[EpochIndex(0, 4)]
    points = unproject(inputs.depth.double(), inputs.reference_camera)[inputs.depth > 0]
    colours = inputs.reference.permute(1, 2, 0)[inputs.depth > 0].double()
    xy, z = project(points, inputs.target_camera)
    column, row = xy[:, 0].floor().long(), xy[:, 1].floor().long()
    inside = (z > 0) & (column >= 0) & (column < 128) & (row >= 0) & (row < 96)
    assert inside.sum() > 500
    shown = inputs.target.permute(1, 2, 0)[row[inside], column[inside]].double()
    shuffled = shown[torch.randperm(len(shown), generator=torch.Generator().manual_seed(0))]
    difference = (shown - colours[inside]).abs().mean()
    assert difference < 0.5 * (shuffled - colours[inside]).abs().mean()


def test_a_run_resumes_exactly(area):
    def epoch_of(loader):
        return {name: splat for batch in loader for name, splat in zip(batch.id, batch.splat, strict=True)}

    first = module_of(area, batch_size=1).train_dataloader()
    first.sampler.set_epoch(2)
    whole, given = epoch_of(first), []
    first.sampler.index = 0
    for batch in first:
        given += batch.id
        state = first.state_dict()
        break
    second = module_of(area, batch_size=1).train_dataloader()
    second.load_state_dict(state)
    rest = epoch_of(second)
    assert set(given) | set(rest) == set(whole)
    assert not set(given) & set(rest)
    assert all(torch.equal(splat, whole[name]) for name, splat in rest.items())
    first.close()
    second.close()


def test_validation_keeps_the_rigs_own(area):
    loader = module_of(area).predict_dataloader()
    splats = []
    for epoch in range(2):
        loader.sampler.set_epoch(epoch)
        splats.append([batch.splat for batch in loader])
    assert all(map(torch.equal, *splats))


def test_drawn_cameras_look_at_the_view_of_the_epoch(area):
    pairs = PairOptions(pairs="reproject", reference="none")
    dataset = dataset_of(area, pairs=pairs)
    first, second = dataset[0], dataset[EpochIndex(0, 1)]
    assert not torch.equal(second.target, first.target)
    assert torch.equal(second.target, dataset_of(area)[EpochIndex(0, 1)].reference)
