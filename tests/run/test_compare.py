"""One scene by several estimators: figures against the truth, a page that opens from the disk, and failures told."""

import json
import re

import pytest

from tests.scenes import write_scene
from warpdata.config import GeometryOptions
from warpdata.display import Display
from warpdata.programs.main import main
from warpdata.run.compare import compare
from warpdata.run.compare_options import CompareOptions
from warpdata.view.compare_page import compare_page, lines


@pytest.fixture
def scene(tmp_path, monkeypatch):
    monkeypatch.setenv("WARPDATA_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("WARPDATA_ESTIMATORS", str(tmp_path / "none"))
    write_scene(tmp_path / "in" / "s", 5)
    return tmp_path / "in" / "s"


def compared(scene, geometry):
    options = CompareOptions(scene=scene, geometry=GeometryOptions(geometry=geometry))
    return list(compare(options, Display(quiet=True)))


def test_what_is_measured_is_what_triplets_say(scene, tmp_path):
    (row,) = compared(scene, "given")
    assert (row.frames, row.of_frames, row.error) == (5, 5, None)
    assert row.seconds > 0
    assert main(["materialize", "--input-dir", str(scene), "--output-dir", str(tmp_path / "out"), "--quiet"]) == 0
    report = json.loads((tmp_path / "out" / "report.json").read_text())["scenes"][0]
    assert row.figures["hole_fraction"] == pytest.approx(report["hole_fraction"], abs=1e-4)
    assert row.figures["psnr"] == pytest.approx(report["psnr"], abs=1e-3)
    assert row.figures["agreeing"] == report["figures"]["consistency"]["agreeing"]
    (again,) = compared(scene, "given")
    assert again.seconds is None
    assert again.figures == row.figures


def test_one_that_fails_is_told_and_the_others_go_on(scene):
    rows = compared(scene, "da3,given")
    assert "prepare estimator da3" in rows[0].error
    assert rows[1].error is None
    text = "\n".join(lines(rows))
    assert re.search(r"^da3 +none$", text, flags=re.MULTILINE)
    assert re.search(r"^given +5 of 5 ", text, flags=re.MULTILINE)


def test_the_page_shows_every_estimator_and_loads_nothing(scene):
    rows = compared(scene, "given,moge")
    html = compare_page("a <scene>", rows)
    assert "a &lt;scene&gt;" in html
    assert html.count("data:image/jpeg;base64,") == 2 * (2 + 3)
    assert not re.search(r"(src|href)=\"(?!data:)", html)


def test_the_program_writes_page_and_figures_and_replaces_nothing(scene, tmp_path, capsys):
    words = ["compare", str(scene), str(tmp_path / "c.html"), "--geometry", "given,moge", "--quiet"]
    assert main(words) == 1
    figures = json.loads((tmp_path / "c.json").read_text())
    assert [row["geometry"] for row in figures] == ["given", "moge"]
    assert (tmp_path / "c.html").stat().st_size > 10_000
    assert main(words) == 2
    assert "--overwrite" in capsys.readouterr().err
    assert main(["compare", str(scene), str(tmp_path / "c.txt"), "--geometry", "given"]) == 2
    assert main(["compare", str(tmp_path / "none"), str(tmp_path / "d.html")]) == 2
