"""Training with the real trainer: what the model sees, and that a run goes on where its checkpoint was made."""

import logging
import shutil

import pytest
import torch

from tests.training.training import Recorder, make_data, make_trainer, write_scenes
from warpdata.config import GeometryOptions, PairOptions
from warpdata.errors import SourceError
from warpdata.training.datamodule import WarpDataModule, split_scenes
from warpdata.training.loader import render_batch
from warpdata.triplets.inputs import PairInputs
from warpdata.triplets.triplet import Triplet

VIEWS = {"a": 4, "b": 3, "c": 5, "d": 2, "e": 4}
PAIRS = sorted(f"{name}/{target}" for name, count in VIEWS.items() for target in range(1, count))

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*does not have many workers.*"),
    pytest.mark.filterwarnings("ignore:.*exists and is not empty.*"),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Five scenes, 13 pairs, their geometry in the cache."""
    folder = tmp_path_factory.mktemp("datamodule")
    write_scenes(folder / "in", VIEWS)
    make_data(folder).setup()
    return folder


def fit(folder, tmp_path, *, ckpt=None, data=None, model=None, **options):
    model = model or Recorder()
    trainer = make_trainer(tmp_path, **options)
    trainer.fit(model, datamodule=make_data(folder, **data or {}), ckpt_path=ckpt, weights_only=True)
    return model


@pytest.mark.parametrize("num_workers", [0, 1])
@pytest.mark.parametrize("render_in", ["worker", "collate"])
def test_a_model_sees_every_pair_once_an_epoch(folder, tmp_path, render_in, num_workers):
    data = {"render_in": render_in, "num_workers": num_workers}
    model = fit(folder, tmp_path, max_epochs=2, data=data)
    assert sorted(model.ids("train", 0)) == sorted(model.ids("train", 1)) == PAIRS
    assert model.ids("train", 0) != model.ids("train", 1)
    assert all(isinstance(batch, Triplet) for batch in model.batches)


def test_pictures_are_floats_or_bytes(folder, tmp_path):
    floats = fit(folder, tmp_path, limit_train_batches=1).batches[0]
    integers = fit(folder, tmp_path, limit_train_batches=1, data={"as_float": False}).batches[0]
    assert floats.splat.dtype == torch.float32
    assert integers.splat.dtype == torch.uint8
    assert torch.equal(floats.splat, integers.splat.float() / 255)
    assert floats.id == integers.id


class RendersItself(Recorder):
    def on_after_batch_transfer(self, batch, dataloader_idx):
        assert isinstance(batch, PairInputs)
        triplet = render_batch(batch, self.trainer.datamodule.render)
        return triplet.map_pictures(lambda picture: picture.to(self.dtype))


def test_a_model_can_render_in_its_own_hook(folder, tmp_path):
    own = fit(folder, tmp_path, model=RendersItself(), data={"render_in": "none"}).batches
    ours = fit(folder, tmp_path).batches
    assert [batch.id for batch in own] == [batch.id for batch in ours]
    assert all(torch.equal(one.splat, other.splat) for one, other in zip(own, ours, strict=True))


@pytest.mark.parametrize(
    ("precision", "dtype"), [("bf16-true", torch.bfloat16), ("64-true", torch.float64), ("bf16-mixed", torch.float32)]
)
@pytest.mark.parametrize("render_in", ["worker", "none"])
def test_precision_casts_pictures_and_nothing_else(folder, tmp_path, precision, dtype, render_in):
    """Cameras keep their digits, and the splat is the one of single precision, rounded once."""
    model = Recorder() if render_in == "worker" else RendersItself()
    batch = fit(
        folder, tmp_path, model=model, precision=precision, limit_train_batches=3, data={"render_in": render_in}
    ).batches[2]
    expected = fit(folder, tmp_path, limit_train_batches=3).batches[2]
    assert batch.splat.dtype == dtype
    assert torch.equal(batch.splat, expected.splat.to(dtype))
    assert torch.equal(batch.target_camera.cam_from_world, expected.target_camera.cam_from_world)
    assert batch.scores["psnr"].dtype == torch.float32


def test_scenes_not_samples_are_split(folder, tmp_path):
    data = make_data(folder, val_fraction=0.4, test_fraction=0.2)
    model, trainer = Recorder(), make_trainer(tmp_path)
    trainer.fit(model, datamodule=data)
    trainer.test(model, datamodule=data)
    trainer.predict(model, datamodule=data)
    scenes = {split: {name.split("/")[0] for name in model.ids(split)} for split in model.seen}
    assert [len(scenes[split]) for split in ("train", "val", "test")] == [2, 2, 1]
    assert scenes["train"] | scenes["val"] | scenes["test"] == scenes["predict"] == set(VIEWS)
    assert sorted(model.ids("predict")) == model.ids("predict") == PAIRS
    assert sorted(model.ids("train") + model.ids("val") + model.ids("test")) == PAIRS


def test_a_split_depends_on_names_and_seed_alone():
    names = [f"scene{number}" for number in range(50)]
    parts = split_scenes(names, 0.2, 0.1, seed=3)
    assert parts == split_scenes(names[::-1], 0.2, 0.1, seed=3) != split_scenes(names, 0.2, 0.1, seed=4)
    assert [list(parts.values()).count(split) for split in ("train", "val", "test")] == [35, 10, 5]
    assert split_scenes(["only"], 0.9, 0.0, seed=0) == {"only": "train"}


def test_unusable_scenes_are_left_out_and_named(tmp_path, caplog):
    """A scene without geometry and one that is damaged cost themselves, and nothing of the others' split."""
    write_scenes(tmp_path / "in", {name: 3 for name in "abcd"})
    whole = make_data(tmp_path, val_fraction=0.5)
    whole.setup()
    (tmp_path / "in" / "b" / "transforms.json").write_text("{")
    for picture in (tmp_path / "in" / "c" / "images").iterdir():
        picture.write_bytes(b"no picture")
    data = make_data(tmp_path, val_fraction=0.5, geometry=GeometryOptions(geometry="given", cache_dir=tmp_path / "new"))
    with caplog.at_level(logging.WARNING, logger="warpdata"):
        data.setup()
    assert set(data.left_out) == {"b", "c"}
    assert "scene b is left out" in caplog.text
    for split in ("train", "val"):
        before = {scene.pairs[0].scene_id for scene in whole.scenes_of(split)}
        assert {scene.pairs[0].scene_id for scene in data.scenes_of(split)} == before - {"b", "c"}


