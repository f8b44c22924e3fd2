"""`python -m warpdata.export`: the seed's conversions under its flags, for its folders and for ours."""

import json
import shutil
from pathlib import Path

import pytest
from PIL import Image

from tests.writers.runs import run, tree
from tests.writers.triplets import scene
from warpdata.config import ExportOptions, OutputOptions
from warpdata.errors import OutputError
from warpdata.programs.export import main
from warpdata.programs.main import DONE, UNUSABLE
from warpdata.run.export import export_folder


@pytest.fixture
def here(tmp_path, monkeypatch) -> Path:
    """A working folder with a triplet folder called `output` in it."""
    monkeypatch.chdir(tmp_path)
    run(tmp_path / "output")
    return tmp_path


def test_modelscope_under_the_seeds_flags(here):
    flags = ["--layout", "modelscope", "--output-dir", "output", "--modelscope-dir", "modelscope-dataset"]
    assert main([*flags, "--prompt", "a beautiful landscape", "--quiet"]) == DONE
    names = {path.name for path in (here / "modelscope-dataset").glob("*_*")} | {"dataset.json", "manifest.jsonl"}
    expected = {f"{n}_{part}.jpg" for n in range(1, 9) for part in ("start_1", "start_2", "end")}
    assert names == expected | {"dataset.json", "manifest.jsonl"}
    assert (here / "modelscope-dataset" / "8.txt").read_bytes() == b"a beautiful landscape"
    for part, role in (("start_1", "splats"), ("start_2", "reference"), ("end", "target")):
        found = (here / "modelscope-dataset" / f"5_{part}.jpg").read_bytes()
        assert found == (here / "output" / "room" / f"000001_{role}.jpg").read_bytes()


def test_aitoolkit_under_the_seeds_flags(here):
    """All triplets, not one a scene; into the seed's default folder."""
    assert main(["--layout", "aitoolkit", "--prompt", "refer to image 2", "--quiet"]) == DONE
    for folder in ("control1", "control2", "target"):
        names = {path.name for path in (here / "aitoolkit-dataset" / folder).glob("*.jpg")}
        assert names == {f"{n}.jpg" for n in range(1, 9)}
    assert (here / "aitoolkit-dataset" / "target" / "3.txt").read_text() == "refer to image 2"


def test_the_layout_that_is_read_is_not_written_again(here, capsys):
    assert main(["--layout", "folder", "hf", "--export-dir", "again", "--quiet"]) == UNUSABLE
    assert "has the layout folder already" in capsys.readouterr().err
    assert not (here / "again").exists()


def test_several_layouts_at_once(here):
    assert main(["--layout", "webdataset", "musubi", "--export-dir", "both", "--quiet"]) == DONE
    run(here / "direct", "webdataset", "musubi")
    for layout in ("webdataset", "musubi"):
        exported, direct = tree(here / "both" / layout), tree(here / "direct" / layout)
        assert exported.pop("dataset.json") != direct.pop("dataset.json")  # made from other options
        assert exported == direct


def test_a_folder_of_the_seeds_program(tmp_path):
    """No manifest, names with dots and spaces, capitals in extensions, and an incomplete triplet."""
    for scene_name, stem, extension in (
        ("my scene", "IMG_1.5", "jpg"),
        ("my scene", "IMG_1 5", "jpg"),
        ("other", "ü", "PNG"),
        ("other", "broken", "png"),
    ):
        folder = tmp_path / "output" / scene_name
        folder.mkdir(parents=True, exist_ok=True)
        for role, grey in (("splats", 50), ("reference", 100), ("target", 150)):
            Image.new("RGB", (32, 16), (grey,) * 3).save(folder / f"{stem}_{role}.{extension}")
    (tmp_path / "output" / "other" / "broken_reference.png").unlink()
    (tmp_path / "output" / ".hidden").mkdir()
    with pytest.raises(OutputError, match=r"\.jpg and \.png"):
        export_folder(tmp_path / "output", tmp_path / "shards", ExportOptions(layout=("webdataset",)))
    export_folder(tmp_path / "output", tmp_path / "out", ExportOptions(layout=("modelscope",)))
    lines = [json.loads(line) for line in (tmp_path / "out" / "manifest.jsonl").read_text().splitlines()]
    assert len({line["id"] for line in lines}) == len(lines) == 3
    assert all(
        set(line["id"]) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-/") for line in lines
    )
    with Image.open(tmp_path / "out" / "2_end.jpg") as image:
        assert image.getpixel((0, 0)) == (150, 150, 150)


