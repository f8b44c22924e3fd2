"""Triplets from shards are those that were written; scenes from geometry shards render to the very same triplets."""

from pathlib import Path

import pytest
import torch

from tests.training.training import Recorder, make_trainer
from tests.writers.runs import run
from tests.writers.scenes.test_scenes import open_scene
from tests.writers.triplets import scene
from warpdata.config import ExportOptions, OutputOptions, RenderOptions
from warpdata.errors import SceneError, SourceError
from warpdata.training.scene_shards import stream_scenes
from warpdata.training.triplet_shards import ShardDataModule
from warpdata.triplets.frames import FrameCache
from warpdata.triplets.render import render_triplets
from warpdata.triplets.triplet import split_batch
from warpdata.writers.output.session import RunInfo, open_writers

TRIPLETS = [*scene("attic", 5), *scene("room", 3, (20, 30))]


@pytest.fixture(scope="module")
def shards(tmp_path_factory) -> list[str]:
    root = tmp_path_factory.mktemp("shards")
    run(root, "webdataset", triplets=TRIPLETS, output=OutputOptions(output_format="png"), prompt="p", shard_samples=2)
    return [str(path) for path in sorted(root.glob("*.tar"))]


@pytest.mark.parametrize("num_workers", [0, 2])
def test_every_triplet_comes_back_once(num_workers, shards):
    loader = ShardDataModule(shards, batch_size=2, num_workers=num_workers, as_float=False).train_dataloader()
    found = {}
    for batch in loader:
        assert len({camera_hw for camera_hw in [batch.target_camera.hw]}) == 1
        for one in split_batch(batch):
            assert one.id not in found
            found[one.id] = one
    assert set(found) == {one.id for one in TRIPLETS}
    for one in TRIPLETS:
        back = found[one.id]
        for name in ("splat", "reference", "target", "coverage", "confidence"):
            torch.testing.assert_close(getattr(back, name), getattr(one, name), rtol=0, atol=0)
        torch.testing.assert_close(back.target_camera.K, one.target_camera.K, rtol=0, atol=0)
        torch.testing.assert_close(back.reference_camera.cam_from_world, one.reference_camera.cam_from_world)
        assert (back.reference_name, back.target_name) == (one.reference_name, one.target_name)
        assert back.scores == pytest.approx({"hole_fraction": 0.25})


def test_shuffling_is_repeatable_and_loses_nothing(shards):
    def order(seed: int) -> list[str]:
        loader = ShardDataModule(shards, shuffle=4, seed=seed).train_dataloader()
        return [one for batch in loader for one in batch.id]

    assert order(0) == order(0) != order(1)
    assert sorted(order(0)) == sorted(one.id for one in TRIPLETS)


def test_pictures_as_floats(shards):
    batch = next(iter(ShardDataModule(shards, batch_size=2).train_dataloader()))
    assert batch.splat.dtype == torch.float32
    assert batch.splat.max() == 1
    assert batch.prompt == ["p", "p"]


def test_shards_from_any_url(shards):
    import fsspec

    fs = fsspec.filesystem("memory")
    urls = [f"memory://there/{Path(path).name}" for path in shards]
    for path, url in zip(shards, urls, strict=True):
        fs.pipe_file(url.removeprefix("memory:/"), Path(path).read_bytes())
    found = [one for batch in ShardDataModule(urls).train_dataloader() for one in batch.id]
    assert found == [one.id for one in TRIPLETS]


def test_what_is_no_triplet_is_named(tmp_path):
    with pytest.raises(SourceError, match=r"nowhere\.tar"):
        list(ShardDataModule([str(tmp_path / "nowhere.tar")]).train_dataloader())
    run(tmp_path, "webdataset", triplets=TRIPLETS[:1], output=OutputOptions(coverage=False))
    with pytest.raises(SourceError, match=r"attic/000001.*coverage"):
        list(ShardDataModule([str(tmp_path / "train-000000.tar")]).train_dataloader())


def test_scenes_from_geometry_shards_render_the_same_triplets(tmp_path):
    pairs = open_scene(tmp_path)
    output = OutputOptions(output_dir=tmp_path / "out", export_scenes=("shards",))
    with open_writers(ExportOptions(), output, RunInfo()) as writers:
        assert writers.write_scene(pairs) == {}
    shard = tmp_path / "out" / "scenes" / "shards" / "room" / "room.tar"
    (streamed,) = ((one, list(render(one))) for one in stream_scenes([shard.as_uri()], tmp_path / "scratch"))
    for here, there in zip(render(pairs), streamed[1], strict=True):
        assert here.id == there.id
        assert torch.equal(here.splat, there.splat)
        assert torch.equal(here.target, there.target)
        assert torch.equal(here.target_camera.K, there.target_camera.K)
    assert not list((tmp_path / "scratch").iterdir())


def render(pairs):
    frames = FrameCache(0)
    for pair in pairs.pairs:
        yield render_triplets(pairs.inputs(pair, frames), RenderOptions(), backend="torch")


def test_other_archives_are_refused(shards, tmp_path):
    import tarfile

    with pytest.raises(SceneError, match="not a geometry shard"):
        list(stream_scenes(shards, tmp_path))
    with tarfile.open(tmp_path / "evil.tar", "w") as tar:
        tar.addfile(tarfile.TarInfo("../room.scene.json"))
    with pytest.raises(SceneError, match="not a geometry shard"):
        list(stream_scenes([str(tmp_path / "evil.tar")], tmp_path / "scratch"))
    with pytest.raises(SceneError, match=r"nowhere\.tar"):
        list(stream_scenes([str(tmp_path / "nowhere.tar")], tmp_path / "scratch"))


@pytest.mark.parametrize("num_workers", [0, 2])
def test_every_epoch_is_shuffled_anew(num_workers, shards):
    loader = ShardDataModule(shards, shuffle=4, num_workers=num_workers).train_dataloader()
    first, second = ([name for batch in loader for name in batch.id] for _ in range(2))
    assert sorted(first) == sorted(second) == sorted(one.id for one in TRIPLETS)
    assert first != second
    loader.set_epoch(0)
    assert [name for batch in loader for name in batch.id] == first


@pytest.mark.filterwarnings("ignore:.*You requested to overfit.*")
@pytest.mark.parametrize("overfit", [0, 2])
def test_overfitting_sees_the_same_batches_of_shards(overfit, shards, tmp_path):
    model = Recorder()
    trainer = make_trainer(tmp_path, max_epochs=2, overfit_batches=overfit, precision="bf16-true")
    trainer.fit(model, datamodule=ShardDataModule(shards, shuffle=4))
    assert (model.ids("train", 0) == model.ids("train", 1)) == (overfit > 0)
    assert model.batches[0].splat.dtype == torch.bfloat16
    assert model.batches[0].target_camera.K.dtype == torch.float64
