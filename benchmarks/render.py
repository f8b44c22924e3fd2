"""Triplets a second and memory of the renderer, against the memory's own speed and a forward warp in plain torch.

    python -m benchmarks.render                      every backend that runs here; prints Markdown
    python -m benchmarks.render --backends numba     one of them
    python -m benchmarks.render --stages             where a picture's time goes on the CPU
    python -m benchmarks.render --devices cuda       the GPU alone

The scene is a textured room with spheres, ray-cast exactly; the target camera stands aside and turns, so that holes and
occlusions are plenty. A picture is one call of `warpdata.render.warp`: depth map, confidence and image in, splat,
coverage, visibility and depth out, automatic s0 and all other options at their defaults. Confidence is above the
threshold everywhere.

The floor is the time the machine's memory needs for `BYTES_PER_PIXEL`, at the copy bandwidth measured in the same run
with as many threads. The forward warp is what most research code uses: every pixel spread over four by bilinear weights
times exp(50 disparity), sums divided by weights; no hidden-point removal, no holes filled.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import os
import platform
import subprocess
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import torch
from torch import Tensor

from warpdata.camera import Camera
from warpdata.config import RenderOptions
from warpdata.render import BACKENDS, WARP_VERSION, warp

SIZES = {"0.25": (408, 612), "1": (816, 1224), "2": (1155, 1732)}
"""Height and width by megapixels."""
BATCHES = (1, 8)
SLOW = {("torch", "cpu"), ("warp", "cpu")}
"""Measured on single pictures of up to a megapixel only: the definition, and GPU kernels on a CPU."""
SECONDS = 2.0
"""Time given to repetitions of one measurement."""
IN_FLIGHT = 10
"""Calls that a GPU is given one after the other, as a loop that renders ahead gives them."""
BYTES_PER_PIXEL = {
    "project: depth and confidence in, key cleared, read and written": 8 + 24,
    "draw: key in, depth and colour gathered, position and colour out": 8 + 7 + 20,
    "pyramid: positions in, a third of them out": 27,
    "hidden points: all levels in, a flag out": 22,
    "distance: two passes": 6,
    "fill and fade: colour in, levels out and in, bytes, coverage, depth out": 26,
}
"""What every stage moves if it reads and writes memory once, in the smallest exact form."""


SPHERES = (
    *(
        (-1.2, 0.3, 2.6, 0.5),
        (0.9, -0.6, 3.1, 0.6),
        (0.1, 1.0, 2.2, 0.35),
        (2.0, 0.8, 4.4, 0.9),
        (-2.4, -1.0, 4.0, 0.7),
    ),
)
"""Centre and radius."""


@dataclass(frozen=True)
class Scene:
    """A batch of equal pictures."""

    image: Tensor
    depth: Tensor
    confidence: Tensor
    reference: Camera
    target: Camera

    def to(self, device: torch.device) -> Scene:
        return Scene(
            self.image.to(device), self.depth.to(device), self.confidence.to(device), self.reference, self.target
        )


def make_scene(hw: tuple[int, int], batch: int) -> Scene:
    """A room of 8 x 5 x 9 with five spheres, seen from the middle."""
    H, W = hw
    K = torch.tensor([[0.8 * W, 0, W / 2], [0, 0.8 * W, H / 2], [0, 0, 1]], dtype=torch.float64)
    y, x = torch.meshgrid(torch.arange(H) + 0.5, torch.arange(W) + 0.5, indexing="ij")
    ray = torch.stack([(x - W / 2) / K[0, 0], (y - H / 2) / K[1, 1], torch.ones_like(x)], -1).double()
    walls = torch.tensor([4.0, 2.5, 6.0], dtype=torch.float64)
    depth = (walls / ray.abs()).amin(-1)
    spheres = [
        (-1.2, 0.3, 2.6, 0.5),
        (0.9, -0.6, 3.1, 0.6),
        (0.1, 1.0, 2.2, 0.35),
        (2.0, 0.8, 4.4, 0.9),
        (-2.4, -1, 4, 0.7),
    ]
    for *centre, radius in spheres:
        c = torch.tensor(centre, dtype=torch.float64)
        a, b = (ray * ray).sum(-1), (ray * c).sum(-1)
        inside = b * b - a * ((c * c).sum() - radius**2)
        depth = torch.where(inside > 0, torch.minimum(depth, (b - inside.clamp(min=0).sqrt()) / a), depth)
    place = ray * depth[..., None]
    waves = torch.stack([torch.sin(7 * place.roll(k, -1)).sum(-1) + torch.sin(31 * place[..., k]) for k in range(3)])
    image = (127.5 + 30 * waves).clamp(0, 255).to(torch.uint8)
    aside = torch.eye(4, dtype=torch.float64)
    turn = torch.tensor(0.25, dtype=torch.float64)
    aside[0, 0], aside[0, 2], aside[2, 0], aside[2, 2] = turn.cos(), turn.sin(), -turn.sin(), turn.cos()
    aside[:3, 3] = torch.tensor([-0.5, 0.1, -0.8])
    reference = Camera(K=K, cam_from_world=torch.eye(4, dtype=torch.float64), hw=hw)
    target = Camera(K=K, cam_from_world=aside, hw=hw)
    repeat = (batch, 1, 1)
    confidence = torch.full(hw, 2.0).repeat(repeat)
    return Scene(image.repeat(batch, 1, 1, 1), depth.float().repeat(repeat), confidence, reference, target)


def forward_warp(scene: Scene) -> Tensor:
    """The alternative people know: a bilinear forward warp with exponential depth weights, (B, 3, H, W) in 0..1."""
    B, _, H, W = scene.image.shape
    device, K = scene.image.device, scene.target.K.float().to(scene.image.device)
    pose = (scene.target.cam_from_world @ torch.linalg.inv(scene.reference.cam_from_world)).float().to(device)
    x = torch.arange(W, device=device) + 0.5
    y = torch.arange(H, device=device)[:, None] + 0.5
    z = scene.depth
    points = torch.stack([(x - K[0, 2]) / K[0, 0] * z, (y - K[1, 2]) / K[1, 1] * z, z], 1).flatten(2)
    X, Y, Z = (pose[:3, :3] @ points + pose[:3, 3:]).unbind(1)
    a, b = K[0, 0] * X / Z + K[0, 2] - 0.5, K[1, 1] * Y / Z + K[1, 2] - 0.5
    log_depth = Z.clamp(min=1e-3).log()
    nearness = (log_depth - log_depth.amin(1, keepdim=True)) / (log_depth.amax() - log_depth.amin())
    importance = torch.exp(-50 * nearness) * (Z > 0)
    values = torch.cat([scene.image.flatten(2).float() / 255, torch.ones_like(Z)[:, None]], 1)
    left, top = a.floor(), b.floor()
    total = torch.zeros(B, 4, H * W, device=device)
    for dx in (0, 1):
        for dy in (0, 1):
            column, row = left + dx, top + dy
            weight = (1 - (a - column).abs()) * (1 - (b - row).abs()) * importance
            weight = weight * ((column >= 0) & (column < W) & (row >= 0) & (row < H))
            pixel = (row.clamp(0, H - 1) * W + column.clamp(0, W - 1)).long()
            total.scatter_add_(2, pixel[:, None].expand(-1, 4, -1), values * weight[:, None])
    return (total[:, :3] / total[:, 3:].clamp(min=1e-12)).view(B, 3, H, W)


def seconds_of(call: Callable[[], object], device: torch.device) -> list[float]:
    """Times of repetitions, after one that is not counted: the clock's, or CUDA events around `IN_FLIGHT` calls."""
    call()
    times: list[float] = []
    while len(times) < 3 or (sum(times) < SECONDS and len(times) < 200):
        if device.type == "cuda":
            start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
            start.record()
            for _ in range(IN_FLIGHT):
                call()
            end.record()
            end.synchronize()
            times.append(start.elapsed_time(end) / 1e3 / IN_FLIGHT)
        else:
            begin = time.perf_counter()
            call()
            times.append(time.perf_counter() - begin)
    return times


