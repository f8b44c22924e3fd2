"""Surfaces, version 2 of the warp: neighbouring pixels of the reference span surfaces, which hide points and fill gaps.

Which pixels a surface covers is decided in whole numbers, 1/256 of a pixel: no backend can differ in it. Depth is
compared as 1/z, which is linear over the picture of a plane; each of its sums and products is rounded to float32 by
itself and in the order written. A surface that covers a pixel hides the pixel's point or does not, whatever the others
do. A pixel without a point, or whose point is hidden, shows the nearest of the surfaces that lie there: the minimum of
a 64-bit number, as for points. So the order of surfaces does not matter.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor

from warpdata.geometry.maths.resample import DEPTH_EDGE
from warpdata.render.splat import SUBPIXELS, Points
from warpdata.render.view import View

SURFACE_RATIO = 1 + DEPTH_EDGE
"""Largest ratio of depths between pixels on one surface."""
BEHIND_SURFACE = 1.01
"""How many times as far as a surface a point has to be to be hidden by it."""
BEHIND_FOOTPRINT = 1.06
"""The same for the footprint of a single pixel, which faces the reference and so may lie before its own surface."""
LARGEST = 1024 * SUBPIXELS
"""Sides of a triangle's bounds beyond which it counts for nothing, in 1/256 pixel."""
FARTHEST = 2.0**22
"""Positions beyond this many 1/256 pixels from the picture's corner span nothing."""
NO_SURFACE = torch.iinfo(torch.int64).max
"""Key of a pixel that no surface offers itself to."""
LEAVES_A_HOLE = 2**31 - 1
"""Code of what hides and is not shown: the backs of surfaces, and footprints."""
NOT_SHOWN = -1
CORNERS = ((0, 0), (0, 1), (1, 0), (1, 1))
"""Corners of a quad (dy, dx), in the order of its vertices."""
HALVES = ((0, 1, 2), (3, 2, 1))
"""The two triangles of a quad."""


@dataclass(frozen=True, kw_only=True)
class Vertices:
    """Places in the target.

    Attributes:
        x, y: in 1/256 pixel from the picture's top left corner; 0 where `usable` is not set.
        w: 1/z.
        usable: between near and far, and not too far outside of the picture.
    """

    x: Int[Tensor, "*shape"]
    y: Int[Tensor, "*shape"]
    w: Float[Tensor, "*shape"]
    usable: Bool[Tensor, "*shape"]

    def __getitem__(self, index) -> Vertices:
        return Vertices(x=self.x[index], y=self.y[index], w=self.w[index], usable=self.usable[index])


def place(position: Float[Tensor, "B 3 h w"], view: View) -> Vertices:
    """Where points in target axes fall, in fixed point."""
    X, Y, Z = position.unbind(1)
    fx, fy, cx, cy = view.intrinsics[:, :, None, None].unbind(1)
    w = 1 / Z
    x = ((((fx * X) * w) + cx) * SUBPIXELS + 0.5).floor()
    y = ((((fy * Y) * w) + cy) * SUBPIXELS + 0.5).floor()
    near, far = view.near_far[:, :, None, None].unbind(1)
    usable = (Z >= near) & (Z <= far) & (x.abs() <= FARTHEST) & (y.abs() <= FARTHEST)
    x, y = (a.where(usable, 0).to(torch.int32) for a in (x, y))
    return Vertices(x=x, y=y, w=w, usable=usable)


def quads_of(values: Tensor) -> Tensor:
    """(B, h, w) to (B, h-1, w-1, 4): the values at the corners of every 2x2 block."""
    h, w = values.shape[1:]
    return torch.stack([values[:, dy : h - 1 + dy, dx : w - 1 + dx] for dy, dx in CORNERS], dim=-1)


def is_surface(depth: Float[Tensor, "B h w"], usable: Bool[Tensor, "B h w"]) -> Bool[Tensor, "B _ _"]:
    """Which 2x2 blocks of the reference span a surface: all four usable, and their depths within `SURFACE_RATIO`."""
    corners, usable = quads_of(depth), quads_of(usable).all(dim=-1)
    ratio = torch.tensor(SURFACE_RATIO, dtype=torch.float32)
    return usable & (corners.amax(dim=-1) <= corners.amin(dim=-1) * ratio)


