"""Cameras and masks of pictures that a tag turns: used where their sizes prove which pixels they are for."""

import dataclasses

import numpy as np
import pytest
from PIL import Image

from tests.scenes import plane_camera, write_image
from warpdata.errors import ViewError
from warpdata.sources import PictureFile, View
from warpdata.sources.orientation import check_turned, same_shape, upright_camera

STORED, UPRIGHT, SQUARE = (40, 60), (60, 40), (50, 50)
REMEDY = "remove the tag .*exiftool.* turn the pixels .*auto-orient"


def view(folder, tag, stored_hw, camera_hw):
    exif = Image.Exif()
    exif[0x0112] = tag
    path = write_image(folder / "a.jpg", np.zeros((*stored_hw, 3), np.uint8), exif=exif)
    return View(name="a", picture=PictureFile(path), camera=plane_camera(0, camera_hw))


@pytest.mark.parametrize(
    ("tag", "stored_hw", "camera_hw", "refused"),
    [
        (1, STORED, STORED, None),
        (1, SQUARE, SQUARE, None),
        *((tag, STORED, STORED, REMEDY) for tag in (2, 3, 4)),
        *((tag, STORED, UPRIGHT, None) for tag in (5, 6, 7, 8)),
        *((tag, STORED, STORED, "is 40x60 upright") for tag in (5, 6, 7, 8)),
        *((tag, SQUARE, SQUARE, REMEDY) for tag in range(2, 9)),
        *((tag, (50, 51), (51, 50), REMEDY) for tag in (5, 6, 7, 8)),  # two roundings of a square
        (6, STORED, (30, 20), None),  # the camera of the picture at half its size
        (3, STORED, (20, 30), REMEDY),
    ],
)
def test_the_table(tmp_path, tag, stored_hw, camera_hw, refused):
    turned = view(tmp_path, tag, stored_hw, camera_hw)
    if refused is None:
        assert upright_camera(turned, turned.picture.hw()).hw == turned.picture.hw()
    else:
        with pytest.raises(ViewError, match=refused):
            upright_camera(turned, turned.picture.hw())


def test_a_picture_without_a_camera_is_turned(tmp_path):
    turned = dataclasses.replace(view(tmp_path, 3, STORED, STORED), camera=None)
    assert upright_camera(turned, STORED) is None


def test_masks_are_judged_by_their_own_size(tmp_path):
    check_turned(view(tmp_path, 6, STORED, STORED), (30, 20), "its mask")
    with pytest.raises(
        ViewError, match=r"a\.jpg has the orientation tag 3, and nothing tells which pixels its mask is for"
    ):
        check_turned(view(tmp_path, 3, STORED, STORED), (20, 30), "its mask")


def test_shapes_are_the_same_within_what_networks_round():
    assert same_shape((392, 518), (3024, 4032))
    assert not same_shape((518, 392), (3024, 4032))
    assert not same_shape((100, 100), (100, 107))
