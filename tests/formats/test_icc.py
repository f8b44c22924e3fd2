"""Profiles made of primaries and a curve, read by a colour engine that did not make them."""

import io

import numpy as np
import pytest
from PIL import Image, ImageCms

from warpdata.formats.icc import ADOBE_RGB, SPACE_OF_PRIMARIES, SRGB, RgbSpace, rgb_profile


def in_srgb(space, colour):
    """One colour of a space as sRGB bytes, by littleCMS."""
    profile = ImageCms.ImageCmsProfile(io.BytesIO(rgb_profile(space)))
    picture = Image.new("RGB", (1, 1), colour)
    converted = ImageCms.profileToProfile(picture, profile, ImageCms.createProfile("sRGB"), renderingIntent=1)
    return converted.getpixel((0, 0))


@pytest.mark.parametrize(
    ("space", "colour", "wanted"),
    [
        (SRGB, (200, 60, 30), (200, 60, 30)),
        (SPACE_OF_PRIMARIES[12], (234, 51, 35), (255, 0, 0)),  # sRGB's red, as Display P3 writes it
        (ADOBE_RGB, (219, 0, 0), (255, 0, 0)),
        (RgbSpace(gamma=1.0), (55, 55, 55), (128, 128, 128)),  # a light of 0.216
    ],
)
def test_known_colours(space, colour, wanted):
    np.testing.assert_allclose(in_srgb(space, colour), wanted, atol=3)


def test_white_and_black_are_those_of_every_space():
    for space in SPACE_OF_PRIMARIES.values():
        assert in_srgb(space, (255, 255, 255)) == (255, 255, 255)
        assert in_srgb(space, (0, 0, 0)) == (0, 0, 0)


@pytest.mark.parametrize(
    "primaries", [((0.3, 0.3),) * 3, ((0.1, 0.1), (0.2, 0.2), (0.3, 0.3)), ((0.6, 0.0), (0.3, 0.6), (0.15, 0.06))]
)
def test_primaries_that_span_nothing_are_refused(primaries):
    with pytest.raises(ValueError, match=r"span no colours|lie on a line"):
        rgb_profile(RgbSpace(primaries=primaries))
