"""JSON of bounded length, and equal text for equal values."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warpdata.files import bounded_json
from warpdata.files.bounded_json import dump_json, fingerprint, read_json, read_lines, read_text

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(VALUES)
def test_what_is_dumped_is_loaded(value):
    assert json.loads(dump_json(value)) == value


@given(st.dictionaries(st.text(), st.integers(), min_size=2))
def test_the_order_of_keys_does_not_matter(values):
    turned = dict(reversed(values.items()))
    assert dump_json(values) == dump_json(turned)
    assert fingerprint(values) == fingerprint(turned)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_numbers_that_json_has_not_are_refused(value):
    with pytest.raises(ValueError):
        dump_json([value])


def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path):
    path = tmp_path / "file.json"
    path.write_bytes(b'\xef\xbb\xbf{"a": 1}')
    assert read_json(path) == {"a": 1}


def test_longer_files_are_not_read(tmp_path, monkeypatch):
    path = tmp_path / "file.json"
    path.write_text("[" + "1," * 50 + "1]")
    monkeypatch.setattr(bounded_json, "MAX_JSON_BYTES", 100)
    with pytest.raises(ValueError, match="more than the 100 that are read"):
        read_text(path)


def test_deep_nesting_is_an_error_of_the_value(tmp_path):
    path = tmp_path / "file.json"
    path.write_text("[" * 100_000 + "]" * 100_000)
    with pytest.raises(ValueError):
        read_json(path)


def test_lines_come_one_by_one_and_none_is_too_long(tmp_path, monkeypatch):
    path = tmp_path / "file.jsonl"
    path.write_bytes(b"one\ntwo\r\nthree")
    assert list(read_lines(path)) == ["one\n", "two\r\n", "three"]
    monkeypatch.setattr(bounded_json, "MAX_LINE_CHARACTERS", 4)
    lines = read_lines(path)
    with pytest.raises(ValueError, match="a line of more than 4"):
        list(lines)