def copy_bandwidth(device: torch.device) -> float:
    """Bytes a second of a large copy, reads and writes counted."""
    source = torch.ones(2**26, dtype=torch.float32, device=device)
    target = torch.empty_like(source)
    return 2 * source.numel() * 4 / min(seconds_of(lambda: target.copy_(source), device))


class PeakMemory:
    """Bytes in use at most, beyond those at the beginning; None where the system does not tell."""

    def __init__(self, device: torch.device) -> None:
        self.device = device

    def __enter__(self) -> PeakMemory:
        if self.device.type == "cuda":
            torch.cuda.reset_peak_memory_stats()
            self.before: int | None = torch.cuda.memory_allocated()
        else:
            clear = Path("/proc/self/clear_refs")
            self.before = None
            if clear.exists():
                give_back_free_memory()
                clear.write_text("5")  # Sets the high-water mark to what is in use now.
                self.before = self.resident("VmRSS")
        return self

    def __exit__(self, *error: object) -> None:
        if self.device.type == "cuda":
            self.bytes: int | None = torch.cuda.max_memory_allocated() - self.before
        else:
            self.bytes = None if self.before is None else self.resident("VmHWM") - self.before

    @staticmethod
    def resident(name: str) -> int:
        lines = Path("/proc/self/status").read_text().splitlines()
        return 1024 * next(int(line.split()[1]) for line in lines if line.startswith(name))


