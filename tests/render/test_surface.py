"""Laws of visibility by surface: exact coverage, no surface hides itself, thin things hide what lies behind them."""

from dataclasses import replace

import pytest
import torch

from tests.render.views import lopsided_camera, noise, noise_image
from warpdata.camera import Camera
from warpdata.render import RenderOptions, warp
from warpdata.render.surface import (
    LEAVES_A_HOLE,
    NO_SURFACE,
    NOT_SHOWN,
    Triangles,
    Vertices,
    covered_pixels,
    meet,
    triangles_of,
)

NEVER = RenderOptions(version=1, occlusion_threshold=-10.0)
HW = (40, 56)


def seen_from_aside(depth, *, x: float, focal: float = 48.0, version: int = 2, backend: str, device):
    """A depth map seen from `x` to its right: with all points drawn, and with hidden ones removed."""
    K = torch.tensor([[focal, 0, depth.shape[1] / 2], [0, focal, depth.shape[0] / 2], [0, 0, 1]], dtype=torch.float64)
    pose = torch.eye(4, dtype=torch.float64)
    here = Camera(K=K, cam_from_world=pose, hw=tuple(depth.shape))
    moved = pose.clone()
    moved[0, 3] = -x
    inputs = (noise_image(tuple(depth.shape)).to(device), depth.to(device), here, replace(here, cam_from_world=moved))
    return tuple(warp(*inputs, options=options, backend=backend) for options in (NEVER, RenderOptions(version=version)))


def grid(hw: tuple[int, int], seed: int) -> Vertices:
    """A sheet of quads whose inner corners are shifted at random, over more than the picture."""
    y, x = torch.meshgrid(*(torch.arange(n + 3) - 1 for n in hw), indexing="ij")
    x, y = (256 * a + noise(tuple(a.shape), seed + k, 180) - 90 for k, a in enumerate((x, y)))
    corners = [(0, 0), (0, 1), (1, 0), (1, 1)]
    x, y = (
        torch.stack([a[dy : hw[0] + 2 + dy, dx : hw[1] + 2 + dx] for dy, dx in corners], -1).reshape(-1, 4).int()
        for a in (x, y)
    )
    return Vertices(x=x, y=y, w=torch.ones(x.shape), usable=torch.ones(x.shape, dtype=torch.bool))


def coverage(triangles: Triangles, hw: tuple[int, int]) -> torch.Tensor:
    count = torch.zeros(hw, dtype=torch.int64)
    for _, column, row in covered_pixels(triangles, hw):
        count.index_put_((row, column), torch.ones_like(row, dtype=torch.int64), accumulate=True)
    return count


@pytest.mark.parametrize("seed", range(4))
def test_a_sheet_covers_every_pixel_once(seed):
    """Edges are shared: a centre on one belongs to one of its triangles."""
    hw = (11, 17)
    assert (coverage(triangles_of(grid(hw, seed)), hw) == 1).all()


def test_corners_on_pixel_centres_cover_each_once():
    hw = (5, 7)
    regular = grid(hw, 0)
    y, x = torch.meshgrid(torch.arange(7), torch.arange(9), indexing="ij")
    x, y = (256 * (a.reshape(-1, 1) - 1) + 128 for a in (x, y))
    x, y = (x + torch.tensor([0, 256, 0, 256])).int(), (y + torch.tensor([0, 0, 256, 256])).int()
    assert len(regular.x) == len(x)
    vertices = Vertices(x=x, y=y, w=torch.ones(x.shape), usable=torch.ones(x.shape, dtype=torch.bool))
    assert (coverage(triangles_of(vertices), hw) == 1).all()


def test_the_order_of_surfaces_does_not_matter():
    quads = replace(grid(HW, 3), w=1 / (1 + noise((42 * 58, 4), 5, 100) / 50))
    z = 1 + noise(HW, 6, 100) / 25
    z = z.float().masked_fill(noise(HW, 8, 4) == 0, 0)
    index = torch.arange(len(quads.x))
    found = meet(triangles_of(quads, index), z, 1.01, 1.0)
    shuffled = noise((len(quads.x),), 7, 2**30).argsort()
    again = meet(triangles_of(quads[shuffled], index[shuffled]), z, 1.01, 1.0)
    assert 0.2 < found.hidden.float().mean() < 0.75
    assert (found.key[z == 0] != NO_SURFACE).all()
    assert torch.equal(found.hidden, again.hidden)
    assert torch.equal(found.key, again.key)


