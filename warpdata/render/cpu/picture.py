"""One picture on its way through the stages: which kernel gets which memory, and which rows.

Each stage is a function that takes what the stages before it gave: `project_depth` or `project_points`, then, all of
them in `paint`, `draw`, `find_visible`, `fill_holes` and `finish`. A stage shares its rows among threads in bands.

Rows count from the bottom until the last stage. Arrays belong to the calling thread's workspace, and last until that
thread begins its next picture.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import torch

from warpdata.config import SEED_S0, RenderOptions
from warpdata.geometry.maths.resample import DEPTH_EDGE
from warpdata.render.cpu import fill, hidden, hole_distance, median, nearest, project, quads, shown, surface
from warpdata.render.cpu.bands import band_limits, run_bands
from warpdata.render.cpu.stages import Drawn, Fade, Projected, Seen
from warpdata.render.cpu.upsample import upsample
from warpdata.render.cpu.workspace import Workspace, workspace
from warpdata.render.fade import fade_reach, fade_table
from warpdata.render.pyramid import level_sizes, sample_positions
from warpdata.render.view import View

RUN = 4096
"""World points that are projected and drawn together; a power of two."""
ALIGNMENT = 16
"""Rows of a band are a multiple of this, so that it makes its part of the four levels above alone."""
OWN_LEVELS = 4
SMALL = 2**16
"""Up to this many pixels and points one thread is faster than several."""
BANDS_PER_THREAD = 4
"""In stages whose rows take unequal time, which a thread that is done early helps with."""
NO_CONFIDENCE = np.empty((0, 0), np.float32)


class Task(NamedTuple):
    """What all stages work from: one item of the view's batch, the options as the kernels take them, and where to work.

    Attributes:
        hw: height and width of the result.
        s0: neighbourhood size; None for the size of a pixel at the median depth.
        bands: rows of the result, in the bands of the stages that work on it.
    """

    hw: tuple[int, int]
    matrix: np.ndarray
    intrinsics: np.ndarray
    footprint: np.float32
    same_centre: bool
    near_far: tuple[np.float32, np.float32]
    confidence_threshold: np.float32
    s0: np.float32 | None
    options: RenderOptions
    threads: int
    memory: Workspace
    bands: list[tuple[int, int]]


def task_of(view: View, b: int, options: RenderOptions, *, points: int, s0: np.ndarray | None) -> Task:
    """The task of item `b` of a batch, which has so many points."""
    H, W = view.hw
    near, far = view.near_far[b].numpy()
    threads = 1 if max(H * W, points) <= SMALL else torch.get_num_threads()
    return Task(
        hw=view.hw,
        matrix=view.cam_from_source[b].numpy(),
        intrinsics=view.intrinsics[b].numpy(),
        footprint=view.footprint[b].numpy()[()],
        same_centre=bool(view.same_centre[b]),
        near_far=(near, far),
        confidence_threshold=np.float32(options.confidence_threshold),
        s0=None if s0 is None else np.float32(s0),
        options=options,
        threads=threads,
        memory=workspace(),
        bands=band_limits(H, threads * (BANDS_PER_THREAD if threads > 1 else 1), ALIGNMENT),
    )


def paint(
    task: Task, projected: Projected, rgb: np.ndarray, coverage: np.ndarray, visible: np.ndarray, depth: np.ndarray
) -> None:
    """All that follows the projection; writes the four planes of a `Rendering`."""
    if projected.meet is None:
        drawn = draw(task, projected)
        seen = find_visible(task, drawn)
    else:
        drawn = draw_plainly(task, projected)
        seen = meet_surfaces(task, projected, drawn)
    fade = fill_holes(task, seen)
    finish(task, drawn, seen, fade, rgb, coverage, visible, depth)


def project_depth(task: Task, image: np.ndarray, depth: np.ndarray, confidence: np.ndarray | None) -> Projected:
    """Project a depth map and its confidence, brought to the size of the image on the way."""
    hw = image.shape[1:]
    confidence = NO_CONFIDENCE if confidence is None else confidence
    bands = band_limits(hw[0], task.threads, 1)
    array = task.memory.array
    source, source_confidence = depth, confidence
    by_surface = task.options.version == 2
    if depth.shape != hw:
        depth = array("depth", hw, np.float32)
        confidence = array("confidence", hw, np.float32) if confidence.size else NO_CONFIDENCE
        rows, columns = sampling(hw[0], source.shape[0]), sampling(hw[1], source.shape[1])
        edge, shrinks = np.float32(1 + DEPTH_EDGE), source.shape[0] > hw[0] or source.shape[1] > hw[1]
    depth_bits = depth.view(np.int32).reshape(-1)
    pixel, z = array("pixel", hw, np.int32), array("z", hw, np.float32)
    span = array("span", (hw[0], 2), np.int32)
    counts = array("upper counts", (len(bands), median.BINS // 2), np.int32)
    centres = pixel_centres(2 ** max(hw).bit_length())
    colors, packed = image.reshape(3, -1), array("packed", (hw[0] * hw[1],), np.uint32)

    def work(band: int, worker: int) -> None:
        first, last = bands[band]
        if depth is not source:
            upsample(source, source_confidence, rows, columns, edge, shrinks, depth, confidence, first, last)
        project.project_depth(
            *(depth, confidence, task.confidence_threshold, task.matrix, task.intrinsics, task.near_far, task.hw),
            *(centres, pixel, z, span, first, last),
        )
        nearest.pack_colors(colors, packed, first * hw[1], last * hw[1])
        if task.s0 is None and not by_surface:
            median.count_upper(depth_bits, counts[band], first * hw[1], last * hw[1])

    def take(key: np.ndarray, color: np.ndarray, texels: np.ndarray, first: int, last: int) -> None:
        nearest.take_depth_points(key, depth, packed, task.matrix, centres, color, *texels, first, last)

    def take_plainly(key, color, z, visible, first: int, last: int) -> None:
        nearest.take_depth_and_color(key, depth, packed, color, z.view(np.int32), visible, first, last)

    seen_from = (task.matrix, task.intrinsics, task.near_far, not task.same_centre)
    spans, code_shift = array("spans", (hw[0] + 1, hw[1] + 1), np.uint8), (2 * hw[1] - 1).bit_length()

    def meet(drawn: Drawn, visible: np.ndarray, worker: int, first: int, last: int) -> None:
        scratch = surface.scratch_arrays(lambda name, *like: array(f"{name} {worker}", *like), hw[1])
        surface.meet(
            *(depth, confidence, task.confidence_threshold, *seen_from, centres, code_shift),
            *(spans, drawn.z, visible, drawn.key, scratch, first, last),
        )

    def meet_singly(drawn: Drawn, visible: np.ndarray, first: int, last: int) -> None:
        quads.meet(depth, *seen_from, spans, code_shift, drawn.z, visible, drawn.key, first, last)

    def show(drawn: Drawn, visible: np.ndarray, worker: int, first: int, last: int) -> None:
        scratch = shown.scratch_arrays(lambda name, *like: array(f"{name} {worker}", *like), task.hw[1])
        shown.show(
            *(depth, packed, task.matrix, task.intrinsics, code_shift, drawn.key, scratch),
            *(drawn.color, drawn.z.view(np.int32), visible, first, last),
        )

    run_bands(work, len(bands), task.threads)
    z_bits = z.view(np.int32).reshape(-1)
    projected = Projected(pixel.reshape(-1), z_bits, hw[1], span, depth_bits, counts, take)
    if by_surface:
        projected = projected._replace(take_plainly=take_plainly, meet=meet, meet_singly=meet_singly, show=show)
    return projected


def project_points(task: Task, points: np.ndarray, colors: np.ndarray, confidence: np.ndarray | None) -> Projected:
    """Project world points."""
    confidence = NO_CONFIDENCE.reshape(-1) if confidence is None else confidence
    array = task.memory.array
    pixel, z = array("pixel", (len(points),), np.int32), array("z", (len(points),), np.float32)
    z_bits = z.view(np.int32)
    packed = array("packed", (len(points),), np.uint32)
    runs = -(-len(points) // RUN)
    span = array("span", (runs, 2), np.int32)
    bands = band_limits(runs, task.threads, 1)
    counts = array("upper counts", (len(bands), median.BINS // 2), np.int32)

    def work(band: int, worker: int) -> None:
        first, last = bands[band]
        project.project_points(
            *(points, confidence, task.confidence_threshold, task.matrix, task.intrinsics, task.near_far, task.hw),
            *(task.options.compat, RUN, pixel, z, span, first, last),
        )
        begin, end = first * RUN, min(last * RUN, len(points))
        nearest.pack_colors(colors.T, packed, begin, end)
        if task.s0 is None:
            median.count_upper(z_bits, counts[band], begin, end)

    def take(key: np.ndarray, color: np.ndarray, texels: np.ndarray, first: int, last: int) -> None:
        nearest.take_world_points(key, points, packed, task.matrix, color, *texels, first, last)

    run_bands(work, len(bands), task.threads)
    return Projected(pixel, z_bits, RUN, span, z_bits, counts, take)


def draw(task: Task, projected: Projected) -> Drawn:
    """Find the nearest point of every pixel, and of coarser and coarser blocks; on the way, the median depth."""
    H, W = task.hw
    array = task.memory.array
    key, color = array("key", task.hw, np.int64), array("color", task.hw, np.uint32)
    levels = [
        array(f"texels {k}", (4, *size), np.float32) for k, size in enumerate(level_sizes(task.hw, hidden.LEVELS))
    ]
    bands = band_limits(H, task.threads, ALIGNMENT)
    ranks, upper = median.middle_bins(projected.upper_counts) if task.s0 is None else (None, None)
    counts = array("lower counts", (len(bands), 2, median.BINS), np.int32)
    shares = band_limits(projected.depth_bits.size, len(bands), 1)

    def work(band: int, worker: int) -> None:
        first, last = bands[band]
        nearest.draw(*projected[:4], W, key.reshape(-1), first, last)
        projected.take(key, color, levels[0], first, last)
        for k, (fine, coarse) in enumerate(pairwise(levels[: OWN_LEVELS + 1])):
            nearest.halve(fine, coarse, first >> (k + 1), coarse_end(last, k + 1))
        if task.s0 is None:
            share = shares[band] if band < len(shares) else (0, 0)
            median.count_lower(projected.depth_bits, upper, counts[band], *share)

    run_bands(work, len(bands), task.threads)
    for fine, coarse in pairwise(levels[OWN_LEVELS:]):
        nearest.halve(fine, coarse, 0, coarse.shape[1])
    if task.s0 is not None:
        s0 = task.s0
    elif ranks is None:
        s0 = np.float32(SEED_S0)  # nothing is drawn, so any does
    else:
        s0 = median.mean_of_middle(ranks, upper, counts) * task.footprint
    return Drawn(color, levels[0][2], levels, s0)


def find_visible(task: Task, drawn: Drawn) -> Seen:
    """Remove hidden points, and average the colours of the others over coarser and coarser blocks."""
    W = task.hw[1]
    array = task.memory.array
    visible = array("visible", task.hw, np.bool_)
    fills = fill_levels(task)
    neighbourhood = drawn.s0 * (np.float32(10) * task.intrinsics[1])
    levels = (*drawn.levels, *[np.empty((4, 0, 0), np.float32)] * (hidden.LEVELS - len(drawn.levels)))
    columns = sampling(W, drawn.levels[min(hidden.DEPTH_LEVEL, len(drawn.levels) - 1)].shape[2])
    threshold = np.float32(-np.inf if task.same_centre else task.options.occlusion_threshold)

    def work(band: int, worker: int) -> None:
        first, last = task.bands[band]
        scratch = hidden.scratch_arrays(lambda name, *like: array(f"{name} {worker}", *like), W)
        hidden.find_visible(levels, neighbourhood, threshold, *columns, visible, scratch, first, last)
        push_band(drawn.color, visible, fills, first, last)

    run_bands(work, len(task.bands), task.threads)
    return Seen(visible, fills)


def draw_plainly(task: Task, projected: Projected) -> Drawn:
    """Find the nearest point of every pixel, without coarser blocks; `visible` of the workspace says where one is."""
    H, W = task.hw
    array = task.memory.array
    key, color = array("key", task.hw, np.int64), array("color", task.hw, np.uint32)
    z, visible = array("nearest z", task.hw, np.float32), array("visible", task.hw, np.bool_)
    bands = band_limits(H, task.threads, ALIGNMENT)

    def work(band: int, worker: int) -> None:
        first, last = bands[band]
        nearest.draw(*projected[:4], W, key.reshape(-1), first, last)
        projected.take_plainly(key, color, z, visible, first, last)

    run_bands(work, len(bands), task.threads)
    return Drawn(color, z, [], np.float32(0), key)


def meet_surfaces(task: Task, projected: Projected, drawn: Drawn) -> Seen:
    """Remove what surfaces of the reference hide and show them in gaps; average colours as `find_visible` does."""
    visible = task.memory.array("visible", task.hw, np.bool_)
    bands = band_limits(len(projected.span), task.threads * (BANDS_PER_THREAD if task.threads > 1 else 1), 1)
    run_bands(lambda band, worker: projected.meet(drawn, visible, worker, *bands[band]), len(bands), task.threads)
    run_bands(lambda band, worker: projected.meet_singly(drawn, visible, *bands[band]), len(bands), task.threads)
    fills = fill_levels(task)

    def push(band: int, worker: int) -> None:
        projected.show(drawn, visible, worker, *task.bands[band])
        push_band(drawn.color, visible, fills, *task.bands[band])

    run_bands(push, len(task.bands), task.threads)
    return Seen(visible, fills)


def fill_levels(task: Task) -> list[np.ndarray]:
    """Room for all levels of the fill from the second on."""
    return [
        task.memory.array(f"fill {k + 1}", (4, *size), np.float32) for k, size in enumerate(level_sizes(task.hw)[1:])
    ]


def push_band(color: np.ndarray, visible: np.ndarray, fills: list[np.ndarray], first: int, last: int) -> None:
    """A band's part of the first levels of the fill."""
    if fills:
        fill.push_pixels(color, visible, fills[0], first >> 1, coarse_end(last, 1))
    for k, (fine, coarse) in enumerate(pairwise(fills[:OWN_LEVELS])):
        fill.push(fine, coarse, first >> (k + 2), coarse_end(last, k + 2))


