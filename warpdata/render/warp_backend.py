"""The `warp` backend: the warp as CUDA kernels, written in NVIDIA Warp, which compiles them on first use.

Tensors are used where they lie, without copies; everything is enqueued on the caller's current CUDA stream and
nothing waits for it. Scratch memory, about 45 bytes a pixel, comes from PyTorch's caching allocator, which hands the
same blocks out again call after call, stream by stream. Compiled kernels are kept in Warp's own cache
(`WARP_CACHE_PATH` moves it). On CPU tensors the same kernels run, slowly, so that tests can cover them anywhere.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import warp as wp
from jaxtyping import Float, Int, UInt8
from torch import Tensor

from warpdata.config import RenderOptions
from warpdata.gpu_kernel import Queue, array
from warpdata.render.fade import fade_reach, fade_table
from warpdata.render.kernels import fill as fill_kernels
from warpdata.render.kernels import median as median_kernels
from warpdata.render.kernels import splat as splat_kernels
from warpdata.render.kernels import surface as surface_kernels
from warpdata.render.kernels import visibility as visibility_kernels
from warpdata.render.pyramid import level_sizes
from warpdata.render.scale import s0_from_median
from warpdata.render.types import Rendering
from warpdata.render.view import View
from warpdata.render.visibility import DEPTH_LEVEL, MAX_LEVELS

NOTHING = torch.iinfo(torch.int64).max
"""Key of a pixel no point fell in."""


@dataclass(frozen=True, kw_only=True)
class Stages:
    """What the first stages gave, for tests.

    Attributes:
        keys: (B, H*W), depth bits and index of the nearest point of each pixel, rows from the bottom.
        rendering: the result.
    """

    keys: Int[Tensor, "B P"]
    rendering: Rendering


def splat_depth(
    image: UInt8[Tensor, "B 3 h2 w2"],
    depth: Float[Tensor, "B h w"],
    confidence: Float[Tensor, "B h w"] | None,
    view: View,
    s0: Float[Tensor, "B"] | None,
    options: RenderOptions,
) -> Rendering:
    """As `reference.splat_depth`."""
    return depth_stages(image, depth, confidence, view, s0, options).rendering


def splat_points(
    points: Float[Tensor, "B N 3"],
    colors: UInt8[Tensor, "B N 3"],
    confidence: Float[Tensor, "B N"] | None,
    view: View,
    s0: Float[Tensor, "B"] | None,
    options: RenderOptions,
) -> Rendering:
    """As `reference.splat_points`."""
    return points_stages(points, colors, confidence, view, s0, options).rendering


def depth_stages(image, depth, confidence, view, s0, options) -> Stages:
    """`splat_depth`, with what happened on the way."""
    queue = Queue(image.device)
    B, _, h, w = image.shape
    interpolates = tuple(depth.shape[1:]) != (h, w) and depth.shape[1] <= h and depth.shape[2] <= w
    depth_array, no_confidence = array(depth), optional_array(None, ndim=3)
    reading = (ratio_yx((h, w), tuple(depth.shape[1:])), interpolates)
    by_surface = options.version == 2
    if s0 is None and not by_surface:
        depths = torch.empty((B, h * w), dtype=torch.float32, device=image.device)
        queue.launch(splat_kernels.list_depths, (B, h, w), depth_array, no_confidence, *reading, w, array(depths))
        s0 = s0_from_median(median_of_positive(queue, depths), view.footprint)
    keys, position, color = splat_buffers(B, view.hw, image.device, levels=1 if by_surface else MAX_LEVELS)
    matrix = array(view.cam_from_source)
    queue.launch(
        splat_kernels.splat_depth,
        (B, h, w),
        depth_array,
        optional_array(confidence, ndim=3),
        *reading,
        options.confidence_threshold,
        matrix,
        array(view.intrinsics),
        wp.vec2i(*view.hw),
        array(view.near_far),
        w,
        array(keys),
    )
    queue.launch(
        splat_kernels.resolve_depth,
        tuple(keys.shape),
        depth_array,
        no_confidence,
        *reading,
        matrix,
        array(image.flatten(2)),
        w,
        array(keys),
        array(position),
        array(color, wp.uint32),
    )
    visible, seen_depth = visibility_buffers(B, view.hw, image.device)
    if by_surface:
        source = (depth_array, optional_array(confidence, ndim=3), *reading)
        find_visible_by_surface(queue, source, image, position, color, view, options, visible, seen_depth)
    else:
        find_visible(queue, position, view, s0, options, visible, seen_depth)
    return Stages(keys=keys, rendering=finish(queue, color, visible, seen_depth, view, options))


def points_stages(points, colors, confidence, view, s0, options) -> Stages:
    """`splat_points`, with what happened on the way."""
    queue = Queue(points.device)
    B, N, _ = points.shape
    points_array, matrix = array(points), array(view.cam_from_source)
    confident = (optional_array(confidence, ndim=2), options.confidence_threshold)
    near_far = array(view.near_far)
    if s0 is None:
        depths = torch.empty((B, N), dtype=torch.float32, device=points.device)
        queue.launch(splat_kernels.list_point_depths, (B, N), points_array, *confident, matrix, near_far, array(depths))
        s0 = s0_from_median(median_of_positive(queue, depths), view.footprint)
    keys, position, color = splat_buffers(B, view.hw, points.device)
    queue.launch(
        splat_kernels.splat_points,
        (B, N),
        points_array,
        *confident,
        matrix,
        array(view.intrinsics),
        wp.vec2i(*view.hw),
        near_far,
        options.compat,
        array(keys),
    )
    queue.launch(
        splat_kernels.resolve_points,
        tuple(keys.shape),
        points_array,
        matrix,
        array(colors.mT),
        array(keys),
        array(position),
        array(color, wp.uint32),
    )
    visible, depth = visibility_buffers(B, view.hw, points.device)
    find_visible(queue, position, view, s0, options, visible, depth)
    return Stages(keys=keys, rendering=finish(queue, color, visible, depth, view, options))


def splat_buffers(
    B: int, hw: tuple[int, int], device: torch.device, *, levels: int = MAX_LEVELS
) -> tuple[Tensor, Tensor, Tensor]:
    """Keys, set to "nothing"; room for the positions of so many levels and for the colours."""
    H, W = hw
    texels = sum(h * w for h, w in level_sizes(hw, levels))
    return (
        torch.full((B, H * W), NOTHING, device=device),
        torch.empty((B, 4, texels), dtype=torch.float32, device=device),
        torch.empty((B, H * W), dtype=torch.int32, device=device),
    )


def visibility_buffers(B: int, hw: tuple[int, int], device: torch.device) -> tuple[Tensor, Tensor]:
    """Room for what is seen, and its depth."""
    visible = torch.empty((B, *hw), dtype=torch.uint8, device=device)
    return visible, torch.empty((B, *hw), dtype=torch.float32, device=device)


def finish(
    queue: Queue,
    color: Int[Tensor, "B P"],
    visible: UInt8[Tensor, "B H W"],
    depth: Float[Tensor, "B H W"],
    view: View,
    options: RenderOptions,
) -> Rendering:
    """From colours and what is seen to the picture."""
    B, (H, W), device = len(color), view.hw, color.device
    color, visible_array = array(color, wp.uint32), array(visible)

    sizes = level_sizes(view.hw)[1:]
    offsets = offsets_of(sizes)
    fill = torch.empty((B, 4, max(1, sum(h * w for h, w in sizes))), dtype=torch.float32, device=device)
    fill_colors(queue, visible_array, color, fill, sizes, offsets)

    table = fade_table(options.sigma, view.hw, compat=options.compat, device=device)
    reach = fade_reach(table)
    distance = torch.empty((B, H, W), dtype=torch.int32, device=device)
    words = torch.empty((B, -(-H // fill_kernels.ROWS), W), dtype=torch.int32, device=device)
    word_array, distance_array = array(words), array(distance)
    queue.launch(fill_kernels.pack_rows, tuple(words.shape), visible_array, word_array)
    queue.launch(fill_kernels.column_distance, (B, H, W), word_array, reach, distance_array)
    rgb = torch.empty((B, 3, H, W), dtype=torch.uint8, device=device)
    coverage = torch.empty((B, 1, H, W), dtype=torch.uint8, device=device)
    coarse_hw = sizes[0] if sizes else (0, 0)
    queue.launch(
        fill_kernels.finish,
        (B, H, W),
        visible_array,
        color,
        array(fill),
        wp.vec2i(*coarse_hw),
        ratio_yx(view.hw, coarse_hw),
        distance_array,
        reach,
        array(table),
        wp.vec3(*map(float, options.background)),
        0.0 if options.compat else 0.5,
        array(rgb),
        array(coverage[:, 0]),
    )
    return Rendering(
        rgb=rgb,
        coverage=coverage,
        visible=visible[:, None].view(torch.bool),
        depth=depth[:, None],
        backend="warp",
        version=options.version,
    )


def find_visible(
    queue: Queue,
    position: Float[Tensor, "B 4 texels"],
    view: View,
    s0: Float[Tensor, "B"],
    options: RenderOptions,
    visible: UInt8[Tensor, "B H W"],
    depth: Float[Tensor, "B H W"],
) -> None:
    """Build the pyramid of nearest points and decide which pixels are seen."""
    B, (H, W) = len(position), view.hw
    sizes = level_sizes(view.hw, MAX_LEVELS)
    offsets = offsets_of(sizes)
    position = array(position)
    for k in range(1, len(sizes)):
        queue.launch(visibility_kernels.coarsen, (B, *sizes[k]), offsets[k - 1], sizes[k - 1][1], offsets[k], position)
    coarse = min(DEPTH_LEVEL, len(sizes) - 1)
    queue.launch(
        visibility_kernels.find_visible,
        (B, H, W),
        position,
        offsets[coarse],
        wp.vec2i(*sizes[coarse]),
        ratio_yx(view.hw, sizes[coarse]),
        len(sizes),
        array(s0),
        array(view.intrinsics),
        array(view.same_centre),
        options.occlusion_threshold,
        array(visible),
        array(depth),
    )


def find_visible_by_surface(
    queue: Queue,
    source: tuple,
    image: UInt8[Tensor, "B 3 h w"],
    position: Float[Tensor, "B 4 P"],
    color: Int[Tensor, "B P"],
    view: View,
    options: RenderOptions,
    visible: UInt8[Tensor, "B H W"],
    depth: Float[Tensor, "B H W"],
) -> None:
    """Decide which pixels are seen by the surfaces of the reference, and show these in gaps: `color` is written there.

    `source` is the depth map as kernels read it.
    """
    B, _, h, w = image.shape
    keys = torch.full_like(position[:, 0], NOTHING, dtype=torch.int64)
    surface = torch.empty((B, max(h - 1, 0), max(w - 1, 0)), dtype=torch.uint8, device=position.device)
    planes = (array(position), array(surface), array(visible), array(depth))
    queue.launch(surface_kernels.show_all, tuple(visible.shape), planes[0], *planes[2:])
    numbers = (array(view.cam_from_source), array(view.intrinsics), array(view.near_far))
    arguments = (
        *(*source, options.confidence_threshold, *numbers, array(view.same_centre)),
        *(*planes, array(keys)),
    )
    if surface.numel() > 0:
        queue.launch(surface_kernels.hide_behind_blocks, tuple(surface.shape), *arguments)
        queue.launch(surface_kernels.hide_behind_footprints, (B, h, w), *arguments)
        queue.launch(
            surface_kernels.show_surfaces,
            tuple(visible.shape),
            *(*source, *numbers, array(image.flatten(2)), w),
            *(array(keys), array(color, wp.uint32), *planes[2:]),
        )


def fill_colors(queue: Queue, visible, color, fill: Tensor, sizes: list[tuple[int, int]], offsets: list[int]) -> None:
    """Average the colours of visible pixels up through all levels from the second on, then fill these downwards."""
    B, texels = len(fill), array(fill)
    if sizes:
        queue.launch(fill_kernels.push_pixels, (B, *sizes[0]), visible, color, texels)
    for k in range(1, len(sizes)):
        queue.launch(fill_kernels.push, (B, *sizes[k]), offsets[k - 1], sizes[k - 1][1], offsets[k], texels)
    for k in reversed(range(len(sizes) - 1)):
        coarse = (offsets[k + 1], wp.vec2i(*sizes[k + 1]), ratio_yx(sizes[k], sizes[k + 1]))
        queue.launch(fill_kernels.pull, (B, *sizes[k]), offsets[k], sizes[k][1], *coarse, texels)


def median_of_positive(queue: Queue, values: Float[Tensor, "B N"]) -> Float[Tensor, "B"]:
    """Median of the values above 0 of each row, 0 where there is none; as `scale.median_of_valid`."""
    B, passes = len(values), median_kernels.PASS_SHIFTS
    middle = torch.zeros((B, 2), dtype=torch.int32, device=values.device)
    rank = torch.empty_like(middle)
    counts = torch.zeros((len(passes), B, median_kernels.COPIES, 512), dtype=torch.int32, device=values.device)
    totals = torch.empty((B, 512), dtype=torch.int32, device=values.device)
    for counts_of_pass, shift in zip(counts, passes, strict=True):
        counters = array(counts_of_pass)
        queue.launch(median_kernels.count_bytes, tuple(values.shape), array(values), shift, array(middle), counters)
        queue.launch(median_kernels.add_copies, (B, 512), counters, array(totals))
        queue.launch(median_kernels.choose_bytes, (B,), array(totals), shift == passes[0], array(rank), array(middle))
    lower, upper = middle.view(torch.float32).unbind(1)
    return (lower + upper) * 0.5


def offsets_of(sizes: list[tuple[int, int]]) -> list[int]:
    """Where each level starts when they lie one after the other."""
    offsets = [0]
    for h, w in sizes:
        offsets.append(offsets[-1] + h * w)
    return offsets[:-1]


def ratio_yx(hw: tuple[int, int], coarse_hw: tuple[int, int]) -> wp.vec2:
    return wp.vec2(coarse_hw[0] / hw[0], coarse_hw[1] / hw[1])


def optional_array(tensor: Tensor | None, *, ndim: int):
    """A tensor, or an empty one for None, which the kernels take as "not given"."""
    return array(torch.empty((0,) * ndim, dtype=torch.float32) if tensor is None else tensor)
