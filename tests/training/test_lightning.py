"""What trainers and their tools do with a data module: both packages, overfitting, copies, the batch size finder."""

import copy
import logging
import pickle
import subprocess
import sys

import pytest
from lightning.pytorch.tuner import Tuner

from tests.training.training import Recorder, make_data, make_trainer, write_scenes
from warpdata.config import PairOptions

VIEWS = {"a": 4, "b": 3, "c": 5}
PAIRS = sorted(f"{name}/{target}" for name, count in VIEWS.items() for target in range(1, count))

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*does not have many workers.*"),
    pytest.mark.filterwarnings("ignore:.*exists and is not empty.*"),
    pytest.mark.filterwarnings("ignore:.*You requested to overfit.*"),
]

WITH_PYTORCH_LIGHTNING = """
import sys
if {late}:
    from tests.training.training import make_data
    data = make_data(__import__("pathlib").Path(sys.argv[1]))
import pytorch_lightning as pl, torch
from pathlib import Path
from tests.training.training import make_data
if not {late}:
    data = make_data(Path(sys.argv[1]))

class Model(pl.LightningModule):
    def __init__(self):
        super().__init__()
        self.net, self.ids, self.hooked = torch.nn.Conv2d(3, 3, 1), [], 0
    def on_after_batch_transfer(self, batch, dataloader_idx):
        self.hooked += 1
        return batch
    def training_step(self, batch, batch_idx):
        self.ids += batch.id
        return (self.net(batch.splat) - batch.target).abs().mean()
    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.01)

options = dict(accelerator="cpu", max_epochs=1, logger=False, enable_checkpointing=False, enable_progress_bar=False)
model = Model()
pl.Trainer(precision={precision!r}, **options).fit(model, {how}data)
print("seen", *sorted(model.ids), "hooked", model.hooked, model.net.weight.dtype)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Three scenes, nine pairs, their geometry in the cache."""
    folder = tmp_path_factory.mktemp("lightning")
    write_scenes(folder / "in", VIEWS)
    make_data(folder).setup()
    return folder


