"""Pictures to network input; the golden vectors hold whole results, here are the rules by hand."""

import numpy as np
import pytest
import torch
from PIL import Image
from warpdata_vggt import preprocess, preprocess_omega


def picture(w, h, seed=0):
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (h, w, 3), dtype=np.uint8))


def marked(w, h, box):
    """A black picture with one green rectangle (left, top, right, bottom)."""
    pixels = np.zeros((h, w, 3), dtype=np.uint8)
    pixels[box[1] : box[3], box[0] : box[2]] = (0, 255, 0)
    return Image.fromarray(pixels)


def centre_of_mark(image):
    """Centre of the green rectangle in a network input, as x, y; the first pixel's centre is (0.5, 0.5)."""
    green = image[1] - image[0]
    rows = torch.arange(green.shape[0]) + 0.5
    columns = torch.arange(green.shape[1]) + 0.5
    return ((green.sum(0) * columns).sum() / green.sum(), (green.sum(1) * rows).sum() / green.sum())


@pytest.mark.parametrize(
    ("wh", "mode", "hw"),
    [
        ((640, 480), "crop", (392, 518)),
        ((518, 35), "crop", (28, 518)),  # 2.5 patches: half to even
        ((518, 21), "crop", (28, 518)),  # 1.5 patches
        ((300, 900), "crop", (518, 518)),
        ((1000, 700), "pad", (518, 518)),
        ((50, 700), "pad", (518, 518)),
    ],
)
def test_sizes(wh, mode, hw):
    images, boxes = preprocess([picture(*wh)], mode)
    assert images.shape == (1, 3, *hw)
    assert boxes[0].input_hw == hw
    assert boxes[0].picture_hw == (wh[1], wh[0])


@pytest.mark.parametrize(
    ("wh", "mode", "resolution", "hw"),
    [
        ((600, 400), "balanced", 512, (416, 624)),  # sqrt(1024 * 1.5) = 39.2 and 26.1 patches
        ((600, 400), "max_size", 512, (336, 512)),  # 21.3 patches
        ((400, 600), "max_size", 512, (512, 336)),
        ((300, 300), "balanced", 256, (256, 256)),
        ((1000, 100), "max_size", 512, (256, 512)),  # cut to an aspect ratio of 2
        ((100, 1000), "max_size", 512, (512, 256)),
    ],
)
def test_omega_sizes(wh, mode, resolution, hw):
    images, _ = preprocess_omega([picture(*wh)], mode, resolution=resolution)
    assert images.shape == (1, 3, *hw)


@pytest.mark.parametrize("mode", ["crop", "pad"])
@pytest.mark.parametrize("wh", [(640, 427), (427, 640), (300, 313), (900, 200)])
def test_a_mark_is_where_the_record_says(wh, mode):
    w, h = wh
    left, top = int(0.55 * w), int(0.4 * h)
    mark = (left, top, left + 40, top + 30)
    images, (box,) = preprocess([marked(w, h, mark)], mode)
    check_mark(images, box, mark)


@pytest.mark.parametrize("mode", ["balanced", "max_size"])
@pytest.mark.parametrize("wh", [(640, 427), (427, 640), (1200, 300), (250, 1000)])
def test_an_omega_mark_is_where_the_record_says(wh, mode):
    w, h = wh
    left, top = int(0.55 * w), int(0.4 * h)
    mark = (left, top, left + 40, top + 30)
    images, boxes = preprocess_omega([marked(w, h, mark), picture(200, 210)], mode)
    check_mark(images, boxes[0], mark)


def check_mark(images, box, mark):
    x, y = (mark[0] + mark[2]) / 2, (mark[1] + mark[3]) / 2
    got = centre_of_mark(images[0])
    want = (x * box.scale[0] + box.offset[0], y * box.scale[1] + box.offset[1])
    # Bytes and the ringing of the filter leave a little; a convention half a pixel off would show.
    assert got[0] == pytest.approx(want[0], abs=0.1)
    assert got[1] == pytest.approx(want[1], abs=0.1)


def test_the_record_of_a_crop_by_hand():
    """300 x 900 becomes 518 x 1554; rows 518 to 1036 stay, which are rows 300 to 600 of the picture."""
    _, (box,) = preprocess([picture(300, 900)], "crop")
    assert box.box == (0, 0, 518, 518)
    assert box.offset == (0, -518)
    assert box.picture_box == pytest.approx((0, 300, 300, 600))


def test_the_record_of_a_pad_by_hand():
    """740 x 370 is 18.5 patches high at width 518: half to even makes it 252, with 133 white rows on either side."""
    images, (box,) = preprocess([picture(740, 370)], "pad")
    assert box.box == (0, 133, 518, 385)
    assert box.picture_box == pytest.approx((0, 0, 740, 370))
    assert (images[0, :, :133] == 1).all()
    assert (images[0, :, 385:] == 1).all()
    assert (images[0, :, 133:385] != 1).any()


def test_pictures_of_different_shapes_share_the_largest_with_white_around_them():
    images, boxes = preprocess([picture(640, 480), picture(640, 427)], "crop")
    assert images.shape == (2, 3, 392, 518)
    assert boxes[0].box == (0, 0, 518, 392)
    assert boxes[1].box == (0, 21, 518, 371)
    assert (images[1, :, :21] == 1).all()
    alone = preprocess([picture(640, 427)], "crop").images
    assert torch.equal(images[1, :, 21:371], alone[0])


def test_transparency_is_white_and_other_modes_are_converted():
    clear = Image.new("RGBA", (140, 140), (10, 20, 30, 0))
    assert (preprocess([clear]).images == 1).all()
    half = preprocess([Image.new("RGBA", (140, 140), (0, 0, 0, 128))]).images
    torch.testing.assert_close(half, torch.full_like(half, 127 / 255))
    grey = preprocess([Image.new("L", (140, 140), 51)]).images
    torch.testing.assert_close(grey, torch.full_like(grey, 0.2))


def test_values_are_bytes_over_255():
    images = preprocess([picture(320, 200)]).images
    assert images.dtype == torch.float32
    assert torch.equal((images * 255).round() / 255, images)


def test_what_cannot_be_done_is_said():
    with pytest.raises(ValueError, match="too flat"):
        preprocess([picture(2000, 10)])
    with pytest.raises(ValueError, match="no pictures"):
        preprocess([])
    with pytest.raises(ValueError, match="'crop' or 'pad'"):
        preprocess([picture(20, 20)], "stretch")
    with pytest.raises(ValueError, match="'balanced' or 'max_size'"):
        preprocess_omega([picture(20, 20)], "crop")
    with pytest.raises(ValueError, match="multiple of 16"):
        preprocess_omega([picture(20, 20)], resolution=500)
