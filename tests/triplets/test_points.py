"""The point cloud that goes with a triplet holds the very points that are rendered."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.scenes import HW, plane_camera, plane_picture
from tests.triplets.planes import plane_frame, plane_pair
from warpdata.config import FilterOptions, RenderOptions
from warpdata.render import Rendering, render_points, warp
from warpdata.triplets.inputs import PairInputs
from warpdata.triplets.points import point_cloud


def broken_frame(depth_hw=HW):
    """Holes of every kind, confidence from 1 to 3, none of it finite in places, and two surfaces."""
    frame = plane_frame(0, depth_hw)
    depth, confidence = frame.depth.clone(), 1 + 2 * torch.rand(depth_hw, generator=torch.Generator().manual_seed(1))
    depth[:, : depth_hw[1] // 3] *= 0.7
    for k, nothing in enumerate((0.0, -1.0, torch.nan, torch.inf, 1e-7)):
        depth[3 + k, 5:20] = nothing
    confidence[10, ::3], confidence[11, ::3] = torch.nan, torch.inf
    return replace(frame, depth=depth, confidence=confidence)


def warped(pair: PairInputs, options: RenderOptions) -> Rendering:
    cameras = [camera.resized(pair.point_hw) for camera in (pair.reference_camera, pair.target_camera)]
    return warp(pair.point_image, pair.depth, *cameras, confidence=pair.confidence, options=options)


def splatted(pair: PairInputs, options: RenderOptions) -> Rendering:
    cloud = point_cloud(pair, options)
    camera = pair.target_camera.resized(pair.point_hw)
    return render_points(cloud.xyz, cloud.rgb.contiguous(), cloud.confidence, camera, options=options)


def dark_picture() -> np.ndarray:
    """The plane with a black band and a white one."""
    picture = plane_picture(plane_camera(0))
    picture[20:26], picture[30:34] = 0, 255
    return picture


PAIRS = {
    "plain": {},
    "enlarged": {"depth_hw": (24, 35), "upsample_depth": True},
    "coarse": {"depth_hw": (24, 35)},
    "padded": {"output_hw": (60, 70), "preprocess_mode": "pad"},
    "cropped": {"output_hw": (40, 40)},
    "filtered": {"filters": FilterOptions(filter_black_bg=True, filter_white_bg=True), "picture": dark_picture()},
}


@pytest.mark.parametrize("kind", PAIRS)
@pytest.mark.parametrize("threshold", [0.0, 1.01, 2.5])
def test_under_compat_the_points_render_to_the_same_bytes(kind, threshold):
    """There both go through a list of points; those that are left out of the file are those that are not drawn."""
    pair = plane_pair(frame=broken_frame(PAIRS[kind].get("depth_hw", HW)), **PAIRS[kind])
    options = RenderOptions(s0=0.05, confidence_threshold=threshold, compat=True, near=1e-9, far=1e9)
    a, b = warped(pair, options), splatted(pair, options)
    assert a.visible.any()
    for name in ("rgb", "coverage", "visible", "depth"):
        assert torch.equal(getattr(a, name), getattr(b, name)), name


@pytest.mark.parametrize("kind", PAIRS)
@pytest.mark.parametrize("threshold", [0.0, 1.01, 2.5])
def test_the_points_render_to_the_picture_up_to_rounding(kind, threshold):
    """World coordinates are rounded to float32 on the way: a point may change its pixel only across a border.

    So but for a few pixels the same are seen, at the same depth to 1e-5, in the same colour.
    """
    pair = plane_pair(frame=broken_frame(PAIRS[kind].get("depth_hw", HW)), **PAIRS[kind])
    options = RenderOptions(s0=0.05, confidence_threshold=threshold, near=1e-9, far=1e9)
    a, b = warped(pair, options), splatted(pair, options)
    assert (a.visible != b.visible).float().mean() < 0.005
    both = a.visible & b.visible
    differs = ((a.depth - b.depth).abs() > 1e-5 * a.depth) | (a.rgb != b.rgb).any(dim=0, keepdim=True)
    assert differs[both].float().mean() < 0.005


@pytest.mark.parametrize("compat", [False, True])
def test_every_point_that_is_kept_is_one_that_may_be_drawn(compat):
    """By hand: four pixels, of which one has no depth and one is not confident enough."""
    pair = plane_pair()
    depth, confidence = torch.zeros(HW), torch.full(HW, 2.0)
    depth[5, 6], depth[7, 8], depth[9, 10] = 1.0, 2.0, 1e-7
    confidence[7, 8] = 1.0
    cloud = point_cloud(replace(pair, depth=depth, confidence=confidence), RenderOptions(compat=compat))
    assert cloud.rgb.tolist() == [pair.point_image[:, 5, 6].tolist(), pair.point_image[:, 9, 10].tolist()]
    camera = pair.reference_camera
    offset = 0.0 if compat else 0.5
    ray = camera.rays(torch.tensor([6 + offset, 5 + offset], dtype=torch.float64))
    assert cloud.xyz[0].tolist() == pytest.approx((camera.world_from_cam[:3, :3] @ ray).tolist(), abs=1e-6)
