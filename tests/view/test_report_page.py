"""The page of an output: everything in one file, text from data shown as text."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest

from tests.scenes import write_scene
from tests.view.manifests import some_records, write_export
from warpdata.errors import OutputError
from warpdata.programs.main import DONE
from warpdata.programs.materialize import main as materialize
from warpdata.programs.report import main as report
from warpdata.view.histogram import histogram, number
from warpdata.view.html import Html, element, join
from warpdata.view.report_page import best_middle_worst, report_page


class Page(HTMLParser):
    """What stands in a page: tags with attributes, and its text."""

    def __init__(self, text: str):
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data


@pytest.fixture
def output(tmp_path, monkeypatch):
    """Two scenes made into triplets."""
    monkeypatch.setenv("WARPDATA_CACHE", str(tmp_path / "cache"))
    write_scene(tmp_path / "in" / "a", 3)
    write_scene(tmp_path / "in" / "b", 4)
    (tmp_path / "in" / "b" / "images").joinpath("2.png").write_bytes(b"no picture")
    materialize(["--input-dir", str(tmp_path / "in"), "--output-dir", str(tmp_path / "out"), "--quiet", "--sigma", "7"])
    return tmp_path / "out"


def write_report(root, scenes, **more):
    root.mkdir(exist_ok=True)
    (root / "report.json").write_text(json.dumps({"options": {}, "scenes": scenes, "triplets": 0, **more}))


def test_materialize_writes_it_and_it_loads_nothing(output):
    text = (output / "report.html").read_text(encoding="utf-8")
    page = Page(text)
    loaded = [attributes.get(name) for _, attributes in page.tags for name in ("src", "href") if name in attributes]
    assert len(loaded) == 3 * len((output / "manifest.jsonl").read_text().splitlines())
    assert all(source.startswith("data:image/jpeg;base64,") for source in loaded)
    assert "script" not in {tag for tag, _ in page.tags}
    assert "url(" not in text
    assert "@import" not in text


def test_it_says_what_was_made_left_out_and_how_to_make_it_again(output, tmp_path):
    text = Page((output / "report.html").read_text(encoding="utf-8")).text
    kept = json.loads((output / "report.json").read_text())
    (left_out,) = kept["scenes"][1]["left_out"].values()
    assert left_out in text
    for name in (
        "a/1",
        "b/1",
        "hole_fraction",
        "overlap",
        "baseline",
        "geometry",
        "choosing pairs",
        "completing the output",
    ):
        assert name in text
    assert f"python -m warpdata.materialize --input-dir {tmp_path / 'in'} --sigma 7.0" in text
    assert f"--output-dir {output}" in text


def test_the_program_makes_the_page_again_without_the_times(output, capsys):
    before = (output / "report.html").read_text(encoding="utf-8")
    (output / "report.html").unlink()
    assert report([str(output)]) == DONE
    without = re.sub("<h2>Time</h2>.*?<h2>", "<h2>", before)
    assert (output / "report.html").read_text(encoding="utf-8") == without != before
    assert capsys.readouterr().out.strip() == str(output / "report.html")


def test_it_can_be_left_out(output, tmp_path):
    flags = ["--input-dir", str(tmp_path / "in"), "--output-dir", str(tmp_path / "plain"), "--quiet"]
    materialize([*flags, "--no-report-page"])
    assert (tmp_path / "plain" / "report.json").exists()
    assert not (tmp_path / "plain" / "report.html").exists()


def test_it_needs_a_report(tmp_path, capsys):
    assert report([str(tmp_path)]) == 2
    assert "report.json" in capsys.readouterr().err
    (tmp_path / "report.json").write_text("[1]")
    with pytest.raises(OutputError, match="cannot be used"):
        report_page(tmp_path)


def test_shards_are_unpacked_for_it(tmp_path, monkeypatch):
    monkeypatch.setenv("WARPDATA_CACHE", str(tmp_path / "cache"))
    write_scene(tmp_path / "in" / "a", 3)
    flags = ["--input-dir", str(tmp_path / "in"), "--output-dir", str(tmp_path / "out"), "--quiet"]
    materialize([*flags, "--layout", "webdataset"])
    tags = Page((tmp_path / "out" / "report.html").read_text(encoding="utf-8")).tags
    assert sum(tag == "img" for tag, _ in tags) == 6


def test_names_are_text_and_no_tags(tmp_path):
    hostile = "<script>alert('x')</script>"
    scene = {"scene": hostile, "error": hostile, "left_out": {hostile: hostile}, "notes": [hostile]}
    write_report(tmp_path / hostile.replace("/", "_"), [scene], program=hostile)
    page = Page(report_page(tmp_path / hostile.replace("/", "_"), ["echo", hostile]))
    assert "script" not in {tag for tag, _ in page.tags}
    assert page.text.count(hostile) >= 5


def test_a_picture_that_cannot_be_read_is_said(tmp_path):
    (first, *_) = write_export(tmp_path, some_records(2))
    write_report(tmp_path, [], triplets=2)
    (tmp_path / first.files["target"]).write_bytes((tmp_path / first.files["target"]).read_bytes()[:60])
    page = Page(report_page(tmp_path))
    assert sum(tag == "img" for tag, _ in page.tags) == 5
    assert "cannot be read as a picture" in page.text


def test_no_triplet_is_shown_twice():
    for count in range(20):
        shown = [one for _, numbers in best_middle_worst(list(range(count))) for one in numbers]
        assert len(shown) == len(set(shown)) == min(count, 9)
    assert [numbers for _, numbers in best_middle_worst(np.arange(100))] == [[0, 1, 2], [48, 49, 50], [97, 98, 99]]


def test_bars_of_a_histogram_count_the_values():
    values = np.array([1.0, 1.0, 1.0, 2.0, 9.0, np.nan, np.inf], np.float32)
    bars = re.findall(r"<title>(\d+) from", histogram(values, "x"))
    assert sum(map(int, bars)) == 5
    assert int(bars[0]) == 4
    assert "5 values, 1.00 to 9.00, median 1.00" in histogram(values, "x")
    assert "not known" in histogram(np.array([np.nan]), "x")
    assert "<title>3 from" in histogram(np.array([2.0, 2.0, 2.0]), "x")


@pytest.mark.parametrize(
    ("value", "said"), [(0.0, "0"), (31.3319, "31.3"), (0.013349, "0.0133"), (1234.5, "1,234"), (-0.5, "-0.500")]
)
def test_numbers_have_three_digits(value, said):
    assert number(value) == said


def test_what_is_not_html_is_escaped():
    assert element("p", "<b>", Html("<b>"), class_='"', aria_label="&", id=None) == (
        '<p class="&quot;" aria-label="&amp;">&lt;b&gt;<b></p>'
    )
    assert join(["&", None, 3]) == "&amp;3"
