"""A run's output: the same bytes however it came about, and nothing of other people's is touched."""

import json
import os
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from tests.writers.runs import GEOMETRY, RUN, run, tree
from tests.writers.triplets import scene, triplet
from warpdata.config import ExportOptions, OutputOptions
from warpdata.errors import OutputError
from warpdata.writers.layouts.table import LAYOUTS
from warpdata.writers.output.journal import Journal
from warpdata.writers.output.session import RunInfo, open_writers

OPTIONAL = {"hf-parquet": "datasets", "litdata": "litdata"}
"""Layout -> the package that writes it. litdata pulls torchvision, so no extra has it."""


@pytest.fixture(params=LAYOUTS.names)
def layout(request) -> str:
    if request.param in OPTIONAL:
        pytest.importorskip(OPTIONAL[request.param], reason=f"writing {request.param} needs it")
    return request.param


def test_two_runs_give_equal_trees(layout, tmp_path):
    """The order in which triplets come does not matter either."""
    run(tmp_path / "a", layout, prompt="p")
    run(tmp_path / "b", layout, prompt="p", triplets=scene("room")[::-1] + scene("attic"))
    assert tree(tmp_path / "a") == tree(tmp_path / "b")
    assert not any(".warpdata" in path for path in tree(tmp_path / "a"))


def test_a_complete_output_is_not_made_again(layout, tmp_path):
    assert len(run(tmp_path, layout)) == 8
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    assert run(tmp_path, layout) == []
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