@pytest.mark.parametrize("slope", [0.0, 0.2, 0.6, 0.9, -0.7])
@pytest.mark.parametrize("x", [0.3, -1.5, 1.0])
def test_a_plane_never_hides_itself(slope, x, backend, device):
    """However slanted it is, and however much more slanted from the target."""
    u = (torch.arange(HW[1]) + 0.5 - HW[1] / 2) / 48
    depth = (4 / (1 - slope * u)).expand(HW).contiguous()
    drawn, seen = seen_from_aside(depth, x=x, backend=backend, device=device)
    assert drawn.visible.any()
    assert torch.equal(seen.visible & drawn.visible, drawn.visible)
    assert torch.equal(seen.depth[drawn.visible], drawn.depth[drawn.visible])


@pytest.mark.parametrize("width", [1, 2, 3])
def test_thin_slats_hide_what_lies_behind_them_and_no_more(width, backend, device):
    """Slats at depth 2 before a wall at 8, seen from where gaps open: exactly the slats' own pixels hide the wall."""
    depth = torch.full(HW, 8.0)
    columns = torch.arange(HW[1])
    depth[:, columns % 8 < width] = 2.0
    # 1/3 unit moves the slats by 8 pixels, the wall by 2.
    drawn, seen = seen_from_aside(depth, x=1 / 3, backend=backend, device=device)
    inner = slice(0, HW[1] - 8)
    assert torch.equal(seen.depth[0, :, inner] == 2, drawn.depth[0, :, inner] == 2)
    assert torch.equal(drawn.visible, seen.visible & drawn.visible)
    old = seen_from_aside(depth, x=1 / 3, version=1, backend=backend, device=device)[1]
    assert seen.visible.sum() >= old.visible.sum()


@pytest.mark.parametrize("thin", [True, False])
def test_nothing_shines_through_what_came_nearer(thin, backend, device):
    """A board, or poles a pixel wide, twice as near in the target: points of the wall in its gaps are hidden."""
    depth = torch.full(HW, 8.0)
    depth[8:32, 12:40] = 2.0
    if thin:
        depth[8:32, 13:40:3] = 8.0
        depth[8:32, 14:40:3] = 8.0
    K = torch.tensor([[48.0, 0, HW[1] / 2], [0, 48.0, HW[0] / 2], [0, 0, 1]], dtype=torch.float64)
    pose = torch.eye(4, dtype=torch.float64)
    nearer = pose.clone()
    nearer[2, 3] = -1.0
    inputs = (noise_image(HW).to(device), depth.to(device), Camera(K=K, cam_from_world=pose, hw=HW))
    out = warp(*inputs, Camera(K=K, cam_from_world=nearer, hw=HW), backend=backend)
    row, column = 20, 28 if not thin else 27
    board = out.depth[0, row - 6 : row + 6, 2 if not thin else 0 :]
    if thin:
        # The pole of reference column 24 covers target columns 20 and 21.
        poles = out.depth[0, row - 6 : row + 6, 20:22]
        assert not (poles == 7).any()
        assert (poles == 1).any()
    else:
        assert not (board[:, : column - 4] == 7).any()


def test_confidence_and_missing_depth_span_nothing(backend, device):
    """What is not drawn hides nothing."""
    depth = torch.full(HW, 8.0)
    depth[10:30, 20:40] = 2.0
    confidence = torch.full(HW, 2.0)
    confidence[10:30, 20:40] = 1.0
    here, there = lopsided_camera(HW), lopsided_camera(HW, translation=(0.4, 0.1, 0.0))
    image = noise_image(HW).to(device)
    doubted = warp(image, depth.to(device), here, there, confidence=confidence.to(device), backend=backend)
    missing = warp(image, depth.masked_fill(depth == 2, 0).to(device), here, there, backend=backend)
    assert torch.equal(doubted.visible, missing.visible)
    assert torch.equal(doubted.depth, missing.depth)


def magnified(depth, *, backend: str, device, by: float = 2.5, image=None):
    """A depth map seen from where it was taken through a lens `by` times as long, or, with none, from nearer by 1."""
    K = torch.tensor([[48.0, 0, HW[1] / 2 - 1], [0, 40.0, HW[0] / 2 + 2], [0, 0, 1]], dtype=torch.float64)
    here = Camera(K=K, cam_from_world=torch.eye(4, dtype=torch.float64), hw=HW)
    longer = K.clone()
    longer[0, 0], longer[1, 1] = by * K[0, 0], by * K[1, 1]
    image = noise_image(HW) if image is None else image
    return warp(image.to(device), depth.to(device), here, replace(here, K=longer), backend=backend)


