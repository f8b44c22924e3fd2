"""Memory and time of `materialize --source dem` over a thousand small tiles.

python -m benchmarks.dem_scenes                 1,024 tiles of 64x64, two views each
python -m benchmarks.dem_scenes --tiles 64
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from affine import Affine
from rasterio.crs import CRS

from benchmarks.loader import machine
from warpdata.formats.geotiff import write_geotiff

SIDE = 64
OPTIONS = ("--source", "dem", "--views", "2", "--output-format", "png", "--quiet")


def write_tiles(root: Path, count: int) -> None:
    """Hills with images, side by side in degrees."""
    rng, system = np.random.default_rng(0), CRS.from_epsg(4326)
    x, y = np.meshgrid(np.arange(SIDE), np.arange(SIDE))
    for number in range(count):
        place = Affine(1 / 3600, 0, 11 + number % 32 * SIDE / 3600, 0, -1 / 3600, 47 - number // 32 * SIDE / 3600)
        a, b = rng.uniform(5, 15, 2)
        heights = (800 + 150 * np.sin(x / a) * np.cos(y / b)).astype(np.float32)
        colours = rng.uniform(0.02, 0.3, (3, SIDE, SIDE)).astype(np.float32)
        write_geotiff(root / "DEM-x" / f"tile_{number}.tif", heights[None], transform=place, crs=system)
        write_geotiff(root / "Image" / "tif-x" / f"tile_{number}.tif", colours, transform=place, crs=system)


def resident_mib(process: int) -> float:
    for line in Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    return 0.0  # it has ended


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tiles", type=int, default=1024)
    count = parser.parse_args().tiles
    print(f"{count} tiles of {SIDE}x{SIDE}. {machine(torch.device('cpu'))}\n")
    with tempfile.TemporaryDirectory() as name:
        root, output = Path(name) / "tiles", Path(name) / "output"
        write_tiles(root, count)
        folders = ("--input-dir", str(root), "--output-dir", str(output), "--cache-dir", f"{name}/cache")
        command = [sys.executable, "-m", "warpdata.materialize", *folders, *OPTIONS]
        began, samples = time.perf_counter(), {}
        child = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        while child.poll() is None:
            done = sum(1 for path in output.iterdir() if path.name.startswith("x_tile_")) if output.is_dir() else 0
            samples[done] = max(samples.get(done, 0.0), resident_mib(child.pid))
            time.sleep(0.2)
        assert child.returncode == 0, child.returncode
        print(f"{time.perf_counter() - began:.0f} s\n\n| scenes done | MiB at most until then |\n|---|---|")
        for share in (0.1, 0.25, 0.5, 0.75, 1.0):
            until = [mib for done, mib in samples.items() if done <= share * count]
            print(f"| {share * count:.0f} | {max(until):.0f} |")


if __name__ == "__main__":
    main()
