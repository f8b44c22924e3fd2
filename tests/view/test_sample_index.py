"""Samples of a manifest by number: sorted, chosen by scores, whatever stands in single lines."""

from __future__ import annotations

from contextlib import ExitStack, closing

import numpy as np
import pytest

from tests.view.manifests import record, some_records, write_export
from warpdata.errors import OutputError
from warpdata.formats.manifest import MANIFEST
from warpdata.view.sample_index import SampleIndex


@pytest.fixture
def open_index(tmp_path):
    """Opens the index of an export of these records, after `change` of the manifest's text."""
    with ExitStack() as opened:

        def open_index(records, change=lambda text: text):
            write_export(tmp_path, records, pictures=False)
            path = tmp_path / MANIFEST
            path.write_text(change(path.read_text(encoding="utf-8")), encoding="utf-8")
            return opened.enter_context(closing(SampleIndex(tmp_path)))

        yield open_index


@pytest.fixture
def index(open_index):
    return open_index(some_records(25))


def test_records_are_those_of_the_manifest(index):
    assert len(index) == 25
    assert [index.record(k) for k in (24, 0, 13)] == [some_records(25)[k] for k in (24, 0, 13)]
    assert index.ids == [one.id for one in some_records(25)]


def test_scores_are_arrays(index):
    np.testing.assert_allclose(index.scores["psnr"], 30 - np.arange(25) / 10, rtol=1e-6)
    assert "sharpness_target" not in index.scores


def test_order_and_choice(index):
    assert index.chosen().tolist() == list(range(25))
    assert index.chosen(sort="psnr").tolist() == list(range(24, -1, -1))
    assert index.chosen("psnr > 28.95 and not hole_fraction < 0.2", sort="hole_fraction", descending=True).tolist() == [
        *range(10, 4, -1)
    ]


def test_a_score_that_is_not_known_comes_last_and_meets_nothing(open_index):
    index = open_index([record("s/0"), record("s/1", psnr=3.0), record("s/2", psnr=1.0)])
    assert index.chosen(sort="psnr").tolist() == [2, 1, 0]
    assert index.chosen(sort="psnr", descending=True).tolist() == [1, 2, 0]
    assert index.chosen("psnr < 9").tolist() == [1, 2]


@pytest.mark.parametrize("condition", ["psnr >", "nothing > 3", "__import__('os')"])
def test_conditions_that_are_none_are_refused(index, condition):
    with pytest.raises(ValueError, match="condition"):
        index.chosen(condition)


@pytest.mark.parametrize(
    "line",
    ["", "{", "[]", "7", '{"id": 3}', '{"id": "s/1", "warp": 3, "geometry": []}', "[" * 5000, "\x00"],
)
def test_a_damaged_line_costs_its_sample(open_index, line):
    records = [record("s/0", psnr=1.0), record("s/1", psnr=2.0)]
    index = open_index(records, lambda text: text.replace("\n", f"\n{line}\n", 1))
    assert [index.record(k).id for k in (0, 2)] == ["s/0", "s/1"]
    with pytest.raises(OutputError, match="line 2"):
        index.record(1)
    assert index.chosen(sort="psnr").tolist() == [0, 2, 1]


def test_a_path_out_of_the_export_is_refused(open_index):
    index = open_index([record("s/0")], lambda text: text.replace("s/0_target.png", "../../etc/passwd"))
    with pytest.raises(OutputError, match="leads out"):
        index.record(0)
