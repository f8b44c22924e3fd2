"""Tiles rejected by a person, in the list that a condition writes as well."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from warpdata.errors import SourceError
from warpdata.prepare.dem.rejected import change_rejected, rejected_list


def test_the_list_of_an_area_lies_beside_its_heights():
    assert rejected_list(Path("/x/DEM-valley")) == Path("/x/rejected-valley.json")
    assert rejected_list(Path("/x/Image")) is None


def test_a_persons_tiles_are_kept_apart_from_those_of_a_condition(tmp_path):
    path = tmp_path / "rejected-valley.json"
    path.write_text(json.dumps({"rejected": [3, 7], "by_hand": [7], "reject": "mean < 5"}))
    assert change_rejected(path, reject=[9, 3], accept=[7]) == {3, 9}
    assert json.loads(path.read_text()) == {"rejected": [3, 9], "by_hand": [3, 9], "reject": "mean < 5"}
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_a_list_is_begun_and_a_plain_one_stays_plain(tmp_path):
    path = tmp_path / "rejected-a.json"
    assert change_rejected(path, accept=[1]) == frozenset()
    assert not path.exists()
    assert change_rejected(path, reject=[2]) == {2}
    assert json.loads(path.read_text()) == {"rejected": [2], "by_hand": [2]}
    path.write_text("[5, 2]")
    change_rejected(path, reject=[1])
    assert json.loads(path.read_text()) == [1, 2, 5]


def test_what_is_no_list_is_refused_and_left_alone(tmp_path):
    path = tmp_path / "rejected-a.json"
    path.write_text('{"rejected": "all"}')
    with pytest.raises(SourceError):
        change_rejected(path, reject=[1])
    assert path.read_text() == '{"rejected": "all"}'
