"""One size for a triplet, and pictures and cameras brought to it together."""

import json

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tests.scenes import plane_camera, plane_picture
from warpdata.camera import project
from warpdata.config import SizeOptions
from warpdata.sources.fit import Fit, fit_image, limit_megapixels, output_size

sides = st.integers(1, 3000)
sizes = st.tuples(sides, sides)
modes = st.sampled_from(["crop", "pad"])


def test_limits_are_those_of_earlier_data_sets(shared):
    """The recorded sizes of the original program, its rounding included."""
    recorded = json.loads((shared / "render/golden/pipeline.json").read_text())
    for case in recorded["rescale_to_max_megapixels"]:
        (width, height), (out_width, out_height) = case["size"], case["out"]
        options = SizeOptions(max_megapixels=case["max_megapixels"])
        assert output_size([(height, width)] * 2, options) == (out_height, out_width)
    for case in recorded["explicit_resize_cap"]:
        (width, height), (out_width, out_height) = case["size"], case["out"]
        options = SizeOptions(max_megapixels=case["max_megapixels"], resize_width=width, resize_height=height)
        assert output_size([(77, 99)], options) == (out_height, out_width)


def test_a_limit_worked_by_hand():
    """2000 x 1500 at 1 megapixel: both sides times sqrt(1 / 3) = 0.57735."""
    assert limit_megapixels((1500, 2000), 1.0) == (866, 1155)
    assert limit_megapixels((1500, 2000), 0.0) == (1500, 2000)
    assert limit_megapixels((1000, 1000), 1.0) == (1000, 1000)
    assert limit_megapixels((1, 3_000_000), 1.0) == (1, 1732051)


def test_mixed_sizes_take_the_least_of_each_side_after_the_limit():
    assert output_size([(300, 400), (320, 360)], SizeOptions()) == (300, 360)
    assert output_size([(1500, 2000), (900, 1100)], SizeOptions()) == (866, 1100)


def test_multiples_round_down_and_never_to_nothing():
    assert output_size([(866, 1155)], SizeOptions(max_megapixels=0.0, multiple=16)) == (864, 1152)
    assert output_size([(10, 100)], SizeOptions(multiple=32)) == (32, 96)
    assert output_size([(9, 9)], SizeOptions(resize_width=100, resize_height=50, multiple=8)) == (48, 96)


def test_no_picture_has_no_size():
    with pytest.raises(ValueError, match="without pictures"):
        output_size([], SizeOptions())


@given(source=sizes, output=sizes, mode=modes)
def test_box_and_place_lie_inside(source, output, mode):
    fit = fit_image(source, output, mode)
    left, top, right, bottom = fit.box
    assert 0 <= left < right <= source[1]
    assert 0 <= top < bottom <= source[0]
    left, top, right, bottom = fit.place
    assert 0 <= left < right <= output[1]
    assert 0 <= top < bottom <= output[0]


@given(source=sizes, output=sizes)
def test_crop_fills_the_output_with_square_pixels(source, output):
    fit = fit_image(source, output, "crop")
    assert fit.place == (0, 0, output[1], output[0])
    assert fit.scale_xy[0] == pytest.approx(fit.scale_xy[1])
    assert fit.box[0] == pytest.approx(source[1] - fit.box[2])
    assert fit.box[1] == pytest.approx(source[0] - fit.box[3])
    assert fit.span == pytest.approx(fit.box)


@given(source=sizes, output=sizes)
def test_pad_shows_the_whole_picture_between_even_borders(source, output):
    fit = fit_image(source, output, "pad")
    assert fit.box == (0, 0, source[1], source[0])
    left, top, right, bottom = fit.place
    assert output[1] - right - left in (0, 1)
    assert output[0] - bottom - top in (0, 1)
    assert left == 0 or top == 0


@given(source=sizes, mode=modes)
def test_the_same_size_is_left_alone(source, mode):
    fit = fit_image(source, source, mode)
    assert fit.box == fit.span == (0, 0, source[1], source[0])
    assert fit.place == (0, 0, source[1], source[0])


def test_crop_and_pad_worked_by_hand():
    crop = fit_image((300, 400), (100, 100), "crop")
    assert (crop.box, crop.place) == ((50, 0, 350, 300), (0, 0, 100, 100))
    pad = fit_image((300, 400), (100, 101), "pad")
    assert (pad.box, pad.place) == ((0, 0, 400, 300), (0, 12, 101, 88))
    assert pad.scale_xy == (101 / 400, 76 / 300)


@pytest.mark.parametrize("mode", ["crop", "pad"])
@pytest.mark.parametrize("output_hw", [(40, 40), (31, 70), (96, 20)])
def test_the_camera_follows_the_picture(mode, output_hw):
    """A point's image, moved as the pixels move, is the point's image in the mapped camera."""
    camera = plane_camera(1)
    fit = fit_image(camera.hw, output_hw, mode)
    points = torch.rand(50, 3, dtype=torch.float64) + torch.tensor([0.0, 0.0, 2.0])
    before, after = project(points, camera)[0], project(points, fit.map_camera(camera))[0]
    left, top, right, bottom = fit.span
    moved = (before - torch.tensor([left, top])) * torch.tensor(
        [output_hw[1] / (right - left), output_hw[0] / (bottom - top)]
    )
    torch.testing.assert_close(after, moved)
    assert fit.map_camera(camera).hw == output_hw


@pytest.mark.parametrize("mode", ["crop", "pad"])
def test_pixels_go_where_the_camera_says(mode):
    """Picture and camera fitted to half the size agree with the picture taken by the fitted camera."""
    camera = plane_camera(0, (120, 170))
    fit = fit_image(camera.hw, (60, 60), mode)
    fitted = np.asarray(fit.apply(Image.fromarray(plane_picture(camera)))).astype(int)
    taken = plane_picture(fit.map_camera(camera)).astype(int)
    left, top, right, bottom = fit.place
    inner = np.s_[top + 2 : bottom - 2, left + 2 : right - 2]
    assert np.abs(fitted[inner] - taken[inner]).max() <= 6
    border = np.ones(fit.output_hw, bool)
    border[top:bottom, left:right] = False
    assert (fitted[border] == 255).all()
    assert border.any() == (mode == "pad")


def test_an_unchanged_size_keeps_every_byte():
    picture = plane_picture(plane_camera(0))
    for mode in ("crop", "pad"):
        fit = fit_image(picture.shape[:2], picture.shape[:2], mode)
        np.testing.assert_array_equal(fit.apply(Image.fromarray(picture)), picture)


def test_whole_pixel_borders_and_cuts_keep_every_byte():
    picture = plane_picture(plane_camera(0))
    height, width = picture.shape[:2]
    padded = np.asarray(fit_image((height, width), (height + 6, width), "pad").apply(Image.fromarray(picture)))
    np.testing.assert_array_equal(padded[3:-3], picture)
    cut = np.asarray(fit_image((height, width), (height, width - 10), "crop").apply(Image.fromarray(picture)))
    np.testing.assert_array_equal(cut, picture[:, 5:-5])


def test_a_camera_of_another_size_is_refused():
    with pytest.raises(ValueError, match="was given to a fit of pictures of size"):
        fit_image((10, 20), (5, 10), "crop").map_camera(plane_camera(0))


def test_fits_can_be_keys():
    assert len({fit_image((10, 20), (5, 5), mode) for mode in ("crop", "crop", "pad")}) == 2
    assert isinstance(fit_image((10, 20), (5, 5), "crop"), Fit)