def test_without_a_usable_scene_it_says_why(tmp_path):
    write_scenes(tmp_path / "in", {"a": 2})
    (tmp_path / "in" / "a" / "transforms.json").write_text("{")
    with pytest.raises(SourceError, match=r"none of the 1 scenes.*a: .*cannot be read as JSON"):
        make_data(tmp_path).setup()


def test_without_a_pair_to_train_on_it_says_so(tmp_path):
    write_scenes(tmp_path / "in", {"a": 2})
    data = make_data(tmp_path, pairs=PairOptions(pairs="overlap", pair_overlap=(0.0, 0.01)))
    data.setup()
    with pytest.raises(SourceError, match="train split has no pair"):
        data.train_dataloader()


def test_fractions_must_leave_scenes_to_train_on(tmp_path):
    with pytest.raises(ValueError, match="leave scenes to train on"):
        WarpDataModule(tmp_path, val_fraction=0.5, test_fraction=0.5)


def test_setting_up_again_estimates_nothing(folder, tmp_path, monkeypatch):
    def refuse(*_args, **_options):
        raise AssertionError("geometry is made again")

    monkeypatch.setattr("warpdata.geometry.given.GivenEstimator.__call__", refuse)
    assert sorted(fit(folder, tmp_path).ids("train")) == PAIRS


def test_one_reference_is_drawn_for_every_target(folder, tmp_path):
    options = {"pairs": PairOptions(pairs="all", both_directions=True), "draw_references": True}
    model = fit(folder, tmp_path, max_epochs=2, data=options)
    for epoch in range(2):
        targets = [name.split("__")[0] for name in model.ids("train", epoch)]
        assert sorted(targets) == sorted(f"{name}/{view}" for name, count in VIEWS.items() for view in range(count))
    assert sorted(model.ids("train", 0)) != sorted(model.ids("train", 1))


@pytest.mark.parametrize("length", [{"max_epochs": 2}, {"max_epochs": -1, "max_steps": 14}])
@pytest.mark.parametrize("step", [1, 7, 10, 14])
def test_a_run_goes_on_at_the_next_sample(folder, tmp_path, length, step):
    """Seven steps an epoch: stopped in mid-epoch, at its end, and in the next one."""
    whole = fit(folder, tmp_path, every_n_steps=1, **length)
    resumed = fit(folder, tmp_path, ckpt=tmp_path / f"step={step}.ckpt", **length, data={"render_in": "collate"})
    assert len(whole.seen["train"]) == 14
    assert whole.seen["train"][step:] == resumed.seen["train"]


def test_a_checkpoint_at_the_end_of_an_epoch_goes_on_with_the_next(folder, tmp_path):
    """As Lightning saves by default: after validation, or at the end of the training epoch."""
    whole = fit(folder, tmp_path, max_epochs=2, enable_checkpointing=True, data={"val_fraction": 0.2})
    (checkpoint,) = (tmp_path / "checkpoints").glob("epoch=1-*.ckpt")
    longer = fit(folder, tmp_path, ckpt=checkpoint, max_epochs=3, data={"val_fraction": 0.2})
    assert {epoch for epoch, _ in longer.seen["train"]} == {2}
    assert sorted(longer.ids("train")) == sorted(whole.ids("train", 0))


def test_resuming_with_another_seed_is_refused(folder, tmp_path):
    fit(folder, tmp_path, every_n_steps=3)
    with pytest.raises(ValueError, match="seed was 0, is 1"):
        fit(folder, tmp_path, ckpt=tmp_path / "step=3.ckpt", data={"seed": 1})


def test_a_scene_that_vanishes_ends_the_run_with_its_reason(folder, tmp_path):
    shutil.copytree(folder / "in", tmp_path / "in")
    data = make_data(tmp_path)
    data.setup()
    shutil.rmtree(tmp_path / "in" / "c" / "images")
    with pytest.raises(Exception, match="images"):
        make_trainer(tmp_path).fit(Recorder(), datamodule=data)
