"""Tiny and broken pictures are of no use, and one picture is no pair."""

import pytest

from tests.geometry.pictures import numbered, photograph, scene_of
from warpdata.errors import GeometryError, ViewError
from warpdata.geometry.usable import check_enough, check_sides, load_usable


def test_a_picture_of_use_is_decoded(tmp_path):
    (view,) = scene_of([photograph(tmp_path / "a.png", (16, 40))]).views
    assert load_usable(view).shape == (3, 16, 40)


@pytest.mark.parametrize("hw", [(15, 40), (40, 15), (1, 1)])
def test_a_tiny_picture_says_its_size(tmp_path, hw):
    (view,) = scene_of([numbered(tmp_path / "a.png", 1, hw)]).views
    for check in (lambda: load_usable(view), lambda: check_sides(hw)):
        with pytest.raises(ViewError, match=f"is {hw[1]} x {hw[0]} pixels; at least 16"):
            check()


def test_a_truncated_picture_is_named(tmp_path):
    path = photograph(tmp_path / "a.png", (40, 40))
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ViewError, match=r"a\.png"):
        load_usable(scene_of([path]).views[0])


def test_two_views_make_a_pair(tmp_path):
    scene = scene_of([tmp_path / f"{name}.png" for name in "abc"])
    check_enough(scene, {"b": "dark"}, 2)
    with pytest.raises(GeometryError, match=r"needs two pictures .* scene scene has 1 of 3: a: dark; b: bright"):
        check_enough(scene, {"a": "dark", "b": "bright"}, 2)
    check_enough(scene, {"a": "dark", "b": "bright"})
    with pytest.raises(GeometryError, match=r"needs a picture that can be used, scene scene has 0 of 3"):
        check_enough(scene, dict.fromkeys("abc", "dark"))