def fill_holes(task: Task, seen: Seen) -> Fade:
    """Fill the coarse levels in place, and measure how far each pixel is from a visible one."""
    H, W = task.hw
    array = task.memory.array
    table = fade_table(task.options.sigma, task.hw, compat=task.options.compat)
    reach = fade_reach(table)
    along = array("distance along columns", task.hw, np.uint16)
    kind = hole_distance.distance_type(reach)
    width = -(-W // hole_distance.CHUNK) * hole_distance.CHUNK
    squared_distance = array("nearest", (H, width), kind)
    strips = band_limits(W, task.threads, hole_distance.CHUNK)
    cap = min(reach + 1, 2**16 - 2)

    def columns(strip: int, worker: int) -> None:
        if strip == 0:
            fill_coarse(task.memory, seen.fills)
        else:
            hole_distance.along_columns(seen.visible, cap, along, *strips[strip - 1])

    def rows(band: int, worker: int) -> None:
        first, last = task.bands[band]
        squared = array(f"squared {worker}", (width + 2 * reach,), kind)
        hole_distance.along_rows(along, reach, squared, squared_distance, first, last)
        if len(seen.fills) > 1:
            pull(task.memory, *seen.fills[:2], first >> 1, coarse_end(last, 1), worker)

    run_bands(columns, len(strips) + 1, task.threads)
    run_bands(rows, len(task.bands), task.threads)
    return Fade(squared_distance, table.numpy())


def fill_coarse(memory: Workspace, fills: list[np.ndarray]) -> None:
    """All levels of the fill but the finest."""
    for fine, coarse in pairwise(fills[OWN_LEVELS - 1 :]):
        fill.push(fine, coarse, 0, coarse.shape[1])
    for k in range(len(fills) - 2, 0, -1):
        pull(memory, fills[k], fills[k + 1], 0, fills[k].shape[1], worker=0)


def pull(memory: Workspace, level: np.ndarray, filled: np.ndarray, first: int, last: int, worker: int) -> None:
    """Rows of one level of the fill from the next coarser one."""
    wide = memory.array(f"wide {worker}", (2, 4, level.shape[2]), np.float32)
    fill.pull(level, filled, sampling(level.shape[2], filled.shape[2]), wide, first, last)


def finish(
    task: Task,
    drawn: Drawn,
    seen: Seen,
    fade: Fade,
    rgb: np.ndarray,
    coverage: np.ndarray,
    visible: np.ndarray,
    depth: np.ndarray,
) -> None:
    """Write the result, upright."""
    H, W = task.hw
    array = task.memory.array
    filled = seen.fills[0] if seen.fills else np.empty((4, 0, 0), np.float32)
    columns = sampling(W, max(filled.shape[2], 1))
    background = np.array(task.options.background, np.float32)

    def work(band: int, worker: int) -> None:
        first, last = task.bands[band]
        scratch = (
            array(f"wide {worker}", (2, 4, W), np.float32),
            array(f"held {worker}", (2, -(-W // fill.CHUNK)), np.int64),
            array(f"alpha {worker}", (fill.CHUNK,), np.float32),
        )
        fill.finish(
            *(drawn.color, seen.visible, drawn.z, filled, columns, fade.nearest, fade.table, background),
            *(task.options.compat, scratch, rgb, coverage[0], depth[0], first, last),
        )
        visible[0, H - last : H - first] = seen.visible[first:last][::-1]

    run_bands(work, len(task.bands), task.threads)


def coarse_end(last: int, k: int) -> int:
    """Row of level k where the part of a band that ends at row `last` ends."""
    return -((-last) >> k)


@lru_cache(maxsize=8)
def pixel_centres(count: int) -> np.ndarray:
    return np.arange(count, dtype=np.float32) + np.float32(0.5)


@lru_cache(maxsize=128)
def sampling(out_size: int, in_size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """`sample_positions` as the kernels take it."""
    first, second, fraction = sample_positions(out_size, in_size, torch.device("cpu"))
    return first.to(torch.int32).numpy(), second.to(torch.int32).numpy(), fraction.numpy()
