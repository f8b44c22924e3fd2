"""What the two versions show and hide, on small scenes whose true depth is known in closed form."""

from dataclasses import dataclass

import pytest
import torch

from tests.render.views import noise_image
from warpdata.camera import Camera
from warpdata.render import RenderOptions, warp

HW = (60, 80)
FOCAL = 64.0
NEAR, FAR = 2.0, 8.0


@dataclass(frozen=True)
class Shares:
    preventable_leaks: float
    wrongly_hidden: float
    visible: float


def fence_depth(x: float, pitch: float, width: float) -> torch.Tensor:
    """Depth from the position `x`: a wall at FAR behind upright slats at NEAR, given in scene units."""
    u = (torch.arange(HW[1], dtype=torch.float64) + 0.5 - HW[1] / 2) / FOCAL
    on_slat = torch.remainder(u * NEAR + x, pitch) < width
    return torch.where(on_slat, NEAR, FAR).float().expand(HW).contiguous()


def camera(x: float) -> Camera:
    K = torch.tensor([[FOCAL, 0, HW[1] / 2], [0, FOCAL, HW[0] / 2], [0, 0, 1]], dtype=torch.float64)
    pose = torch.eye(4, dtype=torch.float64)
    pose[0, 3] = -x
    return Camera(K=K, cam_from_world=pose, hw=HW)


def shares(x: float, pitch: float, width: float, version: int) -> Shares:
    inputs = (noise_image(HW), fence_depth(0, pitch, width), camera(0), camera(x))
    drawn = warp(*inputs, options=RenderOptions(version=1, occlusion_threshold=-10.0))
    found = warp(*inputs, options=RenderOptions(version=version))
    truth = fence_depth(x, pitch, width)
    shown = found.visible[0]
    # The same pixel's true point, a column of the reference: there it is seen where the depth is the same.
    column = torch.arange(HW[1]) + 0.5 + (x * FOCAL / truth[0].double())
    inside = (column >= 0) & (column < HW[1])
    seen = inside & (inputs[1][0, column.clamp(0, HW[1] - 1).long()] == truth[0])
    truly = drawn.visible[0] & (drawn.depth[0] <= 1.02 * truth)
    return Shares(
        preventable_leaks=float((shown & seen & (found.depth[0] > 1.02 * truth)).sum() / shown.sum()),
        wrongly_hidden=float((truly & ~shown).sum() / truly.sum()),
        visible=float(shown.double().mean()),
    )


@pytest.mark.parametrize(("pitch", "width"), [(0.25, 0.09375), (0.3125, 0.0625), (0.5, 0.03125)])
@pytest.mark.parametrize("x", [0.15, -0.4])
def test_a_fence_keeps_what_is_seen_through_it(x, pitch, width):
    """Slats three, two and one pixel wide."""
    old, new = (shares(x, pitch, width, version) for version in (1, 2))
    assert new.wrongly_hidden <= 0.002
    assert new.preventable_leaks <= 0.003
    assert new.visible >= old.visible
    assert old.wrongly_hidden > 0.1, "the scene shows nothing if version 1 does as well"
