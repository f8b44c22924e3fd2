"""Resampling at any positions against Pillow's resize, which is the case of a plain stretch."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from warpdata.sources.resample import resample


def smooth_picture(hw):
    y, x = np.mgrid[0 : hw[0], 0 : hw[1]]
    waves = [np.sin(x / 5 + 1), np.sin(y / 4 + x / 9), np.cos(x / 7 - y / 6)]
    return (127.5 + 100 * np.stack(waves, axis=-1)).round().astype(np.uint8)


@pytest.mark.parametrize("wh", [(211, 97), (40, 31), (500, 333)])
def test_a_plain_stretch_is_pillows_bicubic(wh):
    source = smooth_picture((150, 220))
    scale = np.array([220 / wh[0], 150 / wh[1]])
    found = resample(source, wh[::-1], lambda xy: xy * scale)
    expected = np.asarray(Image.fromarray(source).resize(wh, Image.Resampling.BICUBIC))
    assert np.abs(found.astype(int) - expected).max() <= 1


def test_no_move_changes_nothing():
    noise = np.random.default_rng(0).integers(0, 256, (37, 53, 3), dtype=np.uint8)
    assert (resample(noise, (37, 53), lambda xy: xy) == noise).all()


def test_a_shift_is_by_the_right_way():
    noise = np.random.default_rng(0).integers(0, 256, (37, 53, 3), dtype=np.uint8)
    found = resample(noise, (20, 30), lambda xy: xy + np.array([11.0, 6.0]))
    assert (found == noise[6:26, 11:41]).all()


def test_outside_the_nearest_pixels_are_repeated():
    noise = np.random.default_rng(0).integers(0, 256, (8, 9, 3), dtype=np.uint8)
    found = resample(noise, (8, 9), lambda xy: xy + np.array([100.0, 0.0]))
    assert (found == noise[:, -1:]).all()


def test_bands_leave_no_trace(monkeypatch):
    source = smooth_picture((90, 61))
    turned = lambda xy: xy @ np.array([[0.9, 0.1], [-0.1, 0.8]]) + 4.0  # noqa: E731
    whole = resample(source, (80, 50), turned)
    monkeypatch.setattr("warpdata.sources.resample._BAND_PIXELS", 130)
    assert (resample(source, (80, 50), turned) == whole).all()