def test_prompts_by_scene_and_by_sample(here, tmp_path):
    texts = {"room": 'with "quotes", commas', "room/000002": "two\nlines 🙂", "attic/000001": ""}
    (tmp_path / "texts.json").write_text(json.dumps(texts))
    (tmp_path / "texts.tsv").write_text("room\troom text\nroom/000002\town\ttext\n")
    options = ExportOptions(layout=("modelscope",), prompt="for all", prompt_file=tmp_path / "texts.json")
    export_folder(here / "output", tmp_path / "json", options)
    found = [(tmp_path / "json" / f"{n}.txt").read_bytes().decode() for n in range(1, 9)]
    assert found == ["", "for all", "for all", "for all", texts["room"], texts["room/000002"], *[texts["room"]] * 2]
    options = ExportOptions(layout=("modelscope",), prompt_file=tmp_path / "texts.tsv")
    export_folder(here / "output", tmp_path / "tsv", options)
    assert not (tmp_path / "tsv" / "1.txt").exists()
    assert (tmp_path / "tsv" / "6.txt").read_text() == "own\ttext"


@pytest.mark.parametrize("content", ['["a list"]', '{"room": 3}', "{", "no tab"])
def test_a_prompt_file_of_another_form_is_refused(content, here, capsys):
    path = here / ("texts.tsv" if content == "no tab" else "texts.json")
    path.write_text(content)
    assert main(["--layout", "modelscope", "--prompt-file", str(path), "--quiet"]) == UNUSABLE


def test_a_changed_folder_is_refused_unless_told_to_overwrite(here):
    root = here / "pairs"
    options = ExportOptions(layout=("modelscope",))
    export_folder(here / "output", root, options)
    assert export_folder(here / "output", root, options) == []
    shutil.rmtree(here / "output")
    run(here / "output", triplets=scene("room", 2))
    with pytest.raises(OutputError, match=r"triplets are others.*`overwrite=True`"):
        export_folder(here / "output", root, options)
    export_folder(here / "output", root, options, overwrite=True)
    assert {path.name for path in root.glob("*.jpg")} == {
        f"{n}_{p}.jpg" for n in (1, 2) for p in ("start_1", "start_2", "end")
    }


def test_what_cannot_be_exported(here, tmp_path):
    options = ExportOptions(layout=("modelscope",))
    export_folder(here / "output", here / "pairs", options)
    with pytest.raises(OutputError, match="layout modelscope; export from a triplet folder"):
        export_folder(here / "pairs", here / "again", options)
    with pytest.raises(OutputError, match="itself"):
        export_folder(here / "output", here / "output", options)
    with pytest.raises(OutputError, match="holds no triplets"):
        export_folder(tmp_path / "nothing", here / "x", options)
    (here / "output" / "room" / "000003_target.jpg").unlink()
    with pytest.raises(OutputError, match=r"000003_target\.jpg is missing"):
        export_folder(here / "output", here / "y", options)


@pytest.mark.parametrize(
    "change",
    [
        {"files": {"splats": "../secret", "reference": "b", "target": "c"}},
        {"files": {"splats": "/etc/passwd", "reference": "b", "target": "c"}},
        {"files": {"splats": "..\\secret", "reference": "b", "target": "c"}},
        {"id": "../secret/x"},
        {"shard": "../secret.tar"},
        {"size": None},
        {"unknown": 1},
    ],
)
def test_a_manifest_cannot_reach_outside_of_its_folder(change, here):
    """Neither an export nor an overwriting run follows a path out of the folder."""
    secret = here / "secret"
    secret.write_text("mine")
    manifest = here / "output" / "manifest.jsonl"
    line = json.loads(manifest.read_text().splitlines()[0]) | change
    manifest.write_text(json.dumps(line) + "\n")
    with pytest.raises(OutputError, match=r"manifest\.jsonl is damaged"):
        export_folder(here / "output", here / "x", ExportOptions(layout=("modelscope",)))
    with pytest.raises(OutputError, match=r"manifest\.jsonl is damaged"):
        run(here / "output", "modelscope", output=OutputOptions(overwrite=True))
    assert secret.read_text() == "mine"


def test_linked_files_take_no_space_twice(here):
    export_folder(here / "output", here / "linked", ExportOptions(layout=("modelscope",)), link=True)
    export_folder(here / "output", here / "copied", ExportOptions(layout=("modelscope",)))
    assert tree(here / "linked") == tree(here / "copied")
    original = here / "output" / "attic" / "000001_splats.jpg"
    assert (here / "linked" / "1_start_1.jpg").samefile(original)
    assert not (here / "copied" / "1_start_1.jpg").samefile(original)


def test_two_workers_share_out_the_shards(here):
    """Each writes its own; the last one to finish writes the index. The tree is that of one worker."""
    options = {"layout": ("webdataset",), "shard_samples": 2}
    export_folder(here / "output", here / "one", ExportOptions(**options))
    assert export_folder(here / "output", here / "two", ExportOptions(**options, worker=(1, 2))) == []
    names = {path.name for path in (here / "two").glob("*.*") if path.is_file()}
    assert names == {"train-000001.tar", "train-000003.tar"}
    assert export_folder(here / "output", here / "two", ExportOptions(**options, worker=(0, 2)))
    assert tree(here / "two") == tree(here / "one")
