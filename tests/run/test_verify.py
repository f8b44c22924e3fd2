"""Verification finds every damaged file, and repair brings back the very bytes."""

import json
import shutil
from pathlib import Path

import pytest

import warpdata.run.verify
from tests.writers.runs import run, tree
from tests.writers.triplets import scene
from warpdata.config import ExportOptions
from warpdata.errors import OutputError, SourceError
from warpdata.programs.main import DONE as INTACT
from warpdata.programs.main import INCOMPLETE as DAMAGED
from warpdata.programs.main import UNUSABLE
from warpdata.programs.materialize import main as materialize
from warpdata.programs.verify import main
from warpdata.run.export import export_folder
from warpdata.run.verify import repair, verify

LAYOUTS = ("modelscope", "diffsynth", "aitoolkit", "musubi", "hf", "webdataset", "sharegpt")


def flip(path: Path) -> None:
    """Change one byte; the length stays."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def test_every_file_is_covered(tmp_path):
    """One changed byte anywhere is found, and only it."""
    run(tmp_path, "folder", *LAYOUTS, prompt="p", shard_samples=3)
    assert verify(tmp_path) == []
    for path in sorted(tree(tmp_path)):
        if path.endswith("dataset.json"):
            continue
        copy = (tmp_path / path).read_bytes()
        (tmp_path / path).unlink()  # not in place: the folder's pictures are shared through links
        (tmp_path / path).write_bytes(copy)
        flip(tmp_path / path)
        assert [damage.root / damage.path for damage in verify(tmp_path)] == [tmp_path / path]
        (tmp_path / path).write_bytes(copy)
    assert verify(tmp_path) == []


def test_an_export_is_repaired_from_its_triplets(tmp_path):
    run(tmp_path / "output", prompt="p")
    for layout in LAYOUTS:
        root = tmp_path / layout
        export_folder(tmp_path / "output", root, ExportOptions(layout=(layout,), shard_samples=3, prompt="own"))
        expected = tree(root)
        victims = [path for path in sorted(expected) if path not in ("dataset.json", "manifest.jsonl")]
        flip(root / victims[0])
        (root / victims[-1]).unlink()
        (root / victims[len(victims) // 2]).write_bytes(b"")
        assert len(verify(root)) == 3
        assert repair(root, triplets=tmp_path / "output") == []
        assert tree(root) == expected


def test_a_picture_with_another_copy_needs_nothing_else(tmp_path):
    """The target of one triplet is the reference of the next."""
    run(tmp_path)
    expected = tree(tmp_path)
    flip(tmp_path / "room" / "000002_target.jpg")
    assert repair(tmp_path) == []
    assert tree(tmp_path) == expected


def test_without_a_source_it_says_what_to_do(tmp_path):
    run(tmp_path)
    (tmp_path / "room" / "000002_splats.jpg").unlink()
    with pytest.raises(OutputError, match="run the command that made it again"):
        repair(tmp_path)


def test_a_run_is_repaired_by_rendering(tmp_path, monkeypatch):
    """The whole way, on the shipped sample."""
    samples = Path(__file__).parents[2] / "samples"
    monkeypatch.setenv("WARPDATA_CACHE", str(tmp_path / "cache"))
    flags = ["--input-dir", str(samples), "--limit", "3", "--max-megapixels", "0.02", "--quiet"]
    root = tmp_path / "out"
    assert materialize([*flags, "--output-dir", str(root), "--layout", "webdataset", "folder"]) == 0
    expected = tree(root)
    assert main([str(root)]) == INTACT
    (victim, *_) = (root / "folder").rglob("*_splats.jpg")
    victim.unlink()
    flip(root / "webdataset" / "train-000000.tar")
    assert main([str(root)]) == DAMAGED
    assert main([str(root), "--repair"]) == INTACT
    assert tree(root) == expected
    flip(root / "folder" / "manifest.jsonl")
    assert main([str(root), "--repair"]) == INTACT
    assert tree(root) == expected


def samples_run(root: Path, cache: Path, *flags: str) -> None:
    """Two tiny triplets of the shipped sample."""
    samples = Path(__file__).parents[2] / "samples"
    size = ["--limit", "3", "--max-megapixels", "0.02", "--quiet", "--cache-dir", str(cache)]
    assert materialize(["--input-dir", str(samples), *size, "--output-dir", str(root), *flags]) == 0


def test_one_layout_of_several_is_repaired_by_the_run_that_wrote_it(tmp_path, monkeypatch):
    """Linked copies are damaged together; `report.json` lies a folder above."""
    monkeypatch.setenv("WARPDATA_CACHE", str(tmp_path / "cache"))
    root = tmp_path / "out"
    samples_run(root, tmp_path / "cache", "--layout", "folder", "modelscope", "webdataset")
    expected = tree(root)
    (victim, *_) = sorted((root / "folder").rglob("*_splats.jpg"))
    flip(victim)
    (root / "webdataset" / "train-000000.tar").unlink()
    assert main([str(root / "folder")]) == DAMAGED
    assert main([str(root / "folder"), "--repair"]) == INTACT
    assert tree(root) == expected


def test_a_whole_layout_or_scene_export_that_is_gone_is_missed_and_made_again(tmp_path, monkeypatch):
    monkeypatch.setenv("WARPDATA_CACHE", str(tmp_path / "cache"))
    root = tmp_path / "out"
    layouts = ["--layout", "folder", "modelscope", "webdataset"]
    samples_run(root, tmp_path / "cache", *layouts, "--export-scenes", "colmap")
    expected = tree(root)
    shutil.rmtree(root / "webdataset")
    shutil.rmtree(root / "scenes" / "colmap")
    assert main([str(root), "--repair"]) == INTACT
    assert tree(root) == expected
    shutil.rmtree(root / "webdataset")
    shutil.rmtree(root / "scenes" / "colmap")
    (root / "modelscope" / "dataset.json").unlink()
    gone = [root / "modelscope", root / "scenes" / "colmap", root / "webdataset"]
    assert [damage.root / damage.path for damage in verify(root)] == [folder / "dataset.json" for folder in gone]
    assert main([str(root)]) == DAMAGED
    assert main([str(root), "--repair"]) == INTACT
    assert tree(root) == expected


def test_a_copy_in_another_layout_of_the_run_is_enough(tmp_path):
    run(tmp_path, "folder", "modelscope")
    expected = tree(tmp_path)
    (tmp_path / "folder" / "room" / "000002_splats.jpg").unlink()
    assert repair(tmp_path / "folder") == []
    assert tree(tmp_path) == expected


def test_what_cannot_be_made_again_stays_as_it_is(tmp_path, monkeypatch):
    """Without a report, with a triplet folder of other triplets, or without the scenes: nothing is removed."""
    monkeypatch.setenv("WARPDATA_CACHE", str(tmp_path / "cache"))
    run(tmp_path / "out", "folder", "webdataset")
    run(tmp_path / "other", triplets=[])
    run(tmp_path / "triplets", prompt="a")
    run(tmp_path / "others", prompt="b", triplets=scene("attic"))
    export_folder(tmp_path / "triplets", tmp_path / "export", ExportOptions(layout=("modelscope",)))
    samples_run(tmp_path / "rendered", tmp_path / "cache")
    (victim, *_) = sorted((tmp_path / "rendered").rglob("*_splats.jpg"))
    for path in (victim, tmp_path / "out/folder/room/000002_splats.jpg", tmp_path / "export/7_start_1.jpg"):
        flip(path)
    flip(tmp_path / "out/webdataset/train-000000.tar")
    before = tree(tmp_path)
    with pytest.raises(OutputError, match=r"no report\.json .* nothing was changed"):
        repair(tmp_path / "out" / "folder")
    with pytest.raises(OutputError, match="made from other triplets"):
        repair(tmp_path / "export", triplets=tmp_path / "others")
    with pytest.raises(SourceError):
        repair(tmp_path / "rendered", input_dir=tmp_path / "nowhere")
    assert tree(tmp_path) == before


def test_a_damaged_file_comes_back_when_making_it_again_fails(tmp_path, monkeypatch):
    monkeypatch.setenv("WARPDATA_CACHE", str(tmp_path / "cache"))
    samples_run(tmp_path / "out", tmp_path / "cache")
    (victim, *_) = sorted((tmp_path / "out").rglob("*_splats.jpg"))
    flip(victim)
    before = tree(tmp_path / "out")

    def fail(options, display, **rest):
        assert not victim.exists()
        raise OutputError("the disk is full")

    monkeypatch.setattr(warpdata.run.verify, "materialize", fail)
    with pytest.raises(OutputError, match="disk is full"):
        repair(tmp_path / "out")
    assert tree(tmp_path / "out") == before


def test_exit_codes_and_json(tmp_path, capsys):
    assert main([str(tmp_path)]) == UNUSABLE
    run(tmp_path)
    (tmp_path / "room" / "000002_splats.jpg").unlink()
    capsys.readouterr()
    assert main([str(tmp_path), "--json"]) == DAMAGED
    (damage,) = json.loads(capsys.readouterr().out)
    assert damage == {"path": str(tmp_path / "room" / "000002_splats.jpg"), "missing": True}
