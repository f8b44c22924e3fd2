"""Names are clean, unique everywhere, stable; the order is the one people expect."""

import re

from hypothesis import given
from hypothesis import strategies as st

from warpdata.sources.naming import MAX_NAME_LENGTH, clean_name, natural_key, unique_names


def test_numbers_sort_as_numbers():
    names = ["frame_10", "frame_2", "Frame_1", "frame_02", "a1b10", "a1b9", "10", "9", "x"]
    assert sorted(names, key=natural_key) == [
        "9",
        "10",
        "a1b9",
        "a1b10",
        "Frame_1",
        "frame_02",
        "frame_2",
        "frame_10",
        "x",
    ]


def test_dots_spaces_and_foreign_letters_become_underscores():
    assert clean_name("5008984_74a9.jpg") == "5008984_74a9_jpg"
    assert clean_name("my photo (1)") == "my_photo__1_"
    assert clean_name("café") == "caf_"
    assert clean_name("") == "_"


def test_unique_stems_keep_their_names():
    assert unique_names({"images/a.jpg": "a", "images/b-1.png": "b-1"}) == {
        "images/a.jpg": "a",
        "images/b-1.png": "b-1",
    }


def test_collisions_get_a_hash_that_does_not_depend_on_the_order():
    stems = {"b.jpg": "b", "b.png": "b", "B.tif": "B", "c.png": "c"}
    names = unique_names(stems)
    assert names["c.png"] == "c"
    assert re.fullmatch(r"b_[0-9a-f]{8}", names["b.jpg"])
    assert names == unique_names(dict(reversed(stems.items())))


def test_a_hash_that_meets_a_name_is_lengthened():
    stems = {"a.jpg": "a", "a.png": "a"}
    taken = unique_names(stems)["a.jpg"]
    names = unique_names({**stems, "other": taken})
    assert names["other"] == taken
    assert len(set(names.values())) == 3


def test_long_and_reserved_names_are_changed():
    assert len(unique_names({"x": "y" * 300})["x"]) <= MAX_NAME_LENGTH
    assert unique_names({"CON.png": "CON"})["CON.png"] != "CON"


@given(st.lists(st.text(max_size=5), unique=True, max_size=8))
def test_names_are_always_clean_and_unique(files):
    names = unique_names({file: file.partition(".")[0] for file in files})
    assert len({name.casefold() for name in names.values()}) == len(files)
    assert all(re.fullmatch(r"[A-Za-z0-9_-]+", name) for name in names.values())
    assert sorted(names, key=natural_key) == sorted(reversed(list(names)), key=natural_key)
