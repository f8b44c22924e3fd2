"""When views were taken, in manifests."""

from __future__ import annotations

import pytest

from tests.writers.runs import RUN
from tests.writers.triplets import triplet
from warpdata.config import ExportOptions, OutputOptions
from warpdata.formats.manifest import read_manifest
from warpdata.writers.output.session import open_writers


@pytest.mark.parametrize(
    ("known", "written"),
    [
        ({"000001": 0.25, "000004": 1.5}, {"reference": 0.25, "target": 1.5}),
        ({"000004": 1.5, "000007": 9.0}, {"target": 1.5}),
        ({}, None),
        (None, None),
    ],
)
@pytest.mark.parametrize("layout", ["folder", "webdataset"])
def test_the_manifest_says_when_each_view_was_taken(tmp_path, layout, known, written):
    options = ExportOptions(layout=(layout,))
    with open_writers(options, OutputOptions(output_dir=tmp_path), RUN) as writers:
        writers.write(triplet("walk", 1, 4), time_s=known)
    (record,) = read_manifest(tmp_path)
    assert record.time_s == written
    assert ("time_s" in record.as_json()) == (written is not None)
