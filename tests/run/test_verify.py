"""Verification finds every damaged file, and repair brings back the very bytes."""

import json
from pathlib import Path

import pytest

from tests.writers.runs import run, tree
from warpdata.config import ExportOptions
from warpdata.errors import OutputError
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


def test_exit_codes_and_json(tmp_path, capsys):
    assert main([str(tmp_path)]) == UNUSABLE
    run(tmp_path)
    (tmp_path / "room" / "000002_splats.jpg").unlink()
    capsys.readouterr()
    assert main([str(tmp_path), "--json"]) == DAMAGED
    (damage,) = json.loads(capsys.readouterr().out)
    assert damage == {"path": str(tmp_path / "room" / "000002_splats.jpg"), "missing": True}