def is_edge(surface: Bool[Tensor, "B _ _"], usable: Bool[Tensor, "B h w"]) -> Bool[Tensor, "B h w"]:
    """Usable pixels at the edge of a surface or on none: some 2x2 block around them spans no surface."""
    broken = torch.zeros_like(usable)
    h, w = usable.shape[1:]
    for dy, dx in CORNERS:
        broken[:, dy : h - 1 + dy, dx : w - 1 + dx] |= ~surface
    return usable & broken


@dataclass(frozen=True, kw_only=True)
class Triangles:
    """Triangles with positive area, in one picture.

    Attributes:
        x, y: in 1/256 pixel.
        w: 1/z of the vertices.
        code: twice the index of the 2x2 block's first pixel, plus one for its second half; `LEAVES_A_HOLE`.
    """

    x: Int[Tensor, "T 3"]
    y: Int[Tensor, "T 3"]
    w: Float[Tensor, "T 3"]
    code: Int[Tensor, "T"]


def triangles_of(quads: Vertices, pixel: Int[Tensor, "Q"] | int = NOT_SHOWN) -> Triangles:
    """Both halves of quads (Q, 4), turned so that their areas are positive, without those too large or of no area.

    Args:
        pixel: index of the first pixel of each quad's block; `NOT_SHOWN` for quads that only hide.
    """
    x, y, w = (torch.cat([part[:, half] for half in HALVES]) for part in (quads.x, quads.y, quads.w))
    pixel = torch.as_tensor(pixel, device=x.device).expand(len(quads.x))
    area = (x[:, 1] - x[:, 0]).long() * (y[:, 2] - y[:, 0]) - (y[:, 1] - y[:, 0]).long() * (x[:, 2] - x[:, 0])
    shown = (area > 0) & (pixel != NOT_SHOWN).tile(2)
    code = torch.cat([2 * pixel, 2 * pixel + 1]).where(shown, LEAVES_A_HOLE)
    turned = torch.tensor([0, 2, 1], device=x.device)
    x, y, w = (part.where(area[:, None] > 0, part[:, turned]) for part in (x, y, w))
    fits = (x.amax(1) - x.amin(1) <= LARGEST) & (y.amax(1) - y.amin(1) <= LARGEST) & (area != 0)
    return Triangles(x=x[fits], y=y[fits], w=w[fits], code=code[fits])


def covered_pixels(triangles: Triangles, hw: tuple[int, int]) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """(triangle, column, row) of pixels whose centres lie in triangles, some at a time.

    A centre on an edge belongs to the triangle on one side of it, so that two which share the edge do not both have
    it and no centre is missed.
    """
    half = SUBPIXELS // 2
    left, right = (triangles.x.amin(1) + half - 1) // SUBPIXELS, (triangles.x.amax(1) - half) // SUBPIXELS
    top, bottom = (triangles.y.amin(1) + half - 1) // SUBPIXELS, (triangles.y.amax(1) - half) // SUBPIXELS
    left, right = left.clamp(min=0), right.clamp(max=hw[1] - 1)
    top, bottom = top.clamp(min=0), bottom.clamp(max=hw[0] - 1)
    rows = ((bottom >= top) & (right >= left)).nonzero()[:, 0]
    dy = 0
    while len(rows):
        columns, dx = rows, 0
        while len(columns):
            column, row = left[columns] + dx, top[columns] + dy
            inside = covers(triangles, columns, column, row)
            yield columns[inside], column[inside], row[inside]
            dx += 1
            columns = columns[left[columns] + dx <= right[columns]]
        dy += 1
        rows = rows[top[rows] + dy <= bottom[rows]]


def weights(triangles: Triangles, index: Int[Tensor, "n"], column: Int[Tensor, "n"], row: Int[Tensor, "n"]):
    """Edges from vertex 0 to 1 and to 2, and twice the areas opposite to vertex 1 and 2, seen from pixels' centres."""
    x, y = triangles.x[index].long(), triangles.y[index].long()
    ax, ay, bx, by = x[:, 1] - x[:, 0], y[:, 1] - y[:, 0], x[:, 2] - x[:, 0], y[:, 2] - y[:, 0]
    px, py = column * SUBPIXELS + SUBPIXELS // 2 - x[:, 0], row * SUBPIXELS + SUBPIXELS // 2 - y[:, 0]
    return (ax, ay, bx, by), px * by - py * bx, ax * py - ay * px


