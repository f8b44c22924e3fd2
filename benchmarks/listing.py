"""Seconds until thousands of scenes are listed: their ids, their states, and all of their views. No image is opened.

python -m benchmarks.listing                    10,000 scenes of three views
python -m benchmarks.listing --scenes 1000
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch
from PIL import Image

from benchmarks.loader import machine
from benchmarks.start import VIEWS, make_scenes
from warpdata.config import SourceOptions
from warpdata.sources import open_source


def seconds(work: Callable[[], object]) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def refuse(*_, **__):
    raise AssertionError("an image was opened")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scenes", type=int, default=10_000)
    options = parser.parse_args()
    print(f"{options.scenes} scenes of {VIEWS} views. {machine(torch.device('cpu'))}\n\n| | |\n|---|---|")
    with tempfile.TemporaryDirectory() as name:
        make_scenes(Path(name), options.scenes)
        Image.open = refuse
        source = open_source(SourceOptions(input_dir=Path(name) / "in"))
        print(f"| ids of all scenes | {seconds(source.scene_ids):.2f} s |")
        ids = source.scene_ids()
        print(f"| states of all scenes | {seconds(lambda: [source.state(scene) for scene in ids]):.2f} s |")
        print(f"| views of all scenes | {seconds(lambda: [source.scene(scene) for scene in ids]):.2f} s |")


if __name__ == "__main__":
    main()
