"""One picture on its way through the stages: which kernel gets which memory, and which rows.

Rows count from the bottom until the last stage. Arrays belong to the calling thread's workspace.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise

import numpy as np
import torch

from warpdata.config import SEED_S0, RenderOptions
from warpdata.render.cpu import fill, hidden, hole_distance, median, nearest, project
from warpdata.render.cpu.bands import band_limits, run_bands
from warpdata.render.cpu.upsample import upsample
from warpdata.render.cpu.workspace import workspace
from warpdata.render.fade import fade_reach, fade_table
from warpdata.render.pyramid import level_sizes, sample_positions
from warpdata.render.upsample import DEPTH_EDGE
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


class Picture:
    """The methods are the stages, to be called in the order they stand here, one of the two `project_` first."""

    def __init__(self, view: View, b: int, options: RenderOptions, points: int, s0: np.ndarray | None) -> None:
        self.hw = view.hw
        self.options = options
        self.s0 = s0
        self.matrix = view.cam_from_source[b].numpy()
        self.intrinsics = view.intrinsics[b].numpy()
        self.footprint = view.footprint[b].numpy()[()]
        self.same_centre = bool(view.same_centre[b])
        self.near_far = np.float32(options.near), np.float32(options.far)
        self.confidence_threshold = np.float32(options.confidence_threshold)
        self.threads = 1 if max(self.hw[0] * self.hw[1], points) <= SMALL else torch.get_num_threads()
        self.memory = workspace()
        self.bands = band_limits(self.hw[0], self.threads * (BANDS_PER_THREAD if self.threads > 1 else 1), ALIGNMENT)

    def project_depth(self, image: np.ndarray, depth: np.ndarray, confidence: np.ndarray | None) -> None:
        """Project a depth map and its confidence, brought to the size of the image on the way."""
        hw = image.shape[1:]
        confidence = NO_CONFIDENCE if confidence is None else confidence
        bands = band_limits(hw[0], self.threads, 1)
        array = self.memory.array
        source, source_confidence = depth, confidence
        if depth.shape != hw:
            depth = array("depth", hw, np.float32)
            confidence = array("confidence", hw, np.float32) if confidence.size else NO_CONFIDENCE
            rows, columns = sampling(hw[0], source.shape[0]), sampling(hw[1], source.shape[1])
            edge, shrinks = np.float32(1 + DEPTH_EDGE), source.shape[0] > hw[0] or source.shape[1] > hw[1]
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
                *(depth, confidence, self.confidence_threshold, self.matrix, self.intrinsics, self.near_far, self.hw),
                *(centres, pixel, z, span, first, last),
            )
            nearest.pack_colors(colors, packed, first * hw[1], last * hw[1])
            if self.s0 is None:
                median.count_upper(depth.view(np.int32).reshape(-1), counts[band], first * hw[1], last * hw[1])

        run_bands(work, len(bands), self.threads)
        self.pixel, self.z_bits, self.run, self.span = pixel.reshape(-1), z.view(np.int32).reshape(-1), hw[1], span
        self.median_bits, self.upper_counts = depth.view(np.int32).reshape(-1), counts

        def take(key: np.ndarray, color: np.ndarray, texels: np.ndarray, first: int, last: int) -> None:
            nearest.take_depth_points(key, depth, packed, self.matrix, centres, color, *texels, first, last)

        self.take = take

    def project_points(self, points: np.ndarray, colors: np.ndarray, confidence: np.ndarray | None) -> None:
        """Project world points."""
        confidence = NO_CONFIDENCE.reshape(-1) if confidence is None else confidence
        array = self.memory.array
        pixel, z = array("pixel", (len(points),), np.int32), array("z", (len(points),), np.float32)
        packed = array("packed", (len(points),), np.uint32)
        runs = -(-len(points) // RUN)
        span = array("span", (runs, 2), np.int32)
        bands = band_limits(runs, self.threads, 1)
        counts = array("upper counts", (len(bands), median.BINS // 2), np.int32)

        def work(band: int, worker: int) -> None:
            first, last = bands[band]
            project.project_points(
                *(points, confidence, self.confidence_threshold, self.matrix, self.intrinsics, self.near_far, self.hw),
                *(self.options.compat, RUN, pixel, z, span, first, last),
            )
            nearest.pack_colors(colors.T, packed, first * RUN, min(last * RUN, len(points)))
            if self.s0 is None:
                median.count_upper(z.view(np.int32), counts[band], first * RUN, min(last * RUN, len(points)))

        run_bands(work, len(bands), self.threads)
        self.pixel, self.z_bits, self.run, self.span = pixel, z.view(np.int32), RUN, span
        self.median_bits, self.upper_counts = self.z_bits, counts

        def take(key: np.ndarray, color: np.ndarray, texels: np.ndarray, first: int, last: int) -> None:
            nearest.take_world_points(key, points, packed, self.matrix, color, *texels, first, last)

        self.take = take

    def draw(self) -> None:
        """Find the nearest point of every pixel, and of coarser and coarser blocks; on the way, the median depth."""
        H, W = self.hw
        array = self.memory.array
        key = array("key", self.hw, np.int64)
        self.color = array("color", self.hw, np.uint32)
        sizes = level_sizes(self.hw, hidden.LEVELS)
        self.levels = [array(f"texels {k}", (4, *size), np.float32) for k, size in enumerate(sizes)]
        bands = band_limits(H, self.threads, ALIGNMENT)
        ranks, upper = middle_bins(self.upper_counts) if self.s0 is None else (None, None)
        counts = array("lower counts", (len(bands), 2, median.BINS), np.int32)
        shares = band_limits(self.median_bits.size, len(bands), 1)

        def work(band: int, worker: int) -> None:
            first, last = bands[band]
            nearest.draw(self.pixel, self.z_bits, self.run, self.span, W, key.reshape(-1), first, last)
            self.take(key, self.color, self.levels[0], first, last)
            for k, (fine, coarse) in enumerate(pairwise(self.levels[: OWN_LEVELS + 1])):
                nearest.halve(fine, coarse, first >> (k + 1), coarse_end(last, k + 1))
            if self.s0 is None:
                share = shares[band] if band < len(shares) else (0, 0)
                median.count_lower(self.median_bits, upper, counts[band], *share)

        run_bands(work, len(bands), self.threads)
        for fine, coarse in pairwise(self.levels[OWN_LEVELS:]):
            nearest.halve(fine, coarse, 0, coarse.shape[1])
        self.middle = ranks, upper, counts

    def find_visible(self) -> None:
        """Remove hidden points, and average the colours of the others over coarser and coarser blocks."""
        W = self.hw[1]
        array = self.memory.array
        self.visible = array("visible", self.hw, np.bool_)
        self.fills = [array(f"fill {k + 1}", (4, *size), np.float32) for k, size in enumerate(level_sizes(self.hw)[1:])]
        s0 = self.automatic_s0() if self.s0 is None else np.float32(self.s0)
        neighbourhood = s0 * (np.float32(10) * self.intrinsics[1])
        levels = (*self.levels, *[np.empty((4, 0, 0), np.float32)] * (hidden.LEVELS - len(self.levels)))
        columns = sampling(W, self.levels[min(hidden.DEPTH_LEVEL, len(self.levels) - 1)].shape[2])
        threshold = np.float32(-np.inf if self.same_centre else self.options.occlusion_threshold)

        def work(band: int, worker: int) -> None:
            first, last = self.bands[band]
            scratch = hidden.scratch_arrays(lambda name, *like: array(f"{name} {worker}", *like), W)
            hidden.find_visible(levels, neighbourhood, threshold, *columns, self.visible, scratch, first, last)
            if self.fills:
                fill.push_pixels(self.color, self.visible, self.fills[0], first >> 1, coarse_end(last, 1))
            for k, (fine, coarse) in enumerate(pairwise(self.fills[:OWN_LEVELS])):
                fill.push(fine, coarse, first >> (k + 2), coarse_end(last, k + 2))

        run_bands(work, len(self.bands), self.threads)

    def automatic_s0(self) -> np.float32:
        """The size of a pixel at the median depth; the fixed one without any depth."""
        ranks, upper, counts = self.middle
        if ranks is None:
            return np.float32(SEED_S0)
        total = counts.sum(axis=0)
        bits = [(upper[side] << 16) | median.locate(total[side], ranks[side])[0] for side in range(2)]
        lower, higher = np.array(bits, np.int32).view(np.float32)
        return (lower + higher) * np.float32(0.5) * self.footprint

    def fill_holes(self) -> None:
        """Fill the coarse levels, and measure how far each pixel is from a visible one."""
        H, W = self.hw
        array = self.memory.array
        table = fade_table(self.options.sigma, self.hw, compat=self.options.compat)
        reach, self.table = fade_reach(table), table.numpy()
        along = array("distance along columns", self.hw, np.uint16)
        kind = hole_distance.distance_type(reach)
        width = -(-W // hole_distance.CHUNK) * hole_distance.CHUNK
        self.nearest = array("nearest", (H, width), kind)
        strips = band_limits(W, self.threads, hole_distance.CHUNK)
        cap = min(reach + 1, 2**16 - 2)

        def columns(strip: int, worker: int) -> None:
            if strip == 0:
                self.fill_coarse()
            else:
                hole_distance.along_columns(self.visible, cap, along, *strips[strip - 1])

        def rows(band: int, worker: int) -> None:
            first, last = self.bands[band]
            squared = array(f"squared {worker}", (width + 2 * reach,), kind)
            hole_distance.along_rows(along, reach, squared, self.nearest, first, last)
            if len(self.fills) > 1:
                self.pull(0, first >> 1, coarse_end(last, 1), worker)

        run_bands(columns, len(strips) + 1, self.threads)
        run_bands(rows, len(self.bands), self.threads)

    def fill_coarse(self) -> None:
        """All levels of the fill but the finest."""
        for fine, coarse in pairwise(self.fills[OWN_LEVELS - 1 :]):
            fill.push(fine, coarse, 0, coarse.shape[1])
        for k in range(len(self.fills) - 2, 0, -1):
            self.pull(k, 0, self.fills[k].shape[1], worker=0)

    def pull(self, k: int, first: int, last: int, worker: int) -> None:
        level, filled = self.fills[k], self.fills[k + 1]
        wide = self.memory.array(f"wide {worker}", (2, 4, level.shape[2]), np.float32)
        fill.pull(level, filled, sampling(level.shape[2], filled.shape[2]), wide, first, last)

    def finish(self, rgb: np.ndarray, coverage: np.ndarray, visible: np.ndarray, depth: np.ndarray) -> None:
        """Write the result."""
        W = self.hw[1]
        array = self.memory.array
        filled = self.fills[0] if self.fills else np.empty((4, 0, 0), np.float32)
        columns = sampling(W, max(filled.shape[2], 1))
        background = np.array(self.options.background, np.float32)

        def work(band: int, worker: int) -> None:
            first, last = self.bands[band]
            scratch = (
                array(f"wide {worker}", (2, 4, W), np.float32),
                array(f"held {worker}", (2, -(-W // fill.CHUNK)), np.int64),
                array(f"alpha {worker}", (fill.CHUNK,), np.float32),
            )
            fill.finish(
                *(self.color, self.visible, self.levels[0][2], filled, columns, self.nearest, self.table, background),
                *(self.options.compat, scratch, rgb, coverage[0], depth[0], first, last),
            )
            visible[0, self.hw[0] - last : self.hw[0] - first] = self.visible[first:last][::-1]

        run_bands(work, len(self.bands), self.threads)


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


def middle_bins(counts: np.ndarray) -> tuple[list[int] | None, np.ndarray]:
    """Of the two middle values: their ranks among the values of their bins (None without values), and these bins."""
    total = counts.sum(axis=0)
    count = int(total.sum())
    if count == 0:
        return None, np.full(2, -1, np.int64)
    found = [median.locate(total, rank) for rank in ((count - 1) // 2, count // 2)]
    return [rank for _, rank in found], np.array([upper for upper, _ in found], np.int64)
