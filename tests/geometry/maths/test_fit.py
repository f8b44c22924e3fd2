"""Depth and camera on the output's pixels agree with the plane they show, however picture and depth map were cut."""

import dataclasses

import pytest
import torch

from tests.scenes import plane_camera, plane_depth
from warpdata.camera import project, unproject
from warpdata.geometry.maths.fit import depth_grid, fit_depth, point_size
from warpdata.geometry.maths.resample import SamplingGrid
from warpdata.geometry.types import ContentBox, FrameGeometry
from warpdata.sources.fit import fit_image

IMAGE = plane_camera(1, (90, 130))
WHOLE = (0.0, 0.0, 130.0, 90.0)


def plane_frame(box=WHOLE, hw=(45, 65)):
    """The plane's depth over a rectangle of the picture, 0 outside the picture; confidence is 5."""
    left, top, right, bottom = box
    scale = (hw[1] / (right - left), hw[0] / (bottom - top))
    camera = IMAGE.mapped(scale, (-left * scale[0], -top * scale[1]), hw)
    depth = plane_depth(camera)
    x, y = project(unproject(depth, camera).reshape(-1, 3), IMAGE)[0].reshape(*hw, 2).unbind(-1)
    depth[(x < 0) | (x > IMAGE.hw[1]) | (y < 0) | (y > IMAGE.hw[0])] = 0
    return FrameGeometry(
        name="0",
        depth=depth.float(),
        confidence=torch.full(hw, 5.0),
        camera=camera,
        image_hw=IMAGE.hw,
        content_box=ContentBox(left=left, top=top, right=right, bottom=bottom),
    )


@pytest.mark.parametrize("mode", ["crop", "pad"])
@pytest.mark.parametrize("output_hw", [(90, 130), (45, 65), (31, 77), (100, 60)])
@pytest.mark.parametrize("box", [WHOLE, (0.0, 17.0, 130.0, 73.0), (-20.0, 0.0, 150.0, 90.0)])
def test_fitted_depth_lies_on_the_plane(mode, output_hw, box):
    """Whole, cropped and padded depth maps; the output's own camera says what depth each pixel should have."""
    frame = plane_frame(box)
    fit = fit_image(frame.image_hw, output_hw, mode)
    depth, confidence = fit_depth(frame, fit)
    want = plane_depth(fit.map_camera(frame.image_camera)).float()
    valid = depth > 0
    assert depth.shape == confidence.shape == output_hw
    # Reducing takes the nearest texel, at most one texel away; enlarging is exact but for the outermost half texel.
    torch.testing.assert_close(depth[valid], want[valid], rtol=0.02, atol=0)
    if not depth_grid(frame, fit).reduces:
        off = ((depth - want).abs() > 1e-4 * want) & valid
        assert off.float().mean() < 0.12
    left, top, right, bottom = fit.place
    outside = torch.ones(output_hw, dtype=torch.bool)
    outside[top:bottom, left:right] = False
    assert not valid[outside].any()
    assert (confidence[outside] == 1).all()
    assert (confidence[valid] == 5).all()
    # What the map covers is there.
    y, x = torch.meshgrid(*[torch.arange(n) + 0.5 for n in output_hw], indexing="ij")
    span = fit.span
    in_x = span[0] + x * (span[2] - span[0]) / output_hw[1]
    in_y = span[1] + y * (span[3] - span[1]) / output_hw[0]
    covered = (in_x > box[0] + 2) & (in_x < box[2] - 2) & (in_y > box[1] + 2) & (in_y < box[3] - 2)
    covered &= (in_x > 2) & (in_x < 128) & (in_y > 2) & (in_y < 88)
    assert valid[covered & ~outside].all()


def test_nothing_changes_where_nothing_is_fitted():
    frame = plane_frame(hw=(90, 130))
    depth, confidence = fit_depth(frame, fit_image((90, 130), (90, 130), "crop"))
    assert torch.equal(depth, frame.depth)
    assert torch.equal(confidence, frame.confidence)


@pytest.mark.parametrize("output_hw", [(90, 130), (91, 131), (1000, 1443), (30, 43)])
def test_a_whole_map_on_a_whole_picture_is_plain_enlarging(output_hw):
    """The very same grid as the renderer's, so that points do not depend on who enlarges."""
    frame = plane_frame(hw=(37, 53))
    fit = fit_image((90, 130), output_hw, "crop")
    whole = dataclasses.replace(fit, box=WHOLE)
    assert depth_grid(frame, whole) == SamplingGrid.spanning((37, 53), output_hw)


def test_padding_never_becomes_depth():
    """A network gives depth to white borders too; a padded output has none there."""
    frame = plane_frame((-20.0, 0.0, 150.0, 90.0))
    frame = dataclasses.replace(frame, depth=torch.full_like(frame.depth, 2.0))
    fit = fit_image((90, 130), (90, 200), "pad")
    depth, _ = fit_depth(frame, fit)
    left, _, right, _ = fit.place
    assert (left, right) == (35, 165)
    assert not depth[:, :left].any()
    assert not depth[:, right:].any()
    assert (depth[:, left:right] == 2).all()


def test_a_fit_for_another_picture_is_refused():
    with pytest.raises(ValueError, match="the fit is for pictures of size"):
        fit_depth(plane_frame(), fit_image((91, 130), (45, 65), "crop"))


def test_points_are_as_fine_as_depth_or_output():
    assert point_size((600, 800), (480, 640), True) == (600, 800)
    assert point_size((600, 800), (480, 640), False) == (480, 640)
    assert point_size((480, 640), (480, 640), False) == (480, 640)
    assert point_size((300, 400), (480, 640), False) == (300, 400)
    assert point_size((866, 1155), (392, 518), False) == (388, 518)
    assert point_size((500, 10), (2, 2), False) == (2, 1)
