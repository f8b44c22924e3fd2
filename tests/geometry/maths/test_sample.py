"""Masks and scores of a picture land on the pixels of a depth map that show the same place."""

import torch

from warpdata.geometry.maths.sample import sample_picture
from warpdata.geometry.types import ContentBox


def test_a_picture_is_sampled_where_the_box_says():
    """A 2x4 picture of a 4x8 image, on a map of its middle: worked by hand; outside there is nothing."""
    picture = torch.arange(8.0).reshape(1, 1, 2, 4)
    inner = ContentBox(left=2.0, top=0.0, right=6.0, bottom=4.0)
    assert sample_picture(picture, (4, 8), inner, (2, 2), mode="nearest").flatten().tolist() == [1, 2, 5, 6]
    outer = ContentBox(left=-4.0, top=0.0, right=12.0, bottom=4.0)
    sampled = sample_picture(picture + 1, (4, 8), outer, (1, 8), mode="nearest").flatten()
    assert sampled[:2].tolist() == [0, 0]
    assert sampled[-2:].tolist() == [0, 0]
    assert (sampled[2:-2] > 0).all()