@pytest.mark.parametrize(
    ("how", "late", "precision"),
    [("", False, "32-true"), ("datamodule=", False, "bf16-true"), ("datamodule=", True, "32-true")],
)
def test_the_package_pytorch_lightning_trains_too(how, late, precision, folder):
    """Passed by place or by name; made after or before that package is imported. The model's own hooks count."""
    pytest.importorskip("pytorch_lightning")
    code = WITH_PYTORCH_LIGHTNING.format(how=how, late=late, precision=precision)
    done = subprocess.run([sys.executable, "-c", code, str(folder)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    dtype = "torch.bfloat16" if precision == "bf16-true" else "torch.float32"
    assert f"seen {' '.join(PAIRS)} hooked 5 {dtype}" in done.stdout


def test_pytorch_lightning_is_not_imported_for_its_sake(folder):
    code = "import sys, warpdata.training.datamodule; print('pytorch_lightning' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False"]


@pytest.mark.parametrize(("batches", "number"), [(2, 2), (0.5, 2)])
@pytest.mark.parametrize(
    "options",
    [{}, {"shuffle_window": 1}, {"draw_references": True, "pairs": PairOptions(pairs="all", both_directions=True)}],
)
def test_overfitting_sees_the_same_batches_every_epoch(options, batches, number, folder, tmp_path):
    model = Recorder()
    trainer = make_trainer(tmp_path, max_epochs=3, overfit_batches=batches)
    trainer.fit(model, datamodule=make_data(folder, **options))
    first, second, third = ([ids for at, ids in model.seen["train"] if at == epoch] for epoch in range(3))
    assert first == second == third
    assert len(first) >= number


def test_overfitting_goes_on_with_the_same_batches(folder, tmp_path):
    whole, resumed = Recorder(), Recorder()
    options = {"max_epochs": 3, "overfit_batches": 3, "every_n_steps": 1}
    make_trainer(tmp_path, **options).fit(whole, datamodule=make_data(folder))
    make_trainer(tmp_path / "more", **options).fit(
        resumed, datamodule=make_data(folder), ckpt_path=tmp_path / "step=4.ckpt", weights_only=True
    )
    assert whole.seen["train"][4:] == resumed.seen["train"]


def test_reloading_every_epoch_changes_nothing(folder, tmp_path):
    plain, reloaded = Recorder(), Recorder()
    make_trainer(tmp_path, max_epochs=3).fit(plain, datamodule=make_data(folder))
    trainer = make_trainer(tmp_path, max_epochs=3, reload_dataloaders_every_n_epochs=1)
    trainer.fit(reloaded, datamodule=make_data(folder, num_workers=1))
    assert plain.seen["train"] == reloaded.seen["train"]


def looked_at(folder, **options):
    data = make_data(folder, **options)
    data.setup()
    next(iter(data.train_dataloader()))
    return data


COPIES = {
    "deepcopy": copy.deepcopy,
    "copy": copy.copy,
    "pickle": lambda data: pickle.loads(pickle.dumps(data)),  # noqa: S301
}


@pytest.mark.parametrize("how", COPIES)
@pytest.mark.parametrize("num_workers", [0, 2])
def test_a_data_module_that_was_looked_at_can_be_copied(num_workers, how, folder, tmp_path):
    data = looked_at(folder, num_workers=num_workers)
    copied = COPIES[how](data)
    for one in (copied, data):
        model = Recorder()
        make_trainer(tmp_path).fit(model, datamodule=one)
        assert sorted(model.ids("train")) == PAIRS


def test_a_loader_that_was_looked_at_can_be_copied(folder):
    data = make_data(folder, num_workers=1)
    data.setup()
    loader = data.train_dataloader()
    next(iter(loader))
    other = pickle.loads(pickle.dumps(loader))  # noqa: S301
    assert sorted(name for batch in other for name in batch.id) == PAIRS


class Counter(Recorder):
    def on_train_end(self):
        print("rank", self.global_rank, *sorted(self.ids("train")), flush=True)


def spawn(folder):
    data = looked_at(folder, num_workers=2)
    trainer = make_trainer(folder, devices=2, strategy="ddp_spawn")
    trainer.fit(Counter(), datamodule=data)


@pytest.mark.slow
def test_processes_can_be_spawned_after_a_look(folder):
    code = "import sys, pathlib; from tests.training.test_lightning import spawn; spawn(pathlib.Path(sys.argv[1]))"
    program = f"if __name__ == '__main__':\n    {code}\n"
    (folder / "spawning.py").write_text(program, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, str(folder / "spawning.py"), str(folder)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    lines = [line.split() for line in done.stdout.splitlines() if line.startswith("rank")]
    assert sorted(line[1] for line in lines) == ["0", "1"]
    assert sorted(name for line in lines for name in line[2:]) == PAIRS


def test_the_batch_size_finder_changes_the_batches(folder, tmp_path):
    data, model = make_data(folder), Recorder()
    trainer = make_trainer(tmp_path)
    found = Tuner(trainer).scale_batch_size(model, datamodule=data, init_val=1, max_trials=2, steps_per_trial=1)
    assert data.order.batch_size == found > 1
    model.seen["train"].clear()
    trainer.fit(model, datamodule=data)
    assert sorted(model.ids("train")) == PAIRS
    assert max(len(ids) for _, ids in model.seen["train"]) == found


@pytest.mark.parametrize("stage", ["validate", "test"])
def test_an_empty_split_is_said(stage, folder, tmp_path, caplog):
    with caplog.at_level(logging.WARNING, logger="warpdata"):
        getattr(make_trainer(tmp_path), stage)(Recorder(), datamodule=make_data(folder))
    assert f"nothing to {stage} with" in caplog.text


def test_training_without_validation_says_nothing(folder, tmp_path, caplog):
    with caplog.at_level(logging.WARNING, logger="warpdata"):
        make_trainer(tmp_path, num_sanity_val_steps=2).fit(Recorder(), datamodule=make_data(folder))
    assert not caplog.text


@pytest.mark.parametrize("split", ["train", "val", "test", "predict"])
def test_before_setup_it_says_what_to_call(split, folder):
    with pytest.raises(RuntimeError, match=r"call its setup\(\) first"):
        getattr(make_data(folder), f"{split}_dataloader")()


def test_it_can_be_printed(folder):
    data = make_data(folder, val_fraction=0.34)
    assert "not set up" in str(data)
    data.setup()
    assert "val" in str(data)
    assert "3 scenes" not in str(data)


def test_setting_up_again_after_a_repair_forgets_what_was_wrong(tmp_path):
    write_scenes(tmp_path / "in", {"a": 3})
    transforms = tmp_path / "in" / "a" / "transforms.json"
    whole = transforms.read_text()
    transforms.write_text("{")
    data = make_data(tmp_path)
    with pytest.raises(Exception, match="none of the 1 scenes"):
        data.setup()
    transforms.write_text(whole)
    data.setup()
    assert data.left_out == {}
    assert len(data.scenes_of("train")) == 1


def test_equal_reasons_are_logged_once(tmp_path, caplog):
    write_scenes(tmp_path / "in", {"good": 3, "x": 2, "y": 2})
    for name in "xy":
        (tmp_path / "in" / name / "transforms.json").write_text("{")
    data = make_data(tmp_path)
    with caplog.at_level(logging.WARNING, logger="warpdata"):
        data.setup()
    assert set(data.left_out) == {"x", "y"}
    (record,) = caplog.records
    assert "2 scenes (x, y) are left out" in record.getMessage()
