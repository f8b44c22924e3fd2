"""Masks of every shape; nothing is unpickled, and no memory is taken on a header's word."""

import numpy as np
import pytest

from warpdata.formats.spacevista.mask_arrays import read_object_mask

NUMBERS = np.array([[0, 1, 1], [2, 2, 0]], np.int32)
"""Two objects, in a picture that is not square."""


def saved(tmp_path, array) -> object:
    np.save(tmp_path / "m.npy", array)
    return tmp_path / "m.npy"


def test_numbers_choose_objects(tmp_path):
    path = saved(tmp_path, NUMBERS)
    assert (read_object_mask(path) == (NUMBERS > 0)).all()
    assert (read_object_mask(path, (2,)) == (NUMBERS == 2)).all()
    assert (read_object_mask(path, (1, 2)) == (NUMBERS > 0)).all()
    with pytest.raises(ValueError, match="none of the objects 9"):
        read_object_mask(path, (9,))


def test_truth_values_are_one_object(tmp_path):
    assert (read_object_mask(saved(tmp_path, NUMBERS == 1), (7,)) == (NUMBERS == 1)).all()


@pytest.mark.parametrize("axes", [1, 3])
def test_leading_axes_of_length_one_are_nothing(tmp_path, axes):
    path = saved(tmp_path, NUMBERS[(None,) * axes])
    assert (read_object_mask(path, (2,)) == (NUMBERS == 2)).all()


def channels_first() -> np.ndarray:
    planes = np.zeros((3, 20, 30), bool)
    for k in range(3):
        planes[k, 2 * k, 5 * k] = True
    return planes


@pytest.mark.parametrize("last", [False, True])
def test_channels_stand_first_or_last(tmp_path, last):
    planes = channels_first()
    path = saved(tmp_path, np.moveaxis(planes, 0, -1) if last else planes)
    assert (read_object_mask(path) == planes.any(0)).all()
    assert (read_object_mask(path, (2,)) == planes[2]).all()
    assert (read_object_mask(path, (True, False, True)) == (planes[0] | planes[2])).all()


def test_several_objects_are_one_mask_and_wrong_ones_are_refused(tmp_path):
    path = saved(tmp_path, channels_first())
    with pytest.raises(ValueError, match="channels 0 to 2"):
        read_object_mask(path, (3,))
    with pytest.raises(ValueError, match="choose among 3 channels"):
        read_object_mask(path, (True,))


def test_a_shape_that_could_be_either_is_refused(tmp_path):
    with pytest.raises(ValueError, match="which axis"):
        read_object_mask(saved(tmp_path, np.zeros((10, 10, 12), bool)))


@pytest.mark.parametrize("array", [np.zeros(4, bool), np.zeros((2, 3, 4, 5), bool)])
def test_other_shapes_are_refused(tmp_path, array):
    with pytest.raises(ValueError, match="shape"):
        read_object_mask(saved(tmp_path, array))


def test_numbers_with_fractions_are_refused(tmp_path):
    with pytest.raises(ValueError, match="float64"):
        read_object_mask(saved(tmp_path, np.zeros((4, 5))))


class Payload:
    def __reduce__(self):
        return open, ("ran", "w")


def test_pickles_are_refused_with_advice_and_run_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.save(tmp_path / "m.npy", np.array([Payload()], dtype=object), allow_pickle=True)
    (tmp_path / "m.pkl").write_bytes(b"\x80\x04.")
    for name in ("m.npy", "m.pkl"):
        with pytest.raises(ValueError, match="pickled Python"):
            read_object_mask(tmp_path / name)
    assert not (tmp_path / "ran").exists()


def test_a_header_that_promises_more_than_the_file_holds_takes_no_memory(tmp_path):
    path = tmp_path / "m.npy"
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": (10**6, 10**6)})
        file.write(b"\0" * 100)
    with pytest.raises(ValueError):
        read_object_mask(path)
