"""Time and memory of the stages of `prepare dem` over a thousand tiles; images come from a server on loopback.

python -m benchmarks.dem_stages                 1,024 tiles of 128x128
python -m benchmarks.dem_stages --side 16       256 tiles
"""

from __future__ import annotations

import argparse
import multiprocessing
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from affine import Affine
from rasterio.crs import CRS

from benchmarks.loader import machine
from tests.prepare.dem.download.earth_engine_stub import running_stub
from warpdata.formats.geotiff import write_geotiff
from warpdata.prepare.dem.area import Area, StageReport
from warpdata.prepare.dem.download import DownloadOptions, download_images
from warpdata.prepare.dem.earth_engine import ServiceOptions
from warpdata.prepare.dem.gray import GrayOptions, make_gray
from warpdata.prepare.dem.pictures import PictureOptions, make_pictures
from warpdata.prepare.dem.tiling import TileOptions, cut_area

TILE = 128
STAGES = ("tile", "download", "png", "gray")


def resident_mib() -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("/proc/self/status says nothing of VmRSS")


def run_stage(stage: str, root: Path, url: str, answer) -> None:
    """In a process of its own: sends seconds, and memory after each tenth of the tiles."""
    area, samples = Area(root=root, name="x"), []

    def progress(done: int, total: int) -> None:
        if done >= total * (len(samples) + 1) // 10:
            samples.append(resident_mib())

    works = {
        "tile": lambda: cut_area(area, TileOptions(tile=(TILE, TILE)), progress=progress),
        "download": lambda: download_images(area, DownloadOptions(service=ServiceOptions(url=url)), progress=progress),
        "png": lambda: make_pictures(area, PictureOptions(captions=True), progress=progress),
        "gray": lambda: make_gray(area, GrayOptions(metres_png=10.0), progress=progress),
    }
    begin = time.perf_counter()
    report: StageReport = works[stage]()
    assert not report.left_out, report.left_out
    answer.send((time.perf_counter() - begin, samples, report.made))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--side", type=int, default=32, help="tiles along each side of the area")
    side = parser.parse_args().side
    print(f"{side * side} tiles of {TILE}x{TILE}. {machine(torch.device('cpu'))}\n")
    print("| stage | seconds | MiB after 10 % of the tiles | after 50 % | after all |\n|---|---|---|---|---|")
    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as name, running_stub() as stub:
        area = Area(root=Path(name), name="x")
        rng = np.random.default_rng(0)
        heights = rng.normal(size=(side * TILE, side * TILE)).cumsum(0).cumsum(1).astype(np.float32)
        heights = 1000 + 500 * heights / abs(heights).max()
        place = Affine(1 / 3600, 0, 11, 0, -1 / 3600, 47)
        write_geotiff(area.sources / "a.tif", heights[None], transform=place, crs=CRS.from_epsg(4326))
        for stage in STAGES:
            receive, send = context.Pipe(duplex=False)
            child = context.Process(target=run_stage, args=(stage, area.root, stub.url, send))
            child.start()
            seconds, samples, made = receive.recv()
            child.join()
            assert made == side * side
            print(f"| {stage} | {seconds:.1f} | {samples[0]:.0f} | {samples[4]:.0f} | {samples[-1]:.0f} |")


if __name__ == "__main__":
    main()