def test_a_deleted_file_is_noticed_and_remade(layout, tmp_path):
    run(tmp_path, layout, shard_samples=3)
    expected = tree(tmp_path)
    files = [path for path in sorted(expected) if path not in ("dataset.json", "manifest.jsonl")]
    for path in files[:: max(1, len(files) // 2)]:
        (tmp_path / path).unlink()
        run(tmp_path, layout, shard_samples=3)
        assert tree(tmp_path) == expected


def test_a_file_cut_short_is_noticed_and_remade(tmp_path):
    run(tmp_path)
    expected = tree(tmp_path)
    victim = tmp_path / "room" / "000002_splats.jpg"
    victim.write_bytes(victim.read_bytes()[:100])
    assert run(tmp_path) == ["room/000002"]
    assert tree(tmp_path) == expected


def test_several_layouts_come_from_one_rendering(tmp_path):
    run(tmp_path / "both", "modelscope", "webdataset", "folder")
    for layout in ("modelscope", "webdataset", "folder"):
        run(tmp_path / layout, layout)
        together = tree(tmp_path / "both" / layout)
        alone = tree(tmp_path / layout)
        assert together.pop("dataset.json") != alone.pop("dataset.json")  # it names the options
        assert together == alone


class Stopped(BaseException):
    """Stands for a kill in tests that run in one process."""


@pytest.mark.parametrize("layouts", [("folder",), ("modelscope",), ("webdataset", "folder")], ids="+".join)
def test_stopped_at_any_write_and_run_again_it_ends_the_same(layouts, tmp_path, monkeypatch):
    run(tmp_path / "calm", *layouts, shard_samples=3, triplets=scene(count=2))
    expected = tree(tmp_path / "calm")
    rename = os.replace
    for stop_at in range(0, 40, 5):
        root = tmp_path / str(stop_at)
        left = [stop_at]

        def stopping(source, target, left=left):
            if left[0] == 0:
                raise Stopped
            left[0] -= 1
            rename(source, target)

        monkeypatch.setattr(os, "replace", stopping)
        try:
            run(root, *layouts, shard_samples=3, triplets=scene(count=2))
        except Stopped:
            assert not (root / "dataset.json").exists()
        monkeypatch.setattr(os, "replace", rename)
        run(root, *layouts, shard_samples=3, triplets=scene(count=2))
        assert tree(root) == expected


def test_what_was_finished_is_not_made_again(layout, tmp_path):
    """Also where the layout's files come only at the end."""

    many = scene("attic", 15)  # more than are in the threads' hands at once

    def stopping():
        yield from many
        raise Stopped

    with pytest.raises(Stopped):
        run(tmp_path, layout, triplets=stopping())
    assert len(run(tmp_path, layout, triplets=many)) < len(many)


def test_a_journal_goes_on_after_a_write_that_failed(tmp_path):
    """What comes after half a line is read."""
    journal = Journal(tmp_path)
    journal.begin(["a"])

    class Full:
        def __init__(self, file):
            self.file = file

        def write(self, data):
            return self.file.write(data[:5])

    file, journal._file = journal._file, Full(journal._file)
    with pytest.raises(OutputError, match="disk is full"):
        journal.begin(["b"])
    journal._file = file
    journal.begin(["c"])
    journal.close()
    again = Journal(tmp_path)
    assert again.begun == {"a", "c"}
    again.close()


def test_a_journal_with_a_torn_last_line_is_read(tmp_path):
    run(tmp_path / "calm")

    def stopping():
        yield from scene("room")
        raise Stopped

    with pytest.raises(Stopped):
        run(tmp_path / "torn", triplets=stopping())
    journal = tmp_path / "torn" / ".warpdata" / "journal-0.jsonl"
    journal.write_bytes(journal.read_bytes()[:-25])
    run(tmp_path / "torn")
    assert tree(tmp_path / "torn") == tree(tmp_path / "calm")


@pytest.mark.parametrize(
    "changed",
    [
        {"run_info": RunInfo(options={"sigma": 12.0})},
        {"output": OutputOptions(output_format="png")},
        {"output": OutputOptions(coverage=False)},
        {"prompt": "another"},
    ],
)
def test_other_options_are_refused_unless_told_to_overwrite(changed, tmp_path):
    run(tmp_path)
    (tmp_path / "room" / "notes.txt").write_text("mine")
    (tmp_path / "room" / "000009_target.jpg").write_text("mine too")
    before = tree(tmp_path)
    with pytest.raises(OutputError, match=r"made with other options.*`overwrite=True`"):
        run(tmp_path, **changed)
    assert tree(tmp_path) == before

    output = replace(changed.pop("output", OutputOptions()), overwrite=True)
    run(tmp_path, output=output, **changed)
    run(tmp_path.with_name("fresh"), output=output, **changed)
    after = tree(tmp_path)
    assert after.pop("room/notes.txt") == before["room/notes.txt"]
    assert after.pop("room/000009_target.jpg") == before["room/000009_target.jpg"]
    assert after == tree(tmp_path.with_name("fresh"))


def test_another_layout_is_refused_unless_told_to_overwrite(tmp_path):
    run(tmp_path, "modelscope")
    with pytest.raises(OutputError, match="layout"):
        run(tmp_path, "webdataset")
    run(tmp_path, "webdataset", output=OutputOptions(overwrite=True))
    assert not list(tmp_path.glob("*.jpg"))


def test_other_input_is_refused_unless_told_to_overwrite(tmp_path):
    run(tmp_path)
    before = tree(tmp_path)
    with pytest.raises(OutputError, match="made from another input"):
        run(tmp_path, geometry={"model": "vggt"})
    with pytest.raises(OutputError, match="does not give"):
        run(tmp_path, triplets=scene("room"))
    assert tree(tmp_path) == before
    assert len(run(tmp_path, geometry={"model": "vggt"}, output=OutputOptions(overwrite=True))) == 8
    assert run(tmp_path, triplets=scene("room"), geometry=None, output=OutputOptions(overwrite=True)) == []
    assert not (tmp_path / "attic").exists()


def test_a_foreign_file_is_not_replaced(tmp_path):
    (tmp_path / "room").mkdir()
    foreign = tmp_path / "room" / "000002_target.jpg"
    foreign.write_text("mine")
    with pytest.raises(OutputError, match=r"000002_target\.jpg exists and is not of this export"):
        run(tmp_path)
    assert foreign.read_text() == "mine"


def test_a_triplet_that_failed_before_is_added_to_a_complete_output(layout, tmp_path):
    run(tmp_path / "late", layout, triplets=[*scene("attic"), *scene("room")[1:]])
    if layout in OPTIONAL:  # their files cannot be taken apart again
        with pytest.raises(OutputError, match="cannot be amended"):
            run(tmp_path / "late", layout)
        return
    assert run(tmp_path / "late", layout) == ["room/000001"]
    run(tmp_path / "calm", layout)
    assert tree(tmp_path / "late") == tree(tmp_path / "calm")


def test_two_runs_on_one_output(tmp_path):
    """The second says so at once and disturbs nothing."""
    started, go_on = threading.Event(), threading.Event()

    def first():
        with open_writers(ExportOptions(), OutputOptions(output_dir=tmp_path / "out"), RUN) as writers:
            for one in [*scene("attic"), *scene("room")]:
                writers.write(one, geometry=GEOMETRY)
                started.set()
                go_on.wait(10)

    thread = threading.Thread(target=first)
    thread.start()
    started.wait(10)
    with pytest.raises(OutputError, match="another run is writing"):
        run(tmp_path / "out")
    with pytest.raises(OutputError, match="another run is writing"):
        run(tmp_path / "out", worker=(1, 2))
    go_on.set()
    thread.join()
    run(tmp_path / "calm")
    assert tree(tmp_path / "out") == tree(tmp_path / "calm")


def test_each_frame_is_compressed_once(tmp_path, monkeypatch):
    import warpdata.writers.output.encoder as encode

    compressed = []
    original = encode.encode_image
    monkeypatch.setattr(encode, "encode_image", lambda image, kind: compressed.append(kind) or original(image, kind))
    triplets = [
        triplet("room", reference, target, name=f"{target:06d}__{reference:06d}")
        for target in range(4)
        for reference in range(4)
        if target != reference
    ]
    run(tmp_path, triplets=triplets)
    assert compressed.count("jpg") == 12 + 4  # splats, and four frames
    assert compressed.count("png") == 12 + 4  # coverage, and four references' confidence


def test_the_manifest_describes_every_file(tmp_path):
    run(tmp_path, prompt="warm light")
    lines = [json.loads(line) for line in (tmp_path / "manifest.jsonl").read_text().splitlines()]
    digests = tree(tmp_path)
    assert [line["id"] for line in lines] == sorted(line["id"] for line in lines)
    assert [line["index"] for line in lines] == list(range(1, 9))
    listed = {path: line["sha256"][role] for line in lines for role, path in line["files"].items()}
    about = json.loads((tmp_path / "dataset.json").read_text())
    assert about["manifest_sha256"] == digests["manifest.jsonl"]
    assert about["samples"] == 8
    assert listed == {path: sha256 for path, sha256 in digests.items() if Path(path).suffix in (".jpg", ".png")}
    one = scene("attic")[0]
    assert lines[0] | {"files": 0, "sha256": 0, "bytes": 0} == {
        "id": "attic/000001",
        "index": 1,
        "scene": "attic",
        "reference": "000000",
        "target": "000001",
        "size": [39, 26],
        "files": 0,
        "sha256": 0,
        "bytes": 0,
        "camera": {
            "convention": "opencv-w2c",
            "K_reference": one.reference_camera.K.tolist(),
            "K_target": one.target_camera.K.tolist(),
            "w2c_reference": one.reference_camera.cam_from_world.tolist(),
            "w2c_target": one.target_camera.cam_from_world.tolist(),
        },
        "warp": {"version": 1, "hole_fraction": 0.25},
        "geometry": GEOMETRY,
        "prompt": "warm light",
    }
