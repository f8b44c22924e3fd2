"""Long files are read item by item; broken ones say what is wrong."""

import json
import tracemalloc

import pytest

from warpdata.errors import SourceError
from warpdata.formats.spacevista import reading
from warpdata.formats.spacevista.reading import Faulty, read_items

pytest.importorskip("ijson", reason="the extra `spacevista` is not installed")

TURNS = [{"role": "user", "content": "<video>"}, {"role": "assistant", "content": "x"}]


def entry(number: int) -> dict:
    return {"problem_id": str(number), "messages": TURNS, "videos": [[f"a/{number}/{k}.png" for k in range(4)]]}


def test_items_come_in_order_and_a_broken_one_costs_itself(tmp_path):
    path = tmp_path / "meta.json"
    path.write_text(json.dumps([entry(0), {"videos": 3}, entry(2)]))
    found = list(read_items(path))
    assert [one.id for one in found if not isinstance(one, Faulty)] == ["0", "2"]
    assert isinstance(found[1], Faulty)
    assert found[1].number == 1


def test_lines_of_json_are_read_as_well(tmp_path):
    path = tmp_path / "meta.jsonl"
    path.write_text("\n".join(json.dumps(entry(k)) for k in range(3)) + "\n\n")
    assert [one.id for one in read_items(path)] == ["0", "1", "2"]


def test_a_byte_order_mark_does_no_harm(tmp_path):
    path = tmp_path / "meta.json"
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps([entry(0)]).encode())
    assert [one.id for one in read_items(path)] == ["0"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('{"a": 1}', "begin with"),
        ("", "begin with"),
        (json.dumps([entry(0)])[:-9], "cut short"),
        ("[{]", "damaged"),
    ],
)
def test_what_is_no_list_says_so(tmp_path, content, said):
    path = tmp_path / "meta.json"
    path.write_text(content)
    with pytest.raises(SourceError, match=said):
        list(read_items(path))


def test_a_missing_file_names_the_option(tmp_path):
    with pytest.raises(SourceError, match="`meta`"):
        list(read_items(tmp_path / "none.json"))


def test_an_endless_item_ends_the_reading(tmp_path, monkeypatch):
    monkeypatch.setattr(reading, "MAX_ITEM_BYTES", 200_000)
    path = tmp_path / "meta.json"
    path.write_text(json.dumps([entry(0), {"messages": "x" * 300_000}]))
    with pytest.raises(SourceError, match="an item has more than"):
        list(read_items(path))


def peak_of_reading(path, count: int) -> int:
    """Bytes that reading so many items takes at most."""
    path.write_text(f"[{','.join(json.dumps(entry(number)) for number in range(count))}]")
    tracemalloc.start()
    assert sum(1 for _ in read_items(path)) == count
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak


def test_memory_does_not_grow_with_the_file(tmp_path):
    peak_of_reading(tmp_path / "first.json", 10)  # imports
    assert peak_of_reading(tmp_path / "long.json", 4000) < 1.3 * peak_of_reading(tmp_path / "short.json", 1000)


@pytest.mark.parametrize(
    "change",
    [
        {"extra_info": {"input_point": {"image_path": "a", "points": "DEEP"}}},
        {"extra_info": {"task_type": "DEEP"}},
        {"messages": [{"role": ["user"], "content": "x"}]},
        {"messages": [{"role": {}, "content": "x"}]},
        {"extra_info": {"input_point": {"image_path": "a", "points": [[10**400, 1]]}}},
        {"extra_info": {"input_mask": {"image_path": "a", "mask_path": "m.npy", "object_ids": [10**40]}}},
        {"problem_id": 10**40},
    ],
)
@pytest.mark.parametrize("depth", [900, 50_000])
@pytest.mark.parametrize("suffix", [".json", ".jsonl"])
def test_a_hostile_item_costs_itself(tmp_path, change, suffix, depth):
    hostile = json.dumps(entry(1) | change).replace('"DEEP"', "[" * depth + "]" * depth)
    lines = [json.dumps(entry(0)), hostile, json.dumps(entry(2))]
    path = tmp_path / f"meta{suffix}"
    path.write_text("\n".join(lines) if suffix == ".jsonl" else f"[{','.join(lines)}]")
    found = list(read_items(path))
    assert len(found) == 3
    assert [found[0].id, found[2].id] == ["0", "2"]
