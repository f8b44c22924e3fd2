"""`edge_threshold` in what runs write: nothing changes for given geometry, and another threshold is refused."""

from __future__ import annotations

import pytest

from tests.scenes import write_scene
from warpdata.config import FilterOptions, GeometryOptions, OutputOptions, SourceOptions
from warpdata.errors import OutputError
from warpdata.formats.manifest import read_manifest
from warpdata.run.materialize import materialize
from warpdata.run.options import MaterializeOptions


@pytest.fixture
def options(tmp_path):
    write_scene(tmp_path / "in" / "a", 3)

    def make(threshold, out="out"):
        return MaterializeOptions(
            source=SourceOptions(input_dir=tmp_path / "in"),
            geometry=GeometryOptions(cache_dir=tmp_path / "cache"),
            filters=FilterOptions(edge_threshold=threshold),
            output=OutputOptions(output_dir=tmp_path / out),
        )

    return make


def test_given_geometry_is_left_alone(options, tmp_path):
    """An output of before the option was there is continued with its default, and with "off"."""
    assert "edge_threshold" not in options("auto").what_triplets_depend_on()["filters"]
    materialize(options("auto"))
    assert all("edge_threshold" not in record.geometry for record in read_manifest(tmp_path / "out"))
    materialize(options("off"))
    materialize(options("off", "other"))
    assert [record.sha256 for record in read_manifest(tmp_path / "out")] == [
        record.sha256 for record in read_manifest(tmp_path / "other")
    ]


def test_a_threshold_is_on_record_and_another_is_refused(options, tmp_path):
    materialize(options(0.25))
    assert {record.geometry["edge_threshold"] for record in read_manifest(tmp_path / "out")} == {0.25}
    for other in (0.3, "off", "auto"):
        with pytest.raises(OutputError, match=r"other options|edge_threshold"):
            materialize(options(other))


def test_what_auto_comes_to_is_on_record(options, tmp_path, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr("warpdata.triplets.scene_pairs.edge_threshold", lambda filters, name: 0.125)
        materialize(options("auto"))
    assert {record.geometry["edge_threshold"] for record in read_manifest(tmp_path / "out")} == {0.125}
    with pytest.raises(OutputError, match=r"edge_threshold is 0\.125 there and off here"):
        materialize(options("auto"))
