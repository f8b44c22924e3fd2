"""Processor time to choose the frames of a video and keep them, beside that of decoding it.

    python -m benchmarks.video                      five seconds of 1080p, made from a picture of the shipped sample
    python -m benchmarks.video clip.mp4             your own

Of all threads together, a frame of the video; the best of several passes.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import av
import cv2
import numpy as np
import torch

from benchmarks.loader import machine
from warpdata.formats.video import Video
from warpdata.formats.video_writer import VideoWriter
from warpdata.sources.video.choice import choose
from warpdata.sources.video.frames_folder import make_frames
from warpdata.sources.video.options import VideoOptions

SAMPLES = Path(__file__).parents[1] / "samples"
HW = (1080, 1920)
FRAMES, FPS = 150, 30
PASSES = 3


def pan(path: Path) -> Path:
    """A camera that moves over the sample's picture, with a sensor's noise."""
    picture = cv2.imread(str(sorted((SAMPLES / "room" / "images").iterdir())[0]))[..., ::-1]
    wide = cv2.resize(picture, None, fx=4.5, fy=4.5, interpolation=cv2.INTER_CUBIC)
    noise = np.random.default_rng(0)
    with VideoWriter(path, fps=FPS, hw=HW) as video:
        for number in range(FRAMES):
            shift = np.float32([[1, 0, -3 * number], [0, 1, -3 * number]])
            frame = cv2.warpAffine(wide, shift, HW[::-1]).astype(np.int16)
            video.write((frame + noise.integers(-4, 5, (*HW, 1), np.int16)).clip(0, 255).astype(np.uint8))
    return path


def plain(path: Path) -> int:
    with av.open(str(path)) as container:
        container.streams.video[0].thread_type = "AUTO"
        return sum(1 for _ in container.decode(video=0))


def read(path: Path) -> int:
    with Video(path) as video:
        return sum(1 for _ in video.frames())


def chosen(path: Path) -> int:
    options = VideoOptions()
    with Video(path) as video:
        stretch_s = options.stretch_s(video.duration_s)
        return sum(1 for _ in choose(video.frames(), stretch_s=stretch_s, min_sharpness=options.min_sharpness))


def kept(path: Path) -> int:
    with tempfile.TemporaryDirectory() as folder:
        video = {"name": path.name, "sha256": ""}
        return len(make_frames(path, video, VideoOptions(), Path(folder), progress=lambda *_: None).frames)


def milliseconds(work: Callable[[Path], int], path: Path) -> tuple[float, float]:
    """Of processor time and of waiting, the best of several passes."""
    passes = []
    for _ in range(PASSES):
        wall, processor = time.perf_counter(), time.process_time()
        work(path)
        passes.append((time.process_time() - processor, time.perf_counter() - wall))
    return tuple(1000 * min(values) for values in zip(*passes, strict=True))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("video", nargs="?", type=Path)
    given = parser.parse_args().video
    with tempfile.TemporaryDirectory() as folder:
        path = given or pan(Path(folder) / "pan.mp4")
        frames = plain(path)
        size = f"{frames} frames, {path.stat().st_size / 2**20:.1f} MiB"
        print(f"{size}, {kept(path)} of them kept. {machine(torch.device('cpu'))}\n")
        print("| | processor ms a frame | x plain | frames/s |\n|---|---|---|---|")
        base = None
        for name, work in (
            ("decoding alone, by PyAV", plain),
            ("read by `Video`", read),
            ("measured and chosen", chosen),
            ("and kept in the cache", kept),
        ):
            processor, wall = milliseconds(work, path)
            base = base or processor
            print(f"| {name} | {processor / frames:.2f} | {processor / base:.2f} | {1000 * frames / wall:.0f} |")


if __name__ == "__main__":
    main()
