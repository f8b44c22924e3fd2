"""What a person has rejected is left out by everything that uses the data, and counted."""

from __future__ import annotations

import json

import pytest

from tests.scenes import write_scene
from tests.training.training import make_data
from tests.writers.runs import tree
from warpdata.config import ExportOptions, QualityOptions
from warpdata.errors import OutputError
from warpdata.formats.manifest import read_manifest
from warpdata.formats.marks import MARKS, change_marks
from warpdata.programs.export import main as export
from warpdata.programs.main import DONE, UNUSABLE
from warpdata.programs.materialize import main as materialize
from warpdata.run.export import export_folder
from warpdata.run.verify import repair, verify
from warpdata.training import ShardDataModule


@pytest.fixture
def here(tmp_path, monkeypatch):
    """Scenes `in/a` and `in/b`."""
    monkeypatch.setenv("WARPDATA_CACHE", str(tmp_path / "cache"))
    write_scene(tmp_path / "in" / "a", 3)
    write_scene(tmp_path / "in" / "b", 4)
    return tmp_path


def run(here, output, *flags):
    return materialize(["--input-dir", str(here / "in"), "--output-dir", str(here / output), "--quiet", *flags])


def ids(folder):
    return [record.id for record in read_manifest(folder)]


def without_reports(folder):
    return {path: digest for path, digest in tree(folder).items() if not path.startswith(("report.", MARKS))}


def test_a_run_removes_what_was_rejected_and_makes_it_again(here, capsys):
    run(here, "whole")
    run(here, "out")
    change_marks(here / "out", reject=["b/2", "nobody/7"])
    assert run(here, "out") == DONE
    assert ids(here / "out") == ["a/1", "a/2", "b/1", "b/3"]
    assert not list((here / "out" / "b").glob("2_*"))
    assert "1 triplets are rejected in rejected.json and left out; --ignore-marks" in capsys.readouterr().err
    report = json.loads((here / "out" / "report.json").read_text())
    assert report["rejected"] == 1
    assert [scene["rejected"] for scene in report["scenes"]] == [[], ["2"]]
    assert "rejected by hand" in (here / "out" / "report.html").read_text()
    change_marks(here / "out", accept=["b/2"])
    assert run(here, "out") == DONE
    assert without_reports(here / "out") == without_reports(here / "whole")


def test_marks_can_be_ignored(here):
    run(here, "whole")
    (here / "out").mkdir()
    change_marks(here / "out", reject=["b/2"])
    assert run(here, "out", "--ignore-marks") == DONE
    assert without_reports(here / "out") == without_reports(here / "whole")


def test_marks_beside_the_scenes_count_and_are_no_scene(here):
    change_marks(here / "in", reject=["a/1"])
    assert run(here, "out") == DONE
    assert ids(here / "out") == ["a/2", "b/1", "b/2", "b/3"]


def test_every_layout_of_an_output_leaves_them_out(here):
    flags = ["--layout", "folder", "webdataset", "hf"]
    run(here, "out", *flags)
    change_marks(here / "out", reject=["a/1"])
    assert run(here, "out", *flags) == DONE
    for layout in ("folder", "webdataset", "hf"):
        assert ids(here / "out" / layout) == ["a/2", "b/1", "b/2", "b/3"]


def test_of_several_workers_each_leaves_them_out(here):
    for number in ("0", "1"):
        run(here, "out", "--worker", number, "2")
    change_marks(here / "out", reject=["a/1", "b/3"])
    for number in ("0", "1"):
        assert run(here, "out", "--worker", number, "2") == DONE
    assert ids(here / "out") == ["a/2", "b/1", "b/2"]


def test_a_damaged_file_of_marks_is_refused_before_anything_is_changed(here, capsys):
    run(here, "out")
    (here / "out" / MARKS).write_text("{")
    before = tree(here / "out")
    assert run(here, "out") == UNUSABLE
    assert "--ignore-marks" in capsys.readouterr().err
    assert tree(here / "out") == before


def test_an_export_leaves_them_out(here):
    run(here, "out")
    change_marks(here / "out", reject=["b/1"])
    flags = ["--output-dir", str(here / "out"), "--layout", "hf", "--quiet"]
    assert export([*flags, "--export-dir", str(here / "hf")]) == DONE
    assert ids(here / "hf") == ["a/1", "a/2", "b/2", "b/3"]
    assert export([*flags, "--export-dir", str(here / "all"), "--ignore-marks"]) == DONE
    assert len(ids(here / "all")) == 5
    change_marks(here / "out", reject=ids(here / "out"))
    with pytest.raises(OutputError, match="every triplet"):
        export_folder(here / "out", here / "none", ExportOptions(layout=("hf",)))


def test_repair_makes_an_export_as_it_was_whatever_was_marked_since(here):
    run(here, "out")
    change_marks(here / "out", reject=["b/1"])
    run(here, "out")
    export_folder(here / "out", here / "hf", ExportOptions(layout=("hf",)))
    run_files, hf_files = without_reports(here / "out"), without_reports(here / "hf")
    change_marks(here / "out", reject=["a/1"])
    for folder, pattern, triplets in (("hf", "*/target/*", here / "out"), ("out", "a/1_target*", None)):
        next((here / folder).glob(pattern)).write_bytes(b"damaged")
        assert verify(here / folder)
        assert repair(here / folder, triplets=triplets) == []
    assert without_reports(here / "out") == run_files
    assert without_reports(here / "hf") == hf_files


def test_training_leaves_them_out(here):
    change_marks(here / "in", reject=["b/1"])
    for quality, count in ((None, 4), (QualityOptions(ignore_marks=True), 5), (QualityOptions(keep="psnr > 0"), 4)):
        data = make_data(here, quality=quality)
        data.setup()
        found = [scene.sample_id(pair) for scene in data.scenes_of("predict") for pair in scene.pairs]
        assert len(found) == count
        assert ("b/1" in found) == (count == 5)


def test_training_from_shards_leaves_them_out(here):
    run(here, "out", "--layout", "webdataset")
    (shard,) = (here / "out").glob("*.tar")
    change_marks(here / "out", reject=["b/1"])
    for ignore, count in ((False, 4), (True, 5)):
        loader = ShardDataModule([str(shard)], ignore_marks=ignore).train_dataloader()
        found = [one for batch in loader for one in batch.id]
        assert len(found) == count
        assert ("b/1" in found) == ignore
