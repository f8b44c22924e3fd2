"""The unit of a scene changes nothing; two units in one scene are found and named."""

import json

import numpy as np
import pytest

from tests.scenes import write_scene
from warpdata.programs.main import DONE, INCOMPLETE, UNUSABLE
from warpdata.programs.materialize import main


@pytest.fixture(autouse=True)
def cache_dir(tmp_path, monkeypatch):
    monkeypatch.setenv("WARPDATA_CACHE", str(tmp_path / "cache"))


def scene_in_units(folder, *, of_depth: float, of_poses: float):
    """The plane, its depth and its positions each multiplied by a factor."""
    write_scene(folder, 3, depth_suffix=".npy")
    for path in (folder / "depth").iterdir():
        np.save(path, np.load(path) * np.float32(of_depth))
    transforms = json.loads((folder / "transforms.json").read_text(encoding="utf-8"))
    for frame in transforms["frames"]:
        for row in frame["transform_matrix"][:3]:
            row[3] *= of_poses
    (folder / "transforms.json").write_text(json.dumps(transforms), encoding="utf-8")


def run(input_dir, output_dir, *flags) -> int:
    return main(["--input-dir", str(input_dir), "--output-dir", str(output_dir), "--quiet", *flags])


def pictures(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_a_scene_in_any_unit_gives_the_same_files(tmp_path):
    for exponent in (0, -20, 20):
        name = f"out{exponent}"
        scene_in_units(tmp_path / name / "in" / "s", of_depth=2.0**exponent, of_poses=2.0**exponent)
        assert run(tmp_path / name / "in", tmp_path / name / "out") == DONE
    ordinary = pictures(tmp_path / "out0" / "out" / "s")
    assert len(ordinary) == 10
    assert pictures(tmp_path / "out-20" / "out" / "s") == ordinary
    assert pictures(tmp_path / "out20" / "out" / "s") == ordinary


@pytest.mark.parametrize("factor", [1e-3, 1e-6, 1e9])
def test_decimal_units_score_alike(factor, tmp_path):
    scene_in_units(tmp_path / "a" / "s", of_depth=1.0, of_poses=1.0)
    scene_in_units(tmp_path / "b" / "s", of_depth=factor, of_poses=factor)
    reports = []
    for name in "ab":
        assert run(tmp_path / name, tmp_path / f"{name}-out") == DONE
        reports.append(json.loads((tmp_path / f"{name}-out" / "report.json").read_text(encoding="utf-8")))
    for score in ("hole_fraction", "psnr"):
        assert reports[0]["scenes"][0][score] == pytest.approx(reports[1]["scenes"][0][score], rel=0.01)


@pytest.mark.parametrize(("of_depth", "of_poses"), [(1.0, 1000.0), (1e-4, 1.0)])
def test_pairs_of_two_units_are_left_out_and_named(of_depth, of_poses, tmp_path):
    scene_in_units(tmp_path / "in" / "s", of_depth=of_depth, of_poses=of_poses)
    assert run(tmp_path / "in", tmp_path / "out") == INCOMPLETE
    (scene,) = json.loads((tmp_path / "out" / "report.json").read_text(encoding="utf-8"))["scenes"]
    assert scene["triplets"] == 0
    assert list(scene["left_out"]) == ["1", "2"]
    assert all("do poses and depth have one unit?" in reason for reason in scene["left_out"].values())
    assert not (tmp_path / "out" / "s").exists() or not pictures(tmp_path / "out" / "s")


def test_views_of_two_units_do_not_overlap_and_it_is_said(tmp_path):
    scene_in_units(tmp_path / "in" / "s", of_depth=1.0, of_poses=1000.0)
    assert run(tmp_path / "in", tmp_path / "out", "--pairs", "overlap") == INCOMPLETE
    (scene,) = json.loads((tmp_path / "out" / "report.json").read_text(encoding="utf-8"))["scenes"]
    assert scene["error"].startswith("no pair of its 3 views")
    assert scene["error"].endswith("do poses and depth have one unit?")


def test_a_renderer_that_does_not_exist_is_refused(tmp_path, capsys):
    assert run(tmp_path / "in", tmp_path / "out", "--backend", "gl") == UNUSABLE
    assert "choose from auto" in capsys.readouterr().err
