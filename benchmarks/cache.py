"""Bytes and milliseconds of a cached frame, its error, and what finding an entry costs.

    python -m benchmarks.cache                        maps like a network's and like a depth camera's, at 518 x 392
    python -m benchmarks.cache --input-dir samples    and the geometry that scenes ship

Times are medians on one thread.
"""

from __future__ import annotations

import argparse
import math
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import torch

from warpdata.cache import GeometryCache
from warpdata.cache.codec import CONFIDENCE_BITS, DEPTH_BITS, decode_map, encode_map
from warpdata.camera import Camera
from warpdata.config import SourceOptions
from warpdata.geometry.given import GivenEstimator
from warpdata.geometry.types import ContentBox, FrameGeometry, Provenance, SceneGeometry
from warpdata.sources import PictureFile, Scene, View, open_source

HW = (392, 518)
PARALLAX_PX = math.hypot(*HW)
"""As far as any point that stays in the picture can have moved."""


def smooth(scale: int, seed: int) -> np.ndarray:
    """Noise of unit deviation, enlarged `scale` times."""
    coarse = np.random.default_rng(seed).standard_normal((HW[0] // scale + 2, HW[1] // scale + 2))
    return cv2.resize(coarse, HW[::-1], interpolation=cv2.INTER_CUBIC)


def room() -> np.ndarray:
    """Smooth surfaces over a decade of depth, a dozen round objects before them."""
    depth = 2 * np.exp(0.6 * smooth(120, 1) + 0.2 * smooth(40, 2) + 0.05 * smooth(12, 3))
    y, x = np.mgrid[: HW[0], : HW[1]]
    rng = np.random.default_rng(4)
    for index in range(12):
        centre_y, centre_x, radius = rng.integers(0, HW[0]), rng.integers(0, HW[1]), rng.integers(15, 70)
        inside = (y - centre_y) ** 2 + (x - centre_x) ** 2 < radius**2
        depth[inside] = rng.uniform(0.5, 2) * (1 + 0.1 * smooth(30, 10 + index)[inside])
    return depth


def examples() -> dict[str, np.ndarray]:
    """Name -> depth map, from easy to hard."""
    rng = np.random.default_rng(5)
    clean, white = room(), rng.standard_normal(HW)
    half = clean * (1 + 0.002 * smooth(2, 6))
    return {
        "exact": clean,
        "network, 0.2 % noise at half size": half,
        "0.1 % noise a pixel": clean * (1 + 0.001 * white),
        "1 % noise a pixel": clean * (1 + 0.01 * white),
        "network, 35 % in large holes": np.where(smooth(6, 7) > 0.4, 0, half),
        "network, 30 % of single pixels missing": np.where(rng.random(HW) < 0.3, 0, half),
        "whole millimetres, 0.2 % noise": np.round(half * 1000) * np.float32(0.001),
    }


def median_ms(call: Callable[[], object], repeats: int = 15) -> float:
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        times.append(1e3 * (time.perf_counter() - start))
    return sorted(times)[repeats // 2]


def as_log_png(depth: np.ndarray) -> bytes:
    """The obvious alternative: 16-bit PNG of log depth over the map's own range."""
    valid = depth > 0
    low, high = np.log(depth[valid].min()), np.log(depth[valid].max())
    levels = 1 + np.rint((np.log(np.where(valid, depth, 1)) - low) / (high - low) * 65534)
    return cv2.imencode(".png", np.where(valid, levels, 0).astype(np.uint16))[1].tobytes()


def measure_maps() -> None:
    confidence = (np.exp(1.5 * smooth(30, 8) + 0.5 * smooth(6, 9) + 0.1 * smooth(2, 10))).astype(np.float32)
    print(f"{'map':40} {'kB':>6} {'PNG kB':>7} {'encode ms':>10} {'decode ms':>10} {'error':>9} {'shift px':>9}")
    for name, depth in examples().items():
        depth = depth.astype(np.float32)
        options = {"mantissa_bits": DEPTH_BITS, "unit": 0.001}
        description, content = encode_map(depth, **options)
        valid = depth > 0
        error = np.abs(decode_map(description, content, HW)[valid] / depth[valid].astype(float) - 1).max()
        print(
            f"{name:40} {len(content) / 1e3:6.0f} {len(as_log_png(depth)) / 1e3:7.0f} "
            f"{median_ms(lambda depth=depth, options=options: encode_map(depth, **options)):10.1f} "
            f"{median_ms(lambda args=(description, content, HW): decode_map(*args)):10.1f} "
            f"{error:9.1e} {error * PARALLAX_PX:9.4f}"
        )
    description, content = encode_map(confidence, mantissa_bits=CONFIDENCE_BITS)
    print(f"{'confidence':40} {len(content) / 1e3:6.0f}")


def measure_entries(input_dir: Path) -> None:
    source = open_source(SourceOptions(input_dir=input_dir))
    with tempfile.TemporaryDirectory() as folder:
        cache = GeometryCache(Path(folder))
        for scene_id in source.scene_ids():
            scene = source.scene(scene_id)
            start = time.perf_counter()
            entry, _ = cache.get_or_make(scene, GivenEstimator())
            made_ms = 1e3 * (time.perf_counter() - start) / len(entry)
            height, width = entry.camera(0).camera.hw
            print(
                f"{scene_id}: {len(entry)} frames of {width} x {height}, "
                f"{entry.path.stat().st_size / len(entry) / 1e3:.0f} kB and {made_ms:.1f} ms a frame to make, "
                f"{median_ms(lambda entry=entry: entry.frame(0)):.1f} ms to read"
            )


def measure_finding(num_scenes: int = 300, num_views: int = 10) -> None:
    """Finding the entry of a scene that has not changed: states of its files, key, header; no picture is opened."""
    K = torch.tensor([[400.0, 0, 259], [0, 410, 196], [0, 0, 1]], dtype=torch.float64)
    camera = Camera(K=K, cam_from_world=torch.eye(4, dtype=torch.float64), hw=HW)
    box = ContentBox(left=0.0, top=0.0, right=float(HW[1]), bottom=float(HW[0]))
    flat = torch.full(HW, 2.0)
    provenance = Provenance(estimator="benchmark")
    with tempfile.TemporaryDirectory() as name:
        cache, scenes = GeometryCache(Path(name) / "cache"), []
        for number in range(num_scenes):
            root = Path(name) / f"{number}"
            root.mkdir()
            views = [
                View(name=f"{index}", picture=PictureFile(root / f"{index}.jpg"), camera=camera)
                for index in range(num_views)
            ]
            for view in views:
                view.picture.path.write_text(f"{number} {view.name}")
            scenes.append(Scene(id=root.name, root=root, views=tuple(views), left_out={}))
        time.sleep(2.1)  # files younger than this are read every time
        for scene in scenes:
            frames = [
                FrameGeometry(name=view.name, depth=flat, confidence=flat, camera=camera, image_hw=HW, content_box=box)
                for view in scene.views
            ]
            cache.put(scene, SceneGeometry(scene_id=scene.id, outcomes=frames, scale="metric", provenance=provenance))
        start = time.perf_counter()
        found = sum(len(cache.get(scene, provenance)) for scene in scenes)
        total_ms = 1e3 * (time.perf_counter() - start)
        print(f"finding: {total_ms / num_scenes:.2f} ms a scene of {found // num_scenes} views")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--input-dir", type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    measure_maps()
    measure_finding()
    if arguments.input_dir:
        measure_entries(arguments.input_dir)


if __name__ == "__main__":
    main()