def give_back_free_memory() -> None:
    """Otherwise memory that earlier measurements freed would be used again without being seen."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").malloc_trim(0)


def run_in_new_thread(call: Callable[[], object], device: torch.device) -> tuple[list[float], int | None]:
    """Times and peak memory. The CPU renderer keeps its memory by thread: in a new one it starts without."""
    times: list[float] = []
    memory = PeakMemory(device)

    def run() -> None:
        with memory:
            times.extend(seconds_of(call, device))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return times, memory.bytes


def measure(backends: Iterable[str], device: torch.device, threads: int) -> None:
    """Print the table of one device and number of threads."""
    torch.set_num_threads(threads)
    bandwidth = copy_bandwidth(device)
    bytes_per_pixel = sum(BYTES_PER_PIXEL.values())
    where = f"{device.type}, {threads} thread{'s' * (threads > 1)}" if device.type == "cpu" else device.type
    print(f"\n### {where}: copies at {bandwidth / 1e9:.0f} GB/s\n")
    print(
        "| MP | batch | | ms a picture: median (best) | triplets/s | peak MB | floor, ms | x floor | x forward warp |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    small = make_scene((24, 36), 1).to(device)
    for name in backends:  # Compiles or loads the kernels, which takes memory of its own.
        for version in (1, WARP_VERSION):
            options = RenderOptions(version=version)
            warp(small.image, small.depth, small.reference, small.target, options=options, backend=name)
    for megapixels, hw in SIZES.items():
        for batch in BATCHES:
            scene = make_scene(hw, batch).to(device)
            calls: dict[str, Callable[[], object]] = {"forward warp": lambda scene=scene: forward_warp(scene)}
            for name in backends:
                for version in (1, WARP_VERSION):
                    if (name, device.type) not in SLOW or (batch == 1 and megapixels != "2"):
                        calls[f"{name}, version {version}"] = lambda scene=scene, name=name, version=version: warp(
                            scene.image,
                            scene.depth,
                            scene.reference,
                            scene.target,
                            confidence=scene.confidence,
                            options=RenderOptions(version=version),
                            backend=name,
                        )
            floor = bytes_per_pixel * hw[0] * hw[1] / bandwidth
            alternative = 0.0
            for name, call in calls.items():
                times, peak = run_in_new_thread(call, device)
                middle, best = median(times) / batch, min(times) / batch
                alternative = middle if name == "forward warp" else alternative
                row = [megapixels, batch, name, f"{1e3 * middle:.2f} ({1e3 * best:.2f})", f"{1 / middle:.1f}"]
                row += ["" if peak is None else f"{peak / 2**20:.0f}", f"{1e3 * floor:.2f}", f"{middle / floor:.1f}"]
                print("|", " | ".join(map(str, [*row, f"{alternative / middle:.1f}"])), "|", flush=True)


class Clock:
    """Calls functions and notes the seconds they take, under a name each."""

    def __init__(self, times: dict[str, list[float]]):
        self.times = times

    def __call__(self, name: str, function: Callable, *arguments: object) -> Any:
        begin = time.perf_counter()
        result = function(*arguments)
        self.times.setdefault(name, []).append(time.perf_counter() - begin)
        return result


def measure_stages(threads: int, version: int) -> None:
    """Print where the CPU renderer's time goes, for one megapixel."""
    from warpdata.render.cpu import picture
    from warpdata.render.near_far import near_far_of_depth
    from warpdata.render.numba_backend import PLANES, empty_rendering, item
    from warpdata.render.view import view_of_depth

    torch.set_num_threads(threads)
    scene = make_scene(SIZES["1"], 1)
    cameras = [
        Camera(K=camera.K[None], cam_from_world=camera.cam_from_world[None], hw=camera.hw)
        for camera in (scene.reference, scene.target)
    ]
    options = RenderOptions(version=version)
    view = view_of_depth(*cameras).within(near_far_of_depth(scene.depth.reshape(1, *SIZES["1"]), options))
    hw = SIZES["1"]
    inputs = [item(tensor, 0) for tensor in (scene.image, scene.depth, scene.confidence)]
    times: dict[str, list[float]] = {}
    for _ in range(30):
        rendering = empty_rendering(1, hw)
        planes = [item(getattr(rendering, name), 0) for name in PLANES]
        task = picture.task_of(view, 0, options, points=hw[0] * hw[1], s0=None)
        clock = Clock(times)
        projected = clock("project", picture.project_depth, task, *inputs)
        if version == 1:
            drawn = clock("draw", picture.draw, task, projected)
            seen = clock("find visible", picture.find_visible, task, drawn)
        else:
            drawn = clock("draw", picture.draw_plainly, task, projected)
            seen = clock("meet surfaces", picture.meet_surfaces, task, projected, drawn)
        fade = clock("fill holes", picture.fill_holes, task, seen)
        clock("finish", picture.finish, task, drawn, seen, fade, *planes)
    print(f"\n### Stages of one megapixel, version {version}, cpu, {threads} thread{'s' * (threads > 1)}\n")
    print("| stage | ms: median (best) |\n|---|---|")
    for name, values in times.items():
        print(f"| {name} | {1e3 * median(values):.2f} ({1e3 * min(values):.2f}) |")
    print(f"| sum | {1e3 * sum(map(median, times.values())):.2f} ({1e3 * sum(map(min, times.values())):.2f}) |")


