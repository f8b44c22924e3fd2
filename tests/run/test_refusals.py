"""What `materialize` refuses before it looks at a scene, and that nothing was touched then."""

from pathlib import Path

import pytest

from tests.scenes import write_scene
from tests.writers.runs import tree
from warpdata.programs.main import DONE, UNUSABLE
from warpdata.programs.materialize import main


@pytest.fixture
def here(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("WARPDATA_CACHE", str(tmp_path / "cache"))
    for name in ("a", "b"):
        write_scene(tmp_path / "in" / name)
    return tmp_path


def materialize(here: Path, output: str, *flags: str) -> int:
    return main(["--input-dir", str(here / "in"), "--output-dir", str(here / output), "--quiet", *flags])


@pytest.mark.parametrize("more", [(), ("--dry-run",)])
@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (("--layout", "fodler"), "there is no layout 'fodler'; choose from folder, webdataset"),
        (("--export-scenes", "colmpa"), "there is no scene format 'colmpa'; choose from colmap"),
        (("--prompt-file", "absent.tsv"), "absent.tsv"),
        (("--shard-url", "memory://x"), "--shard-url needs --layout"),
    ],
)
def test_a_wrong_option_is_refused_although_the_input_is_missing_too(flags, more, told, here, capsys):
    assert main(["--input-dir", str(here / "nowhere"), "--output-dir", str(here / "out"), *flags, *more]) == UNUSABLE
    assert told in capsys.readouterr().err
    assert not (here / "out").exists()
    assert not (here / "cache").exists()


@pytest.mark.parametrize(
    ("output", "told"), [("in", "is the input folder"), ("in/a", "lies inside of the input folder")]
)
def test_the_input_is_no_output(output, told, here, capsys):
    before = tree(here)
    assert materialize(here, output) == UNUSABLE
    assert told in capsys.readouterr().err
    assert tree(here) == before


def test_a_renamed_scene_is_refused_and_the_way_back_works(here, capsys):
    """`in/b` becomes `in/bee` and the same command runs: the output stays whole, and moving it back is enough."""
    assert materialize(here, "out", "--layout", "folder", "webdataset") == DONE
    before = tree(here / "out")
    (here / "in" / "b").rename(here / "in" / "bee")
    assert materialize(here, "out", "--layout", "folder", "webdataset") == UNUSABLE
    assert "does not give (b/" in capsys.readouterr().err
    assert tree(here / "out") == before
    (here / "in" / "bee").rename(here / "in" / "b")
    assert materialize(here, "out", "--layout", "folder", "webdataset") == DONE
    after = tree(here / "out")
    assert {path for path in before if before[path] != after.get(path)} <= {"report.json", "report.html"}


def test_why_a_scene_gives_nothing_is_said_when_its_triplets_are_missed(here, capsys):
    assert materialize(here, "out") == DONE
    triplets = {
        path: content for path, content in tree(here / "out").items() if path not in ("report.json", "report.html")
    }
    (here / "in" / "b" / "transforms.json").write_text("{")
    assert materialize(here, "out") == UNUSABLE
    said = capsys.readouterr().err
    assert "does not give (b/" in said
    assert "Left out were b: " in said
    assert "transforms.json" in said
    after = tree(here / "out")
    assert all(after[path] == content for path, content in triplets.items())


def test_triplets_are_not_written_among_the_files_of_the_scene_they_are_made_from(here, capsys):
    before = tree(here / "in")
    assert main(["--input-dir", str(here / "in" / "a"), "--output-dir", str(here / "in"), "--quiet"]) == UNUSABLE
    assert "among its files; choose another --output-dir" in capsys.readouterr().err
    assert tree(here / "in") == before


def test_the_report_names_height_and_width(here):
    import json

    assert materialize(here, "out") == DONE
    (scene, _) = json.loads((here / "out" / "report.json").read_text())["scenes"]
    assert scene["hw"] == [48, 70]
    assert "size" not in scene