def covers(triangles: Triangles, index, column, row) -> Bool[Tensor, "n"]:
    """Whether pixels' centres lie in triangles."""
    (ax, ay, bx, by), first, second = weights(triangles, index, column, row)
    area = ax * by - ay * bx
    inside = area - first - second + owns(bx - ax, by - ay) > 0
    return inside & (first + owns(-bx, -by) > 0) & (second + owns(ax, ay) > 0)


def owns(dx: Int[Tensor, "n"], dy: Int[Tensor, "n"]) -> Int[Tensor, "n"]:
    """1 where the triangle has the points on its edge of direction (dx, dy): of two opposite directions, one has."""
    return ((dy > 0) | ((dy == 0) & (dx > 0))).long()


def inverse_depth(triangles: Triangles, index, column, row) -> tuple[Float[Tensor, "n"], Float[Tensor, "n"]]:
    """1/z of a triangle's plane at a pixel's centre, and where it is farthest within the pixel.

    That is at the centre less half its slopes, and less what they may be off by because corners lie on whole 1/256
    pixels, which matters in slivers alone. At the centre it is never less than at the farthest of the corners.
    """
    (ax, ay, bx, by), first, second = weights(triangles, index, column, row)
    w, area = triangles.w[index], (ax * by - ay * bx).float()
    dw1, dw2 = w[:, 1] - w[:, 0], w[:, 2] - w[:, 0]
    slope_x = by.float() * dw1 - ay.float() * dw2
    slope_y = ax.float() * dw2 - bx.float() * dw1
    centre = first.float() * dw1 + second.float() * dw2
    rounding = (dw1.abs() + dw2.abs()) * 2
    slack = ((slope_x.abs() + slope_y.abs()) + rounding) * (SUBPIXELS // 2)
    return torch.maximum(w[:, 0] + centre / area, w.amin(dim=1)), w[:, 0] + (centre - slack) / area


@dataclass(frozen=True, kw_only=True)
class Met:
    """What surfaces do to the points and gaps of one picture, upright.

    Attributes:
        hidden: pixels whose point lies behind one.
        key: depth bits and code of the nearest surface of those that hide the pixel's point, of all in pixels without
            a point; `NO_SURFACE` where there is none.
    """

    hidden: Bool[Tensor, "H W"]
    key: Int[Tensor, "H W"]


def meet(triangles: Triangles, z: Float[Tensor, "H W"], behind: float, before: float) -> Met:
    """Hide the points that lie `behind` times as far as a triangle which covers their pixel's centre.

    Args:
        z: depth of every pixel's point, upright; 0 where there is none.
        behind: infinity to hide nothing.
        before: how many times as near as another surface a triangle has to be to be the nearer one.
    """
    hidden = torch.zeros_like(z, dtype=torch.bool)
    key = torch.full((z.numel(),), NO_SURFACE, device=z.device)
    w = (1 / z) * torch.tensor(behind, dtype=torch.float32)
    for index, column, row in covered_pixels(triangles, tuple(z.shape)):
        here, farthest = inverse_depth(triangles, index, column, row)
        found = (farthest > w[row, column]) & (z[row, column] > 0)
        hidden[row[found], column[found]] = True
        offers = found | (z[row, column] == 0)
        depth = (1 / here) * torch.tensor(before, dtype=torch.float32)
        offer = (depth.view(torch.int32).long() << 32) | triangles.code[index]
        key.scatter_reduce_(0, (row * z.shape[1] + column)[offers].long(), offer[offers], "amin")
    return Met(hidden=hidden, key=key.view(z.shape))


@dataclass(frozen=True, kw_only=True)
class Surfaces:
    """What surfaces do to a splat. Rows count from the bottom.

    Attributes:
        hidden: pixels whose point lies behind a surface.
        shown: pixels that show a surface, all of them without a point or with a hidden one.
        z: depth of the surface shown; 0 elsewhere.
        color: its colour; 0 elsewhere.
    """

    hidden: Bool[Tensor, "B H W"]
    shown: Bool[Tensor, "B H W"]
    z: Float[Tensor, "B H W"]
    color: UInt8[Tensor, "B 3 H W"]


def find_surfaces(
    points: Points,
    depth: Float[Tensor, "B h w"],
    colors: UInt8[Tensor, "B 3 N"],
    z: Float[Tensor, "B H W"],
    view: View,
) -> Surfaces:
    """Which points the surfaces of the reference hide, and what they show in the gaps.

    They hide nothing where it is seen from where it was taken.

    Args:
        points: of the depth map's pixels, in target axes.
        depth: z-depth in the reference.
        colors: of its pixels.
        z: depth of every pixel's point in the target; 0 where there is none. Rows count from the bottom.
    """
    B, h, w = depth.shape
    vertices = place(points.position.view(B, 3, h, w), view)
    usable = vertices.usable & points.drawn.view(B, h, w)
    surface = is_surface(depth, usable)
    edge = is_edge(surface, usable)
    corners = footprints(depth, view)
    parts = [quads_of(part) for part in (vertices.x, vertices.y, vertices.w, vertices.usable)]
    quads = Vertices(**dict(zip(("x", "y", "w", "usable"), parts, strict=True)))
    pixel = torch.arange(h * w, device=z.device).view(h, w)[: h - 1, : w - 1]
    found = Surfaces(
        hidden=torch.zeros_like(z, dtype=torch.bool),
        shown=torch.zeros_like(z, dtype=torch.bool),
        z=torch.zeros_like(z),
        color=torch.zeros((B, 3, *z.shape[1:]), dtype=torch.uint8, device=z.device),
    )
    for b in range(B):
        upright = z[b].flip(0)
        hides = not view.same_centre[b]
        of_blocks = triangles_of(quads[b][surface[b]], pixel[surface[b]])
        of_edges = triangles_of(corners[b][edge[b] & corners.usable[b].all(dim=-1)])
        by_blocks = meet(of_blocks, upright, BEHIND_SURFACE if hides else torch.inf, 1.0)
        by_edges = meet(of_edges, upright, BEHIND_FOOTPRINT if hides else torch.inf, BEHIND_FOOTPRINT)
        found.hidden[b] = (by_blocks.hidden | by_edges.hidden).flip(0)
        key = torch.minimum(by_blocks.key, by_edges.key)
        code = key & LEAVES_A_HOLE
        shown = (key != NO_SURFACE) & (code != LEAVES_A_HOLE)
        row, column = shown.nonzero().unbind(1)
        found.shown[b] = shown.flip(0)
        found.z[b] = (key >> 32).int().view(torch.float32).where(shown, 0).flip(0)
        found.color[b, :, z.shape[1] - 1 - row, column] = color_of(code[shown], vertices[b], colors[b], column, row)
    return found


def color_of(
    code: Int[Tensor, "n"],
    vertices: Vertices,
    colors: UInt8[Tensor, "3 N"],
    column: Int[Tensor, "n"],
    row: Int[Tensor, "n"],
) -> UInt8[Tensor, "3 n"]:
    """Colours of triangles at pixels' centres: of their corners, in proportion to the areas opposite to them over z."""
    width = vertices.x.shape[1]
    steps = torch.tensor([dy * width + dx for dy, dx in CORNERS], device=code.device)[torch.tensor(HALVES)]
    corner = (code // 2)[:, None] + steps[code % 2]
    x, y, w = (part.flatten()[corner] for part in (vertices.x, vertices.y, vertices.w))
    triangles = Triangles(x=x, y=y, w=w, code=code)
    (ax, ay, bx, by), first, second = weights(triangles, torch.arange(len(code)), column, row)
    third = (ax * by - ay * bx) - first - second
    f0, f1, f2 = (area.float() * w[:, k] for k, area in enumerate((third, first, second)))
    c0, c1, c2 = (colors[:, corner[:, k]].float() for k in range(3))
    color = ((f0 * c0 + f1 * c1) + f2 * c2) / ((f0 + f1) + f2)
    return (color + 0.5).floor().to(torch.uint8)


def footprints(depth: Float[Tensor, "B h w"], view: View) -> Vertices:
    """The corners (B, h, w, 4) of every pixel of the reference, all at the pixel's depth."""
    h, w = depth.shape[1:]
    a = view.cam_from_source[..., None, None]
    corners = []
    for dy, dx in CORNERS:
        x = torch.arange(w, dtype=torch.float32, device=depth.device) + dx
        y = torch.arange(h, dtype=torch.float32, device=depth.device)[:, None] + dy
        ray = (a[:, :, 0] * x + a[:, :, 1] * y) + a[:, :, 2]
        corners.append(place(ray * depth[:, None] + a[:, :, 3], view))
    return Vertices(
        **{name: torch.stack([getattr(c, name) for c in corners], dim=-1) for name in ("x", "y", "w", "usable")}
    )
