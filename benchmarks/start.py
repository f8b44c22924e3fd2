"""Seconds until the first batch could be asked for with thousands of scenes, and the memory of a thousand epochs.

    python -m benchmarks.start                      10,000 scenes of three views
    python -m benchmarks.start --scenes 1000

The scenes are tiny; what counts is how many files there are. They are made in a temporary folder, which takes minutes,
then set up three times: with an empty cache, with geometry alone in it, and as every later start finds it.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import resource
import shutil
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from benchmarks.loader import machine
from warpdata.config import GeometryOptions
from warpdata.sources.folder_state import SETTLED_NS
from warpdata.training import BatchOrder, WarpDataModule

HW = (24, 36)
VIEWS = 3
EPOCHS = 1000


def make_scenes(folder: Path, number: int) -> None:
    """Scenes of the same pictures and depth, linked, and of cameras that differ a little."""
    rng = np.random.default_rng(0)
    template = folder / "template"
    for part in ("images", "depth"):
        (template / part).mkdir(parents=True)
    frames = []
    for view in range(VIEWS):
        Image.fromarray(rng.integers(0, 255, (*HW, 3), dtype=np.uint8)).save(template / "images" / f"{view}.png")
        Image.fromarray(np.full(HW, 2000 + view, dtype=np.uint16)).save(template / "depth" / f"{view}.png")
        pose = [[1, 0, 0, 0.1 * view], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]
        names = {"file_path": f"images/{view}.png", "depth_file_path": f"depth/{view}.png"}
        frames.append(names | {"transform_matrix": pose})
    for scene in range(number):
        root = folder / "in" / f"scene{scene:05d}"
        for part in ("images", "depth"):
            (root / part).mkdir(parents=True)
            for file in (template / part).iterdir():
                os.link(file, root / part / file.name)
        content = {"fl_x": 40.0 + 1e-4 * scene, "w": HW[1], "h": HW[0], "frames": frames}
        (root / "transforms.json").write_text(json.dumps(content), encoding="utf-8")


def setup_seconds(folder: Path) -> tuple[float, WarpDataModule]:
    data = WarpDataModule(
        folder / "in", batch_size=4, num_workers=0, geometry=GeometryOptions(cache_dir=folder / "cache")
    )
    begin = time.perf_counter()
    data.setup()
    data.train_dataloader()
    return time.perf_counter() - begin, data


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scenes", type=int, default=10_000)
    options = parser.parse_args()
    print(f"{options.scenes} scenes of {VIEWS} views. {machine(torch.device('cpu'))}\n\n| | |\n|---|---|")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_scenes(folder, options.scenes)
        time.sleep(2 * SETTLED_NS / 1e9)  # files that changed a moment ago are not remembered
        print(f"| first start, geometry made | {setup_seconds(folder)[0]:.1f} s |", flush=True)
        shutil.rmtree(folder / "cache" / "index")
        print(f"| start with the geometry alone | {setup_seconds(folder)[0]:.1f} s |", flush=True)
        times = [setup_seconds(folder) for _ in range(3)]
        print(f"| later start, best (all) | {min(t for t, _ in times):.1f} s ({[round(t, 1) for t, _ in times]}) |")
        table = times[-1][1].train_dataloader().sampler.table
        order = BatchOrder(table, batch_size=4, seed=0, shuffle=True)
        grown, begin = math.nan, time.perf_counter()
        for epoch in range(EPOCHS):
            order.set_epoch(epoch)
            for _ in order:
                pass
            if epoch == EPOCHS // 100:
                grown = peak_mb()
        took = (time.perf_counter() - begin) / EPOCHS
        print(f"| an epoch's order of {len(table)} samples | {took * 1000:.0f} ms |")
        print(f"| growth of peak memory from epoch {EPOCHS // 100} to {EPOCHS} | {peak_mb() - grown:.1f} MB |")


if __name__ == "__main__":
    main()
