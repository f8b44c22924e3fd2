"""Numbers to bytes, worked out by hand on a lopsided image of three bands."""

from __future__ import annotations

import numpy as np
import pytest

from warpdata.prepare.dem.stretch import StretchOptions, stretch

VALUES = np.array(
    [
        [[0.0, 0.1, 0.2, 0.3], [0.4, 0.5, 0.6, 0.7], [0.8, 0.9, 1.0, 0.5]],
        [[1.0, 1.0, 1.0, 1.5], [1.0, 2.0, 1.0, 1.0], [1.0, 1.0, 1.0, 1.0]],
        [[3.0, 3.0, 3.0, 3.0], [3.0, 3.0, 3.0, 3.0], [3.0, 3.0, 3.0, 3.0]],
    ]
)
ALL = np.ones((3, 4), bool)


def made(values=VALUES, valid=ALL, **options):
    return stretch(values, valid, StretchOptions(**{"stretch": 0.0, **options}))


def test_band_goes_from_each_bands_minimum_to_its_maximum():
    found = made(mode="band")
    assert found.pixels[0].tolist() == [[0, 26, 51, 76], [102, 128, 153, 178], [204, 230, 255, 128]]
    assert found.pixels[1].tolist() == [[0, 0, 0, 128], [0, 255, 0, 0], [0, 0, 0, 0]]
    assert (found.pixels[2] == 0).all()
    assert found.notes == ("band 3 without contrast, made 0",)


def test_the_originals_rounding_cuts_off():
    assert made(mode="band", seed_rounding=True).pixels[0, 0].tolist() == [0, 25, 51, 76]
    assert made(mode="band", seed_rounding=True).pixels[1, 0, 3] == 127


def test_joint_goes_from_the_common_minimum_to_the_common_maximum():
    found = made(mode="joint").pixels
    assert found[0, 2].tolist() == [68, 76, 85, 42]  # 0.8, 0.9, 1.0, 0.5 of 3
    assert (found[2] == 255).all()
    assert found[1, 1].tolist() == [85, 170, 85, 85]


def test_raw_takes_values_for_bytes_and_clips():
    values = np.array([[[-5.0, 0.6]], [[254.4, 255.9]], [[300.0, 17.5]]])
    valid = np.ones((1, 2), bool)
    assert made(values, valid, mode="raw").pixels.reshape(3, 2).tolist() == [[0, 1], [254, 255], [255, 18]]
    assert made(values, valid, mode="raw", seed_rounding=True).pixels.reshape(3, 2).tolist() == [
        [0, 0],
        [254, 255],
        [255, 17],
    ]


def test_reflectance_is_one_curve_for_all_tiles():
    """0.3 is white, 0.15 is half the light, which sRGB shows as 188; nothing depends on other pixels."""
    values = np.array([[[0.3, 0.15]], [[0.0, 0.9]], [[-0.1, 0.0003]]])
    found = stretch(values, np.ones((1, 2), bool), StretchOptions(mode="reflectance")).pixels
    assert found.reshape(3, 2).tolist() == [[255, 188], [0, 255], [0, 3]]


def test_stretch_cuts_percentiles_of_the_bytes():
    values = np.arange(101, dtype=np.float64).reshape(1, 1, 101).repeat(3, axis=0)
    found = stretch(values, np.ones((1, 101), bool), StretchOptions(mode="raw", stretch=10.0)).pixels[0, 0]
    assert found[[0, 10, 11, 50, 90, 100]].tolist() == [0, 0, 3, 128, 255, 255]


def test_percentiles_are_common_or_of_each_band():
    values = np.stack([np.linspace(0, 100, 101), np.linspace(100, 200, 101), np.linspace(0, 200, 101)])[:, None]
    valid = np.ones((1, 101), bool)
    joint = stretch(values, valid, StretchOptions(mode="raw", stretch=1.0, stretch_scope="joint")).pixels[:, 0]
    band = stretch(values, valid, StretchOptions(mode="raw", stretch=1.0, stretch_scope="band")).pixels[:, 0]
    assert joint[0].max() < 140
    assert joint[1].min() > 115
    assert band.max(axis=1).tolist() == [255, 255, 255]
    assert band.min(axis=1).tolist() == [0, 0, 0]


@pytest.mark.parametrize("mode", ["band", "joint"])
def test_masked_pixels_take_no_part_and_are_0(mode):
    values, valid = VALUES.copy(), ALL.copy()
    values[:, 1, 2], valid[1, 2] = np.nan, False
    values[:, 0, 0], valid[0, 0] = 1e9, False
    found = made(values, valid, mode=mode).pixels
    assert (found[:, ~valid] == 0).all()
    assert found[0].max() == (255 if mode == "band" else 79)


def test_a_tile_without_data_is_none():
    with pytest.raises(ValueError, match="no pixel holds data"):
        made(valid=np.zeros((3, 4), bool))
    with pytest.raises(ValueError, match=r"`stretch` is 50\.0"):
        StretchOptions(stretch=50.0)
