"""Which views would spoil a scene, and which only differ."""

import numpy as np
import pytest

from tests.scenes import write_image
from warpdata.config import SizeOptions
from warpdata.sources import PictureFile
from warpdata.sources.odd_views import copies, odd_sizes


def odd(*wh, **size):
    """Numbers of the odd views among pictures of these widths and heights."""
    hws = {str(number): (height, width) for number, (width, height) in enumerate(wh)}
    return [int(name) for name in odd_sizes(hws, SizeOptions(**size))]


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ([(320, 240)] * 5 + [(80, 60)], [5]),  # a thumbnail
        ([(80, 60)] + [(320, 240)] * 2, [0]),  # one of three
        ([(320, 240), (80, 60)], []),  # one of two: neither is the usual one
        ([(320, 240)] * 3 + [(80, 60)] * 3, []),  # half of them: there is no usual size
        ([(320, 240)] * 5 + [(200, 150)], []),  # smaller, but not much
        ([(320, 240)] * 5 + [(3200, 2400)], []),  # larger harms nobody
        ([(320, 240)] * 5 + [(600, 100)], [5]),  # a panorama
        ([(320, 240)] * 5 + [(240, 240)], [5]),  # a square crop
        ([(320, 240), (240, 320)] * 3, []),  # portraits and landscapes of one camera
        ([(320, 240)] * 5 + [(240, 320)], []),
        ([(300, 200)] * 5 + [(320, 240)], []),  # 3:2 and 4:3
        ([(320, 240)] * 3 + [(320, 180)] * 3, []),
        ([], []),
        ([(80, 60)], []),
    ],
)
def test_odd_is_what_differs_much_from_what_is_usual(sizes, expected):
    assert odd(*sizes) == expected


def test_sizes_count_after_the_reduction_to_the_largest_output():
    """A view of 1 megapixel among views of 12 harms an output of 1 megapixel in nothing."""
    sizes = [(4000, 3000)] * 5 + [(1200, 900)]
    assert odd(*sizes) == []
    assert odd(*sizes, max_megapixels=0.0) == [5]
    assert odd(*sizes, max_megapixels=0.0, resize_width=400, resize_height=300) == []


def test_reasons_name_sizes_and_the_way_out():
    hws = {"a": (240, 320), "b": (240, 320), "c": (240, 320), "d": (60, 80)}
    assert odd_sizes(hws, SizeOptions())["d"] == (
        "its picture of 80x60 has 16 times fewer pixels than is usual in its scene, and would make every triplet so; "
        "use `keep_odd_views=True` to use it all the same"
    )


def test_copies_are_all_but_the_first_and_only_files_of_equal_length_are_read(tmp_path):
    rng = np.random.default_rng(0)
    pixels = [rng.integers(0, 255, (20, 30 + 3 * k, 3), dtype=np.uint8) for k in range(3)]
    for name, k in (("a", 0), ("b", 1), ("c", 0), ("d", 2), ("e", 0)):
        write_image(tmp_path / f"{name}.png", pixels[k])
    pictures = {name: PictureFile(tmp_path / f"{name}.png") for name in "abcde"}
    read = []

    def sha256_of(path):
        read.append(path.stem)
        return path.read_bytes().hex()

    reasons = copies(pictures, sha256_of)
    assert list(reasons) == ["c", "e"]
    assert reasons["e"].startswith("its picture is identical to that of a;")
    assert sorted(read) == ["a", "c", "e"]


def test_what_cannot_be_read_is_nobodys_copy(tmp_path):
    pictures = {name: PictureFile(tmp_path / f"{name}.png") for name in "ab"}
    assert copies(pictures) == {}
