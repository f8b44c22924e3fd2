"""The cameras of a manifest's line come back, digit for digit."""

import json

import pytest
import torch

from tests.writers.triplets import HW, camera
from warpdata.formats.manifest_cameras import cameras_from_json, cameras_to_json


def test_cameras_come_back():
    written = json.loads(json.dumps(cameras_to_json(camera(1), camera(2))))
    for found, expected in zip(cameras_from_json(written, HW), (camera(1), camera(2)), strict=True):
        assert torch.equal(found.K, expected.K)
        assert torch.equal(found.cam_from_world, expected.cam_from_world)
        assert found.hw == HW


def test_cameras_in_other_axes_are_refused():
    with pytest.raises(ValueError, match="opencv-w2c"):
        cameras_from_json({"convention": "opengl-c2w"}, HW)
