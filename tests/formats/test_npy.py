"""Arrays in `.npy` files: their type is known from the header, and pickles stay closed."""

import numpy as np
import pytest

from warpdata.formats.npy import holds_whole_numbers, open_npy


def test_whole_numbers_are_told_from_the_header(tmp_path):
    for dtype in (np.uint16, np.int32, ">u2", np.float32, np.float16, bool):
        np.save(tmp_path / "a.npy", np.ones((2, 3), dtype))
        assert holds_whole_numbers(tmp_path / "a.npy") == (np.dtype(dtype).kind in "iu")


def test_what_cannot_be_read_holds_none(tmp_path):
    assert not holds_whole_numbers(tmp_path / "missing.npy")
    for content in (b"", b"text", b"\x93NUMPY\x01\x00\xff\xff{"):
        (tmp_path / "a.npy").write_bytes(content)
        assert not holds_whole_numbers(tmp_path / "a.npy")


def test_pickles_stay_closed(tmp_path):
    np.save(tmp_path / "a.npy", np.array([{}], dtype=object), allow_pickle=True)
    assert not holds_whole_numbers(tmp_path / "a.npy")
    with pytest.raises(ValueError, match="object"):
        open_npy(tmp_path / "a.npy")
