"""The example plugin, installed as a user would: a source, an estimator and a layout that warpdata knows nothing of."""

import csv
import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from tests import scenes
from tests.scenes import plane_camera, plane_picture, write_image

PLUGIN = Path(__file__).resolve().parents[2] / "examples" / "plugin"
HW = (48, 70)


@pytest.fixture(scope="module")
def installed(tmp_path_factory) -> dict[str, str]:
    """The environment of a process that sees the plugin as an installed package."""
    pytest.importorskip("setuptools", minversion="77", reason="building the plugin needs setuptools 77 (extra `dev`)")
    target = tmp_path_factory.mktemp("site")
    build = tmp_path_factory.mktemp("build") / "plugin"
    shutil.copytree(PLUGIN, build)
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-index"]
    command += ["--no-deps", "--no-build-isolation", "--target", str(target), str(build)]
    subprocess.run(command, check=True)
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(target), *filter(None, [os.environ.get("PYTHONPATH")])])}


def run(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "warpdata", *arguments]
    root = PLUGIN.parents[1]
    return subprocess.run(command, env=environment, cwd=root, capture_output=True, text=True, timeout=300, check=False)


@pytest.fixture
def bundler_scene(tmp_path, monkeypatch) -> Path:
    """Photographs of a wall 3 before the first camera, with the cameras that Bundler would have written."""
    monkeypatch.setattr(scenes, "PLANE_NORMAL", torch.tensor([0.0, 0.0, 1.0], dtype=torch.float64))
    root = tmp_path / "in" / "wall"
    lines, names = ["# Bundle file v0.3", "4 0"], []
    for index in range(3):
        camera = plane_camera(index, HW)
        K = torch.tensor([[80.0, 0, HW[1] / 2], [0, 80.0, HW[0] / 2], [0, 0, 1]], dtype=torch.float64)
        camera = replace(camera, K=K)
        write_image(root / f"{index}.png", plane_picture(camera))
        names.append(f"{index}.png")
        bundler_from_world = torch.tensor([[1.0], [-1.0], [-1.0]]) * camera.cam_from_world[:3]
        rows = [bundler_from_world[row, :3].tolist() for row in range(3)] + [bundler_from_world[:, 3].tolist()]
        lines += ["80 0 0", *(" ".join(map(repr, row)) for row in rows)]
    write_image(root / "lost.png")
    names.append("lost.png")
    lines += ["0 0 0"] + ["0 0 0"] * 4
    (root / "bundle.out").write_text("\n".join(lines) + "\n")
    (root / "list.txt").write_text("\n".join(names) + "\n")
    return tmp_path / "in"


def test_its_options_are_flags(installed):
    shown = run(installed, "materialize", "--help").stdout
    for flag in ("--bundle-max-distortion", "--wall-distance", "--csv-delimiter"):
        assert flag in shown
    for name in ("bundler", "plane", "csv"):
        assert name in shown


def test_its_rows_work_together(installed, bundler_scene, tmp_path):
    out = tmp_path / "out"
    done = run(
        installed,
        *("materialize", "--input-dir", str(bundler_scene), "--output-dir", str(out)),
        *("--cache-dir", str(tmp_path / "cache"), "--quiet", "--geometry", "plane", "--wall-distance", "3.0"),
        *("--layout", "csv", "--csv-delimiter", ";", "--output-format", "png", "--prompt", "see it; from there"),
    )
    assert done.returncode == 1, done.stderr  # one view has no camera, and is named
    assert "lost.png: Bundler found no camera for it" in done.stderr
    (scene,) = json.loads((out / "report.json").read_text())["scenes"]
    assert scene["triplets"] == 2
    assert scene["psnr"] > 25
    with (out / "pairs.csv").open(newline="") as file:
        rows = list(csv.reader(file, delimiter=";"))
    assert rows[0] == ["splats", "reference", "target", "prompt"]
    assert len(rows) == 3
    assert rows[1][3] == "see it; from there"
    assert all((out / path).is_file() for row in rows[1:] for path in row[:3])
    records = [json.loads(line) for line in (out / "manifest.jsonl").read_text().splitlines()]
    assert {record["geometry"]["model"] for record in records} == {"plane"}
    assert json.loads((out / "dataset.json").read_text())["layout"] == "csv"


def test_its_options_are_checked_and_kept_apart(installed, bundler_scene, tmp_path):
    """Bad values are refused by their flag; other values are another data set, and another geometry."""
    flags = ["materialize", "--input-dir", str(bundler_scene), "--output-dir", str(tmp_path / "out"), "--quiet"]
    flags += ["--cache-dir", str(tmp_path / "cache"), "--geometry", "plane", "--layout", "csv"]
    refused = run(installed, *flags, "--csv-delimiter", ";;")
    assert refused.returncode == 2
    assert "--csv-delimiter is ';;'" in refused.stderr
    assert run(installed, *flags).returncode == 1
    other = run(installed, *flags, "--csv-delimiter", ";")
    assert other.returncode == 2
    assert "made with other options" in other.stderr
    assert run(installed, *flags, "--wall-distance", "4").returncode == 2
    assert len(list((tmp_path / "cache" / "geometry").iterdir())) == 2


def test_it_is_found_by_the_table_alone():
    for file in (PLUGIN.parents[1] / "warpdata").rglob("*.py"):
        assert "warpdata_example" not in file.read_text(encoding="utf-8")
