"""`--pairs reproject` as a user runs it: from single pictures too, the same in files and in training, resumed."""

import json
import logging

import numpy as np
import pytest
import torch
from PIL import Image

from tests.scenes import write_scene
from warpdata.config import PairOptions, RenderOptions
from warpdata.formats.manifest import read_manifest
from warpdata.programs.check import main as check
from warpdata.programs.export import main as export
from warpdata.programs.main import DONE, UNUSABLE
from warpdata.programs.materialize import main
from warpdata.run.options import MaterializeOptions
from warpdata.run.verify import verify
from warpdata.training import WarpDataModule
from warpdata.writers.output.session import Writers


@pytest.fixture(autouse=True)
def cache_dir(tmp_path, monkeypatch):
    monkeypatch.setenv("WARPDATA_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def input_dir(tmp_path):
    """A scene of three views and one of a single picture."""
    write_scene(tmp_path / "in" / "a", 3)
    write_scene(tmp_path / "in" / "single", 1)
    return tmp_path / "in"


def run(input_dir, output_dir, *flags):
    args = ["--input-dir", str(input_dir), "--output-dir", str(output_dir), "--quiet", "--pairs", "reproject"]
    try:
        return main([*args, *map(str, flags)])
    except SystemExit as exit:
        return exit.code


def tree(folder):
    """Every file but the page, which names its own folder and how long the run took."""
    files = [path for path in folder.rglob("*") if path.is_file() and path.name != "report.html"]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def pixels(path):
    return torch.from_numpy(np.asarray(Image.open(path)).copy()).permute(2, 0, 1)


NONE = ("--reference", "none")


def test_single_pictures_become_triplets(tmp_path, input_dir, capsys):
    assert run(input_dir, tmp_path / "out", *NONE, "--output-format", "png", "--multiple", 16) == DONE
    records = {record.id: record for record in read_manifest(tmp_path / "out")}
    assert list(records) == ["a/0", "a/1", "a/2", "single/0"]
    for record in records.values():
        assert sorted(record.files) == ["confidence", "coverage", "splats", "target"]
        assert record.reference == ""
        assert sorted(record.camera) == ["K_drawn", "K_target", "convention", "w2c_drawn", "w2c_target"]
        assert record.warp["psnr"] == 99.0
        splat, target = (pixels(tmp_path / "out" / record.files[role]) for role in ("splats", "target"))
        seen = torch.from_numpy(np.asarray(Image.open(tmp_path / "out" / record.files["coverage"])) == 255)
        assert torch.equal(splat[:, seen], target[:, seen])
        assert not torch.equal(splat, target)
    assert verify(tmp_path / "out") == []
    assert check([str(tmp_path / "out")]) == DONE


def test_with_references_a_single_picture_is_refused_and_told(tmp_path, input_dir):
    assert run(input_dir, tmp_path / "out") == 1
    records = read_manifest(tmp_path / "out")
    assert [(record.id, record.reference) for record in records] == [("a/0", "1"), ("a/1", "0"), ("a/2", "1")]
    report = json.loads((tmp_path / "out/report.json").read_text(encoding="utf-8"))
    assert "a pair needs two pictures" in report["scenes"][1]["error"]


def test_the_shares_lie_between_the_bounds(tmp_path, input_dir):
    flags = ("--drawn-cameras", 6, "--pair-overlap", 0.5, 0.9, "--overlap-histogram", 1, 0, 1)
    assert run(input_dir, tmp_path / "out", *NONE, *flags) == DONE
    records = read_manifest(tmp_path / "out")
    assert [record.name for record in records[:3]] == ["0__0", "0__1", "0__2"]
    seen = sorted(1 - record.warp["hole_fraction"] for record in records)
    assert len(seen) == 24
    assert all(0.48 < share < 0.65 or 0.75 < share < 0.92 for share in seen)
    assert sum(share < 0.7 for share in seen) == pytest.approx(12, abs=2)


def test_another_seed_draws_other_cameras_and_the_same_one_the_same(tmp_path, input_dir):
    for name, seed in (("one", 0), ("again", 0), ("other", 1)):
        assert run(input_dir, tmp_path / name, *NONE, "--seed", seed) == DONE
    one, again, other = (tree(tmp_path / name) for name in ("one", "again", "other"))
    del one["report.json"], again["report.json"], other["report.json"]
    assert one == again
    assert one["a/1_target.jpg"] == other["a/1_target.jpg"]
    assert one["a/1_splats.jpg"] != other["a/1_splats.jpg"]
    assert run(input_dir, tmp_path / "one", *NONE, "--seed", 1) == UNUSABLE


def test_a_killed_run_ends_with_the_same_bytes(tmp_path, input_dir, monkeypatch):
    assert run(input_dir, tmp_path / "whole", *NONE) == DONE
    write, written = Writers.write, []

    def stop_at_the_third(self, triplet, *args, **kwargs):
        written.append(triplet.id)
        if len(written) == 3:
            raise KeyboardInterrupt
        write(self, triplet, *args, **kwargs)

    monkeypatch.setattr(Writers, "write", stop_at_the_third)
    assert run(input_dir, tmp_path / "out", *NONE) == 130
    monkeypatch.setattr(Writers, "write", write)
    assert run(input_dir, tmp_path / "out", *NONE) == DONE
    assert tree(tmp_path / "out") == tree(tmp_path / "whole")


@pytest.mark.parametrize("layout", ["webdataset", "hf", "diffsynth", "sharegpt"])
def test_layouts_that_can_do_without_a_reference(tmp_path, input_dir, layout):
    assert run(input_dir, tmp_path / "out", *NONE, "--layout", layout, "--prompt", "fill", "--multiple", 16) == DONE
    assert check([str(tmp_path / "out")]) == DONE
    assert not [name for name in tree(tmp_path / "out") if "reference" in name]
    assert run(input_dir, tmp_path / "folder", *NONE) == DONE
    exported = ["--output-dir", str(tmp_path / "folder"), "--export-dir", str(tmp_path / "e"), "--layout", layout]
    assert export([*exported, "--prompt", "fill", "--quiet"]) == DONE


@pytest.mark.parametrize("layout", ["modelscope", "aitoolkit", "musubi"])
def test_layouts_that_need_one_say_so(tmp_path, input_dir, layout, capsys):
    assert run(input_dir, tmp_path / "out", *NONE, "--layout", layout) == UNUSABLE
    said = capsys.readouterr().err
    assert f"--layout {layout} shows a reference beside every splat" in said
    assert "--reference nearest" in said
    assert not (tmp_path / "out" / "manifest.jsonl").exists()


def test_files_and_training_are_the_same(tmp_path, input_dir):
    assert run(input_dir, tmp_path / "out", *NONE, "--seed", 4, "--output-format", "png") == DONE
    data = WarpDataModule(input_dir, pairs=PairOptions(pairs="reproject", reference="none"), seed=4, as_float=False)
    data.setup()
    batches = {batch.id[0]: batch for batch in data.predict_dataloader()}
    assert sorted(batches) == ["a/0", "a/1", "a/2", "single/0"]
    for sample_id, batch in batches.items():
        assert batch.reference is None
        assert torch.equal(batch.splat[0], pixels(tmp_path / "out" / f"{sample_id}_splats.png"))
        assert batch.drawn_camera.K.shape == (1, 3, 3)


@pytest.mark.parametrize("options", [{}, {"num_workers": 1}])
def test_every_epoch_draws_anew_and_resumes_exactly(input_dir, options):
    def loader():
        pairs = PairOptions(pairs="reproject", reference="none", drawn_cameras=2)
        data = WarpDataModule(input_dir, pairs=pairs, batch_size=2, as_float=False, **options)
        data.setup()
        return data.train_dataloader()

    def epoch_of(loader, epoch):
        loader.sampler.set_epoch(epoch)
        return {name: splat for batch in loader for name, splat in zip(batch.id, batch.splat, strict=True)}

    first = loader()
    epochs = [epoch_of(first, epoch) for epoch in range(2)]
    assert epochs[0].keys() == epochs[1].keys()
    assert len(epochs[0]) == 8
    assert not any(torch.equal(epochs[0][name], epochs[1][name]) for name in epochs[0])
    first.sampler.set_epoch(1)
    given = []
    first.sampler.index = 0
    for batch in first:
        given += batch.id
        if len(given) == 4:
            state = first.state_dict()
            break
    second = loader()
    second.load_state_dict(state)
    rest = {name: splat for batch in second for name, splat in zip(batch.id, batch.splat, strict=True)}
    assert set(given) | set(rest) == set(epochs[1])
    assert not set(given) & set(rest)
    assert all(torch.equal(splat, epochs[1][name]) for name, splat in rest.items())
    first.close()
    second.close()


def test_validation_has_the_same_cameras_every_epoch(input_dir):
    data = WarpDataModule(input_dir, pairs=PairOptions(pairs="reproject", reference="none"), as_float=False)
    data.setup()
    loader = data.predict_dataloader()
    splats = []
    for epoch in range(2):
        loader.sampler.set_epoch(epoch)
        splats.append(torch.stack([batch.splat[0] for batch in loader]))
    assert torch.equal(*splats)


def test_a_list_of_scenes_that_is_remembered_draws_the_same(input_dir, caplog):
    def splats():
        data = WarpDataModule(input_dir, pairs=PairOptions(pairs="reproject"), as_float=False)
        with caplog.at_level(logging.WARNING):
            data.setup()
        return torch.stack([batch.splat[0] for batch in data.predict_dataloader()])

    assert torch.equal(splats(), splats())
    assert "single" in caplog.text


def test_a_dry_run_counts_them(tmp_path, input_dir, capsys):
    assert run(input_dir, tmp_path / "out", *NONE, "--drawn-cameras", 3, "--dry-run") == DONE
    said = capsys.readouterr().err
    assert "a: 3 views, 9 triplets" in said
    assert "single: 1 views, 3 triplets" in said


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"pairs": "next", "reference": "none"}, "`reference` goes with"),
        ({"pairs": "next", "drawn_cameras": 2}, "`drawn_cameras` goes with"),
        ({"pairs": "reproject", "drawn_cameras": 0}, "`drawn_cameras` is 0"),
        ({"pairs": "reproject", "both_directions": True}, "`both_directions`"),
        ({"pairs": "window", "overlap_histogram": (1.0,)}, "`overlap_histogram` goes with"),
    ],
)
def test_options_that_do_not_go_together_are_refused(options, said):
    with pytest.raises(ValueError, match=said):
        PairOptions(**options)


def test_the_earlier_programs_warp_is_refused(input_dir):
    pairs, render = PairOptions(pairs="reproject"), RenderOptions(compat=True)
    with pytest.raises(ValueError, match="`compat`"):
        MaterializeOptions(pairs=pairs, render=render)
    with pytest.raises(ValueError, match="`compat`"):
        WarpDataModule(input_dir, pairs=pairs, render=render)


def test_outputs_of_before_can_be_continued():
    """What triplets of other pairs depend on is what it was before there were drawn cameras."""
    depends_on = MaterializeOptions().what_triplets_depend_on()
    assert "seed" not in depends_on
    assert sorted(depends_on["pairs"]) == [
        *("both_directions", "overlap_histogram", "pair_overlap", "pair_window", "pairs")
    ]
    drawn = MaterializeOptions(pairs=PairOptions(pairs="reproject"), seed=3).what_triplets_depend_on()
    assert (drawn["seed"], drawn["pairs"]["drawn_cameras"]) == (3, 1)
