"""Masks exclude what they say of the picture they belong to, and of no other."""

import dataclasses

import numpy as np
import pytest
import torch
from PIL import Image

from tests.scenes import HW, plane_camera, plane_depth, plane_picture, write_image
from warpdata.errors import ViewError
from warpdata.geometry.masks import masked, view_mask
from warpdata.geometry.types import ContentBox, FrameGeometry
from warpdata.sources import MaskFile, PictureFile, View


def view(folder, mask, tag=1):
    exif = Image.Exif()
    exif[0x0112] = tag
    picture = write_image(folder / "a.png", plane_picture(plane_camera(0)), exif=exif)
    return View(name="a", picture=PictureFile(picture), mask=MaskFile(write_image(folder / "mask.png", mask)))


def half_mask(hw):
    """Excludes the left half."""
    mask = np.full(hw, 255, np.uint8)
    mask[:, : hw[1] // 2] = 0
    return mask


def test_a_view_without_a_mask_is_whole(tmp_path):
    assert view_mask(dataclasses.replace(view(tmp_path, half_mask(HW)), mask=None), HW) is None


@pytest.mark.parametrize("hw", [HW, (24, 35), (96, 140)])
def test_a_mask_has_any_resolution(tmp_path, hw):
    mask = view_mask(view(tmp_path, half_mask(hw)), HW)
    assert mask.shape == hw
    assert not mask[:, : hw[1] // 2].any()
    assert mask[:, hw[1] // 2 :].all()


@pytest.mark.parametrize("hw", [HW[::-1], (48, 48), (24, 70)])
def test_a_mask_of_another_shape_is_refused(tmp_path, hw):
    with pytest.raises(ViewError, match=r"mask\.png is \d+x\d+ pixels, another shape than its picture of 70x48"):
        view_mask(view(tmp_path, np.full(hw, 255, np.uint8)), HW)


def test_a_mask_that_excludes_all_says_so(tmp_path):
    with pytest.raises(ViewError, match=r"mask\.png is 0 everywhere"):
        view_mask(view(tmp_path, np.zeros(HW, np.uint8)), HW)


def test_a_mask_of_a_picture_that_is_turned_round_is_refused(tmp_path):
    with pytest.raises(ViewError, match="orientation tag 3, and nothing tells which pixels its mask is for"):
        view_mask(view(tmp_path, half_mask(HW), tag=3), HW)


def test_a_frame_loses_depth_where_its_mask_is_0(tmp_path):
    """Depth of half the size, of a part of the picture: the mask is met where the picture is."""
    camera = plane_camera(0, (24, 20))
    frame = FrameGeometry(
        name="a",
        depth=plane_depth(camera).float(),
        confidence=torch.full((24, 20), 3.0),
        camera=camera,
        image_hw=HW,
        content_box=ContentBox(left=15.0, top=0.0, right=55.0, bottom=48.0),
    )
    kept = masked(frame, view(tmp_path, half_mask(HW)))
    assert (kept.depth[:, :10] == 0).all()
    assert (kept.confidence[:, :10] == 1).all()
    assert torch.equal(kept.depth[:, 10:], frame.depth[:, 10:])
    assert torch.equal(kept.confidence[:, 10:], frame.confidence[:, 10:])
