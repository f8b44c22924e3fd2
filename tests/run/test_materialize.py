"""The program as a user runs it: triplets from a folder, whatever is wrong with some of it."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.scenes import HW, edit_transforms, plane_camera, plane_picture, write_image, write_photos, write_scene
from warpdata.config import SourceOptions
from warpdata.programs.main import DONE, INCOMPLETE, UNUSABLE
from warpdata.programs.materialize import main
from warpdata.run.options import MaterializeOptions


@pytest.fixture(autouse=True)
def cache_dir(tmp_path, monkeypatch):
    monkeypatch.setenv("WARPDATA_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def input_dir(tmp_path):
    """Two scenes of three and four views with cameras and depth."""
    write_scene(tmp_path / "in" / "a", 3)
    write_scene(tmp_path / "in" / "b", 4)
    return tmp_path / "in"


def run(input_dir, output_dir, *flags):
    try:
        return main(["--input-dir", str(input_dir), "--output-dir", str(output_dir), "--quiet", *flags])
    except SystemExit as exit:  # how the parser of the command line ends
        return exit.code


def tree(folder):
    """Relative path -> bytes of every file but the page, which names its own folder and how long the run took."""
    files = [path for path in folder.rglob("*") if path.is_file() and path.name != "report.html"]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def report_of(output_dir):
    return json.loads((output_dir / "report.json").read_text(encoding="utf-8"))


def test_triplets_come_out(input_dir, tmp_path):
    assert run(input_dir, tmp_path / "out") == DONE
    names = sorted(path.name for path in (tmp_path / "out" / "a").iterdir())
    roles = ["confidence.png", "coverage.png", "reference.jpg", "splats.jpg", "target.jpg"]
    assert names == [f"{index}_{role}" for index in (1, 2) for role in roles]
    manifest = [json.loads(line) for line in (tmp_path / "out" / "manifest.jsonl").read_text().splitlines()]
    assert [line["id"] for line in manifest] == ["a/1", "a/2", "b/1", "b/2", "b/3"]
    assert [line["reference"] for line in manifest] == ["0", "1", "0", "1", "2"]
    (geometry,) = json.loads((tmp_path / "out" / "dataset.json").read_text(encoding="utf-8"))["geometry"]
    assert (geometry["model"], geometry["weights"], geometry["source_license"]) == ("given", None, None)
    report = report_of(tmp_path / "out")
    assert report["triplets"] == 5
    assert [scene["scene"] for scene in report["scenes"]] == ["a", "b"]
    assert all(scene["psnr"] > 25 and scene["geometry"].startswith("given") for scene in report["scenes"])


def test_a_second_run_changes_nothing_and_renders_nothing(input_dir, tmp_path, monkeypatch):
    run(input_dir, tmp_path / "out")
    before = tree(tmp_path / "out")
    monkeypatch.setattr("warpdata.triplets.stream.render_triplets", None)
    assert run(input_dir, tmp_path / "out") == DONE
    after = tree(tmp_path / "out")
    assert before.keys() == after.keys()
    for name in before.keys() - {"report.json"}:
        assert before[name] == after[name], name


def test_a_deleted_file_is_made_again(input_dir, tmp_path):
    run(input_dir, tmp_path / "out")
    before = tree(tmp_path / "out")
    (tmp_path / "out" / "b" / "2_target.jpg").unlink()
    assert run(input_dir, tmp_path / "out") == DONE
    assert tree(tmp_path / "out") == before


def test_killed_and_run_again_it_ends_with_the_same_bytes(input_dir, tmp_path):
    run(input_dir, tmp_path / "whole")
    command = [sys.executable, "-m", "warpdata.materialize", "--input-dir", str(input_dir)]
    command += ["--output-dir", str(tmp_path / "killed"), "--quiet"]
    process = subprocess.Popen(command, env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)})
    deadline = time.monotonic() + 120
    while not list((tmp_path / "killed").rglob("*_splats.jpg")) and process.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.kill()
    process.wait()
    assert run(input_dir, tmp_path / "killed") == DONE
    assert tree(tmp_path / "killed") == tree(tmp_path / "whole")


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C cannot be sent to a single process on Windows")
def test_ctrl_c_says_how_to_go_on(input_dir, tmp_path):
    command = [sys.executable, "-m", "warpdata.materialize", "--input-dir", str(input_dir)]
    command += ["--output-dir", str(tmp_path / "out"), "--quiet", "--pairs", "all", "--both-directions"]
    process = subprocess.Popen(
        command, env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}, stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 120
    while not list((tmp_path / "out").rglob("*_splats.jpg")) and process.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, messages = process.communicate(timeout=60)
    if process.returncode != DONE:  # it may have been faster
        assert process.returncode == 130
        assert "the same command goes on" in messages
        assert "Traceback" not in messages


def test_other_options_are_refused_unless_told_to_overwrite(input_dir, tmp_path, capsys):
    run(input_dir, tmp_path / "out")
    assert run(input_dir, tmp_path / "out", "--sigma", "7") == UNUSABLE
    assert "--overwrite" in capsys.readouterr().err
    assert run(input_dir, tmp_path / "out", "--sigma", "7", "--overwrite") == DONE
    run(input_dir, tmp_path / "fresh", "--sigma", "7")
    changed, fresh = tree(tmp_path / "out"), tree(tmp_path / "fresh")
    assert changed.keys() == fresh.keys()
    assert all(changed[name] == fresh[name] for name in fresh.keys() - {"report.json"})


def test_sizes_flags_and_formats(input_dir, tmp_path):
    flags = ["--resize-width", "60", "--resize-height", "50", "--multiple", "16", "--output-format", "png"]
    assert run(input_dir, tmp_path / "out", *flags, "--no-confidence", "--save-ply") == DONE
    for role in ("splats", "reference", "target"):
        with Image.open(tmp_path / "out" / "a" / f"1_{role}.png") as image:
            assert image.size == (48, 48)
    assert not list((tmp_path / "out").rglob("*_confidence.png"))
    assert (tmp_path / "out" / "a" / "1_reference.ply").read_bytes().startswith(b"ply\nformat binary_little_endian")


def test_the_seeds_flags_are_taken(input_dir, tmp_path):
    flags = ["--upsample-depth", "--auto-s0", "--auto-skip", "--target-overlap", "0.9", "--limit", "10"]
    flags += ["--depth-conf-threshold", "1.5", "--sigma", "12", "--filter-black-bg", "--filter-white-bg"]
    flags += ["--preprocess-mode", "pad", "--device", "cpu", "--max-megapixels", "0"]
    assert run(input_dir, tmp_path / "out", *flags) == DONE


def test_pairs_in_both_directions_are_named_after_both_views(input_dir, tmp_path):
    assert run(input_dir, tmp_path / "out", "--pairs", "window", "--pair-window", "2", "--both-directions") == DONE
    assert report_of(tmp_path / "out")["triplets"] == 6 + 10
    assert (tmp_path / "out" / "a" / "0__2_splats.jpg").is_file()


def test_dry_run_writes_nothing(input_dir, tmp_path, capsys):
    assert run(input_dir, tmp_path / "out", "--dry-run") == DONE
    assert "5 triplets" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
    assert not (tmp_path / "cache").exists()


def test_one_broken_view_costs_that_view_alone(input_dir, tmp_path):
    picture = input_dir / "b" / "images" / "1.png"
    picture.write_bytes(picture.read_bytes()[:-200])
    assert run(input_dir, tmp_path / "out") == INCOMPLETE
    report = report_of(tmp_path / "out")
    assert [scene["triplets"] for scene in report["scenes"]] == [2, 2]
    (name, reason), *others = report["scenes"][1]["left_out"].items()
    assert (name, others) == ("1", [])
    assert "1.png" in reason
    assert (tmp_path / "out" / "b" / "2_splats.jpg").is_file()


def test_one_broken_scene_costs_that_scene_alone(input_dir, tmp_path, capsys):
    (input_dir / "a" / "transforms.json").write_text("{", encoding="utf-8")
    assert run(input_dir, tmp_path / "out") == INCOMPLETE
    report = report_of(tmp_path / "out")
    assert "transforms.json" in report["scenes"][0]["error"]
    assert report["scenes"][1]["triplets"] == 3
    assert "left out a" in capsys.readouterr().err


def test_a_bad_camera_costs_its_view(input_dir, tmp_path):
    edit_transforms(input_dir / "b", 2, transform_matrix=np.diag([2.0, 1, 1, 1]).tolist())
    assert run(input_dir, tmp_path / "out") == INCOMPLETE
    assert "rigid" in str(report_of(tmp_path / "out")["scenes"][1]["left_out"])


def test_a_path_out_of_the_scene_is_refused(input_dir, tmp_path):
    write_image(tmp_path / "secret.png")
    edit_transforms(input_dir / "b", 0, file_path="../../secret.png")
    assert run(input_dir, tmp_path / "out") == INCOMPLETE
    assert "secret" in str(report_of(tmp_path / "out")["scenes"][1]["left_out"])


def test_mixed_sizes_give_triplets_of_one_size(tmp_path):
    write_scene(tmp_path / "in" / "a", 3)
    small = Image.open(tmp_path / "in" / "a" / "images" / "1.png").resize((HW[1] // 2, HW[0] // 2))
    small.save(tmp_path / "in" / "a" / "images" / "1.png")
    assert run(tmp_path / "in", tmp_path / "out") == DONE
    sizes = {Image.open(path).convert("RGB").size for path in (tmp_path / "out" / "a").iterdir()}
    assert sizes == {(HW[1] // 2, HW[0] // 2)}


def test_photos_alone_need_an_estimator_and_say_so(tmp_path):
    write_photos(tmp_path / "in" / "a")
    assert run(tmp_path / "in", tmp_path / "out", "--geometry", "given") == INCOMPLETE
    assert report_of(tmp_path / "out")["scenes"][0]["error"]


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--limit", "1"], "a pair needs two views"),
        (["--resize-width", "10"], "go together"),
        (["--skip-every", "2", "--auto-skip"], "give one of them"),
        (["--sigma", "-1"], "--sigma"),
        (["--far", "inf"], "--far is inf; it must be a finite number"),
        (["--depth-conf-threshold", "nan"], "--depth-conf-threshold is nan"),
        (["--decode-threads", "0", "--dry-run"], "--decode-threads is 0"),
        (["--write-threads", "-1", "--dry-run"], "--write-threads is -1"),
    ],
)
def test_arguments_that_make_no_sense_end_with_2(input_dir, tmp_path, capsys, flags, message):
    assert run(input_dir, tmp_path / "out", *flags) == UNUSABLE
    assert message in " ".join(capsys.readouterr().err.replace("│", " ").split())


def test_a_missing_input_ends_with_2(tmp_path, capsys):
    assert run(tmp_path / "nowhere", tmp_path / "out") == UNUSABLE
    assert "nowhere" in capsys.readouterr().err


def test_an_output_that_is_a_file_ends_with_2(input_dir, tmp_path, capsys):
    Path(tmp_path / "out").write_text("in the way", encoding="utf-8")
    assert run(input_dir, tmp_path / "out") == UNUSABLE
    assert str(tmp_path / "out") in capsys.readouterr().err


def planned(input_dir, tmp_path, capsys, *flags):
    capsys.readouterr()
    code = run(input_dir, tmp_path / "dry", "--dry-run", *flags)
    return code, capsys.readouterr().err


def test_one_small_view_is_left_out_and_shrinks_nothing(tmp_path, capsys):
    folder = tmp_path / "in" / "s"
    write_scene(folder, 5, hw=(96, 140))
    write_image(folder / "images" / "2.png", plane_picture(plane_camera(2, (24, 35))))
    assert run(tmp_path / "in", tmp_path / "out") == INCOMPLETE
    (scene,) = report_of(tmp_path / "out")["scenes"]
    assert scene["hw"] == [96, 140]
    assert scene["triplets"] == 3
    assert list(scene["left_out"]) == ["2"]
    code, said = planned(tmp_path / "in", tmp_path, capsys)
    assert code == INCOMPLETE
    assert "s: 4 views, 3 triplets of 140 x 96" in said
    assert scene["left_out"]["2"].replace("`keep_odd_views=True`", "--keep-odd-views") in said
    assert run(tmp_path / "in", tmp_path / "all", "--keep-odd-views") == DONE
    assert report_of(tmp_path / "all")["scenes"][0]["hw"] == [24, 35]
    assert "s: 5 views, 4 triplets of 35 x 24" in planned(tmp_path / "in", tmp_path, capsys, "--keep-odd-views")[1]


def test_a_copy_of_a_view_is_left_out_of_pairs_and_exports(tmp_path, capsys):
    folder = tmp_path / "in" / "s"
    write_scene(folder, 4)
    for part in ("images", "depth"):
        (folder / part / "2.png").write_bytes((folder / part / "1.png").read_bytes())
    assert run(tmp_path / "in", tmp_path / "out", "--export-scenes", "nerfstudio") == INCOMPLETE
    (scene,) = report_of(tmp_path / "out")["scenes"]
    assert list(scene["left_out"]) == ["2"]
    assert scene["left_out"]["2"].startswith("its picture is identical to that of 1;")
    assert sorted(path.name for path in (tmp_path / "out").rglob("*_target.jpg")) == ["1_target.jpg", "3_target.jpg"]
    exported = json.loads((tmp_path / "out" / "scenes" / "nerfstudio" / "s" / "transforms.json").read_text())
    assert [frame["file_path"] for frame in exported["frames"]] == [f"images/{k}.jpg" for k in (0, 1, 3)]
    assert "s: 3 views, 2 triplets" in planned(tmp_path / "in", tmp_path, capsys)[1]
    assert run(tmp_path / "in", tmp_path / "all", "--keep-odd-views") == DONE


def test_files_that_are_not_used_are_noted_in_the_report(tmp_path, capsys):
    write_scene(tmp_path / "in" / "s")
    (tmp_path / "in" / "s" / "transforms.json").rename(tmp_path / "in" / "s" / "transforms_all.json")
    assert run(tmp_path / "in", tmp_path / "out", "--geometry", "given") == INCOMPLETE
    (note,) = report_of(tmp_path / "out")["scenes"][0]["notes"]
    assert "transforms_all.json may hold cameras, and is not read" in note
    assert note in capsys.readouterr().err


def test_options_that_came_later_do_not_make_another_data_set():
    """Outputs of before can be continued: what they depend on does not name options that are not used."""
    depends_on = MaterializeOptions().what_triplets_depend_on()["source"]
    assert sorted(depends_on) == ["auto_skip", "limit", "skip_every", "target_overlap"]
    asked = MaterializeOptions(source=SourceOptions(keep_odd_views=True)).what_triplets_depend_on()["source"]
    assert asked == depends_on | {"keep_odd_views": True}
