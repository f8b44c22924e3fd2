"""The cameras of a manifest's line come back, digit for digit."""

import json

import pytest
import torch

from tests.writers.triplets import HW, camera
from warpdata.formats.manifest_cameras import cameras_from_json, cameras_to_json


@pytest.mark.parametrize("views", [("reference", "target"), ("target",), ("reference", "target", "drawn")])
def test_cameras_come_back(views):
    cameras = {view: camera(number) for number, view in enumerate(views)}
    written = json.loads(json.dumps(cameras_to_json(**{"reference": None, **cameras})))
    found = cameras_from_json(written, HW)
    assert found.keys() == cameras.keys()
    for view, expected in cameras.items():
        assert torch.equal(found[view].K, expected.K)
        assert torch.equal(found[view].cam_from_world, expected.cam_from_world)
        assert found[view].hw == HW


def test_cameras_in_other_axes_are_refused():
    with pytest.raises(ValueError, match="opencv-w2c"):
        cameras_from_json({"convention": "opengl-c2w"}, HW)
