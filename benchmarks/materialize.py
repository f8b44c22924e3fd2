"""Triplets a second from scenes to files, the share of each stage, and the writers against JPEG compression alone.

    python -m benchmarks.materialize                                     the shipped sample, enlarged to a megapixel
    python -m benchmarks.materialize --input-dir SCENES --megapixels 2

Geometry is in the cache before anything is timed. Each stage is timed by itself with all cores, then all of them
together. The floor is the compression of every distinct picture (splats, and each frame once) by as many threads as
there are cores, without masks, digests or a disk. Times are the best of three, by the clock and of the processor; the
latter also holds on a machine that others use.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from warpdata.cache.provider import GeometryProvider
from warpdata.config import (
    ExportOptions,
    FilterOptions,
    GeometryOptions,
    OutputOptions,
    PairOptions,
    SizeOptions,
    SourceOptions,
)
from warpdata.display import Display
from warpdata.run.materialize import materialize
from warpdata.run.options import MaterializeOptions
from warpdata.sources import open_source
from warpdata.triplets.frames import FrameCache
from warpdata.triplets.render import render_triplets
from warpdata.triplets.scene_pairs import ScenePairs, open_pairs
from warpdata.triplets.triplet import Triplet
from warpdata.writers.output.encoder import encode_image
from warpdata.writers.output.session import RunInfo, open_writers

REPEATS = 3
COPIES = 8


def best(action: Callable[[], object]) -> np.ndarray:
    """Least seconds of a few runs, by the clock and of the processor (all threads)."""
    times = []
    for _ in range(REPEATS):
        begin = np.array([time.perf_counter(), time.process_time()])
        action()
        times.append(np.array([time.perf_counter(), time.process_time()]) - begin)
    return np.min(times, axis=0)


def open_scenes(options: MaterializeOptions) -> list[ScenePairs]:
    """The scenes of the input with their geometry in the cache."""
    source = open_source(options.source)
    provider = GeometryProvider(options.geometry, options.size, options.filters, torch.device("cpu"))
    scenes = []
    for scene_id in source.scene_ids():
        scene = source.scene(scene_id)
        entry = provider(scene).entry
        scenes.append(open_pairs(scene, entry, size=options.size, filters=options.filters, pairs=options.pairs))
    return scenes


def distinct_pictures(triplets: list[Triplet]) -> list[torch.Tensor]:
    """Every splat, and every frame once."""
    frames = {}
    for triplet in triplets:
        scene = triplet.id.split("/")[0]
        frames[scene, triplet.reference_name] = triplet.reference
        frames[scene, triplet.target_name] = triplet.target
    return [*(triplet.splat for triplet in triplets), *frames.values()]


def write(triplets: list[Triplet], root: Path, **output) -> None:
    """All triplets through the writers, into a new folder."""
    with open_writers(ExportOptions(), OutputOptions(output_dir=root, **output), RunInfo()) as writers:
        for triplet in triplets:
            writers.write(triplet)


def compress(pictures: list[torch.Tensor], kind: str) -> None:
    """Pictures compressed by all cores, and dropped."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(lambda picture: encode_image(picture, kind), pictures))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--input-dir", type=Path, default=Path("samples"))
    parser.add_argument("--megapixels", type=float, default=1.0)
    arguments = parser.parse_args()
    side = int((arguments.megapixels * 1e6 * 4 / 3) ** 0.5)
    size = SizeOptions(
        max_megapixels=0, resize_width=side // 16 * 16, resize_height=side * 3 // 4 // 16 * 16, upsample_depth=True
    )
    with tempfile.TemporaryDirectory() as folder:
        options = MaterializeOptions(
            source=SourceOptions(input_dir=arguments.input_dir),
            size=size,
            geometry=GeometryOptions(cache_dir=Path(folder) / "cache"),
            filters=FilterOptions(),
            pairs=PairOptions(),
            quiet=True,
        )
        measure(options, Path(folder))


def measure(options: MaterializeOptions, folder: Path) -> None:
    """Print the table."""
    scenes = open_scenes(options)
    work = [(scene, pair) for scene in scenes for pair in scene.pairs]
    frames = FrameCache(4)
    inputs = [scene.inputs(pair, frames) for scene, pair in work]
    triplets = [render_triplets(one, options.effective_render) for one in inputs]
    many = [replace(one, id=f"copy{copy}_{one.id}") for copy in range(COPIES) for one in triplets]
    pictures, count = distinct_pictures(many), len(triplets)

    def decode() -> None:
        cache = FrameCache(4)
        with ThreadPoolExecutor(options.decode_threads) as pool:
            list(pool.map(lambda item: item[0].inputs(item[1], cache), work))

    numbers = iter(range(1000))

    def new_folder() -> Path:
        return folder / f"run{next(numbers)}"

    def end_to_end() -> None:
        output = replace(options.output, output_dir=new_folder())
        with Display(quiet=True) as display:
            materialize(replace(options, output=output), display)

    # What concerns files is done for several copies, so that opening and completing an output, which takes the same
    # time however many triplets it holds, weighs as little as it does in a real run.
    jpeg = best(lambda: compress(pictures, "jpg")) / COPIES
    shown = [*{(one.id.split("/")[0], one.reference_name): one.confidence for one in many}.values()]
    masks = best(lambda: compress([*(one.coverage for one in many), *shown], "png")) / COPIES
    render = best(lambda: [render_triplets(one, options.effective_render) for one in inputs])
    stages = {"decode and size": best(decode), "render": render, "compress JPEG": jpeg, "compress masks": masks}
    bare = best(lambda: write(many, new_folder(), coverage=False, confidence=False)) / COPIES
    full = best(lambda: write(many, new_folder())) / COPIES
    whole = best(end_to_end)

    height, width = triplets[0].target.shape[-2:]
    print(f"{count} triplets of {width}x{height}, {len(pictures) // COPIES} distinct pictures, {os.cpu_count()} cores")
    total = sum(stages.values())
    for name, (wall, cpu) in {**stages, "sum of stages": total}.items():
        share = f"{100 * cpu / total[1]:4.0f} % of the processor time"
        print(f"  {name:16s} {1000 * wall / count:7.1f} ms a triplet, {1000 * cpu / count:7.1f} ms CPU   {share}")
    for name, seconds, floor in (
        ("end to end", whole, total),
        ("floor, JPEG alone", jpeg, jpeg),
        ("writers, pictures", bare, jpeg),
        ("writers, and masks", full, jpeg + masks),
    ):
        wall, cpu = 1000 * seconds / count
        shares = 100 * floor / seconds
        print(f"{name:18s} {wall:7.1f} ms a triplet, {cpu:7.1f} ms CPU   {1000 / wall:6.1f} triplets/s", end="   ")
        print(f"{shares[0]:4.0f} % of its floor by the clock, {shares[1]:4.0f} % by processor time")


if __name__ == "__main__":
    main()
