"""Views of a tile: the walk in strides against the plain one, and against the floor of writing a view.

    python -m benchmarks.dem                    every camera, on as many threads as torch computes with; prints Markdown
    python -m benchmarks.dem --threads 1        on one
    python -m benchmarks.dem --device cuda      by NVIDIA Warp, with the copy of the view back to main memory
    NUMBA_CPU_NAME=haswell NUMBA_CACHE_DIR=... python -m benchmarks.dem      without wide vectors

512 x 384 pixels over 512 x 512 heights of hills of all sizes, 30 m apart with 1500 m of relief, and an image three
times as fine. The plain walk is `march`, in torch; the floor copies what a view reads and writes once.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import cv2
import numpy as np
import torch

from warpdata.camera import Camera, invert_rigid
from warpdata.sources.dem.march import march
from warpdata.sources.dem.terrain import Grid, Terrain
from warpdata.sources.dem.view import see

SIDE, PITCH_M, HW = 512, 30.0, (384, 512)
CAMERAS = {
    "straight down": ((0, 0, 14_000), (0, 1, 0)),
    "oblique": ((-6000, -9000, 9000), (0, 0, 600)),
    "low": ((-6500, -5000, 2600), (6000, 3000, 500)),
}
"""Eye and what it looks at, metres."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--plain", action="store_true", help="time the plain walk too, which takes minutes")
    parser.add_argument("--device", type=torch.device, default=torch.device("cpu"))
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    terrain = made_terrain()
    floor = best(lambda: [array.copy() for array in (terrain.heights, np.empty((*HW, 3), np.uint8), np.empty(HW))])
    print(
        f"{arguments.device}, {arguments.threads} threads; floor {floor:.2f} ms\n\n"
        "| camera | hits | ms a view | CPU ms, all threads | times the floor | plain |"
    )
    print("|---|---|---|---|---|---|")
    for name, (eye, at) in CAMERAS.items():
        camera = looking(eye, at)
        view = see(terrain, camera, arguments.device)
        milliseconds = best(lambda camera=camera: see(terrain, camera, arguments.device))
        cpu = best(lambda camera=camera: see(terrain, camera, arguments.device), clock=time.process_time)
        plain = "not timed"
        if arguments.plain:
            began = time.perf_counter()
            same = torch.equal(march(terrain, camera).float(), view.depth)
            plain = f"{time.perf_counter() - began:.1f} s, {'the same bits' if same else 'OTHER BITS'}"
        hits = (view.depth > 0).double().mean().item()
        print(
            f"| {name} | {hits:.0%} | {milliseconds:.1f} | {cpu:.1f} | {milliseconds / floor:.0f} | {plain} |",
            flush=True,
        )


def made_terrain() -> Terrain:
    """Hills of all sizes, the same every time."""
    rng = np.random.default_rng(0)
    heights = np.zeros((SIDE, SIDE))
    for octave in range(1, 8):
        waves = rng.normal(size=(2**octave + 2,) * 2)
        heights += cv2.resize(waves, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC) / 2**octave
    heights = 1500 * (heights - heights.min()) / np.ptp(heights)
    grid = Grid(first_xy=(-(SIDE - 1) / 2 * PITCH_M, (SIDE - 1) / 2 * PITCH_M), pitch_xy=(PITCH_M, PITCH_M))
    fine = (PITCH_M / 3, PITCH_M / 3)
    corner = SIDE / 2 * PITCH_M - fine[0] / 2
    return Terrain(
        heights=heights,
        grid=grid,
        texture=rng.integers(0, 256, (3 * SIDE, 3 * SIDE, 3), dtype=np.uint8),
        textured=np.ones((3 * SIDE, 3 * SIDE), bool),
        texture_grid=Grid(first_xy=(-corner, corner), pitch_xy=fine),
    )


def looking(eye: tuple[float, ...], at: tuple[float, ...]) -> Camera:
    forward = np.subtract(at, eye) / np.linalg.norm(np.subtract(at, eye))
    right = np.cross(forward, (0, 0, 1))
    right /= np.linalg.norm(right)
    world_from_cam = np.eye(4)
    world_from_cam[:3, :3] = np.stack([right, np.cross(forward, right), forward], axis=1)
    world_from_cam[:3, 3] = eye
    K = torch.tensor([[500.0, 0, HW[1] / 2], [0, 500.0, HW[0] / 2], [0, 0, 1]], dtype=torch.float64)
    return Camera(K=K, cam_from_world=invert_rigid(torch.from_numpy(world_from_cam)), hw=HW)


def best(work: Callable[[], object], times: int = 7, clock: Callable[[], float] = time.perf_counter) -> float:
    """Milliseconds of the fastest run; by `time.process_time` hardly touched by other work on the machine."""
    found = []
    for _ in range(times):
        began = clock()
        work()
        found.append(1000 * (clock() - began))
    return min(found)


if __name__ == "__main__":
    main()