def test_a_magnified_plane_is_interpolated(backend, device):
    """A plane with colours linear over the picture, three times as large: every pixel is seen, with the plane's depth
    and a colour that no rounding moves by more than one."""
    u, v = torch.arange(HW[1]) + 0.5, (torch.arange(HW[0]) + 0.5)[:, None]
    image = torch.stack([(4 * u).expand(HW), (6 * v).expand(HW), (2 * u + 3 * v)]).to(torch.uint8)
    out = magnified(torch.full(HW, 4.0), backend=backend, device=device, by=3, image=image)
    assert out.visible.all()
    assert (out.coverage == 255).all()
    assert torch.equal(out.depth, torch.full_like(out.depth, 4.0))
    x = (torch.arange(HW[1]) + 0.5 - (HW[1] / 2 - 1)) / 3 + HW[1] / 2 - 1
    y = ((torch.arange(HW[0]) + 0.5 - (HW[0] / 2 + 2)) / 3 + HW[0] / 2 + 2)[:, None]
    expected = torch.stack([(4 * x).expand(HW), (6 * y).expand(HW), 2 * x + 3 * y])
    assert ((out.rgb.cpu().float() - expected).abs() <= 4 / 3 + 1).all()


def test_slanted_surfaces_are_interpolated_as_planes(backend, device):
    """1/z is linear over the picture of a plane, between points as at them."""
    x = torch.arange(HW[1]) + 0.5
    inverse = 0.2 + 0.002 * x
    out = magnified((1 / inverse).expand(HW).contiguous(), backend=backend, device=device, by=3)
    at = (torch.arange(HW[1]) + 0.5 - (HW[1] / 2 - 1)) / 3 + HW[1] / 2 - 1
    # A point's pixel holds the point's own depth, up to half a pixel beside the pixel's centre.
    assert out.visible.all()
    assert ((1 / out.depth.cpu() - (0.2 + 0.002 * at)).abs() <= 0.002 / 6 + 1e-5).all()


def test_nothing_is_shown_between_two_things(backend, device):
    """A step in depth stays a hole when it is too steep for a surface."""
    for ratio, spans in ((1.04, True), (1.06, False), (2.0, False)):
        depth = torch.full(HW, 4.0)
        depth[:, 27:] *= ratio
        out = magnified(depth, backend=backend, device=device, by=4)
        between = (out.depth > 4 * 1.001) & (out.depth < 4 * ratio * 0.999)
        assert bool(between.any()) == spans
        assert bool(out.visible.all()) == spans


def test_backs_and_footprints_are_not_shown():
    """They hide as the others do."""
    x, y = torch.tensor([[0, 256, 0, 256], [256, 0, 256, 0]]), torch.tensor([[0, 0, 256, 256]] * 2)
    quads = Vertices(x=x.int(), y=y.int(), w=torch.ones(2, 4), usable=torch.ones(2, 4, dtype=torch.bool))
    hole = LEAVES_A_HOLE
    assert triangles_of(quads, torch.tensor([3, 5])).code.tolist() == [6, hole, 7, hole]
    assert triangles_of(quads, torch.tensor([NOT_SHOWN, 5])).code.tolist() == [hole] * 4


def test_thin_things_leave_holes(backend, device):
    """What spans no surface is not painted over, once it comes nearer, with the surface behind it."""
    depth = torch.full(HW, 8.0)
    depth[:, 20:36:4] = 2.0
    out = magnified(depth, backend=backend, device=device, by=4)
    # Four columns of the target show one of the reference; all of a pole's are the pole's or empty.
    x = (torch.arange(HW[1]) + 0.5 - (HW[1] / 2 - 1)) / 4 + HW[1] / 2 - 1
    pole = ((x.floor() % 4) == 0) & (x >= 20) & (x < 36)
    assert pole.any()
    assert not (out.depth[0][:, pole] == 8).any()
    assert (out.depth[0][:, pole] == 2).any()


def test_surfaces_far_larger_than_a_pixel(backend, device):
    """One reference pixel over ninety of the target: coverage still counts in whole numbers."""
    out = magnified(torch.full(HW, 4.0), backend=backend, device=device, by=90)
    assert out.visible.all()
    assert torch.equal(out.depth, torch.full_like(out.depth, 4.0))


def test_compat_keeps_version_1():
    assert RenderOptions(compat=True, version=2).version == 1