def measure_kernels(device: torch.device, version: int) -> None:
    """Print the GPU time of every kernel of eight megapixels."""
    scene = make_scene(SIZES["1"], 8).to(device)

    def call() -> object:
        return warp(
            scene.image,
            scene.depth,
            scene.reference,
            scene.target,
            confidence=scene.confidence,
            options=RenderOptions(version=version),
            backend="warp",
        )

    call()
    torch.cuda.synchronize()
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CUDA]) as profile:
        for _ in range(10):
            call()
        torch.cuda.synchronize()
    print(f"\n### Kernels of one megapixel in a batch of 8, version {version}, cuda\n")
    print("| kernel | launches a batch | us a picture |\n|---|---|---|")
    events = sorted(profile.key_averages(), key=lambda event: -event.device_time_total)
    for event in events:
        print(f"| `{event.key[:60]}` | {event.count / 10:.0f} | {event.device_time_total / 80:.1f} |")
    launches, microseconds = (sum(getattr(event, name) for event in events) for name in ("count", "device_time_total"))
    print(f"| sum | {launches / 10:.0f} | {microseconds / 80:.1f} |")


def machine() -> str:
    cpu = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        cpu = next((line.split(":")[1].strip() for line in info.read_text().splitlines() if "model name" in line), cpu)
    gpu = f", {torch.cuda.get_device_name()}" if torch.cuda.is_available() else ", no GPU"
    software = f"{platform.system()}, Python {platform.python_version()}, torch {torch.__version__}"
    return f"{os.cpu_count()} x {cpu}{gpu}; {software}"


def vectors() -> str:
    """The widest vectors that numba compiles for; NUMBA_CPU_NAME=haswell takes those of 512 bits away."""
    from llvmlite import binding

    name = os.environ.get("NUMBA_CPU_NAME")
    features = binding.get_host_cpu_features()
    if name:
        return f"numba compiles for {name}"
    wide = next((bits for flag, bits in (("avx512f", 512), ("avx2", 256)) if features.get(flag)), 128)
    return f"numba compiles for {binding.get_host_cpu_name()}, vectors of {wide} bits"


def commit() -> str:
    try:
        command = ["git", "describe", "--always", "--dirty"]
        folder = Path(__file__).parent
        return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--backends", nargs="+", choices=list(BACKENDS), default=list(BACKENDS))
    parser.add_argument("--stages", action="store_true", help="only where a picture's time goes on the CPU")
    parser.add_argument("--devices", nargs="+", choices=["cpu", "cuda"], default=["cpu", "cuda"])
    arguments = parser.parse_args()
    everything = torch.get_num_threads()
    thread_counts = sorted({1, everything})
    print(f"{machine()}; {vectors()}. Commit {commit()}. {sum(BYTES_PER_PIXEL.values())} bytes a pixel at the floor.")
    for threads in thread_counts if "cpu" in arguments.devices else ():
        if not arguments.stages:
            measure(arguments.backends, torch.device("cpu"), threads)
        if "numba" in arguments.backends:
            for version in (1, WARP_VERSION):
                measure_stages(threads, version)
    if torch.cuda.is_available() and "cuda" in arguments.devices and not arguments.stages:
        on_gpu = [name for name in arguments.backends if name != "numba"]
        measure(on_gpu, torch.device("cuda"), everything)
        if "warp" in on_gpu:
            for version in (1, WARP_VERSION):
                measure_kernels(torch.device("cuda"), version)


if __name__ == "__main__":
    main()
