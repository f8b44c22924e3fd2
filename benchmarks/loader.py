"""Batches a second and the share of a training step spent waiting for its batch, for each way of rendering.

    python -m benchmarks.loader                          100 ms steps, batches of 4 triplets of 1 megapixel
    python -m benchmarks.loader --megapixels 0.1 --batch-size 2

The floor is the same loop on one batch that is on the device already; the other yardstick reads triplets that
`python -m warpdata.materialize` wrote as JPEG. On CUDA a step is matrix products that take the given time, so that
rendering and the step compete for the GPU; on a CPU it is a pause, as if the model ran elsewhere. A step ends when its
result is on the host. Pictures are those of the shipped sample, enlarged.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from itertools import count, islice, repeat
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from warpdata.config import GeometryOptions, PairOptions, RenderOptions
from warpdata.programs.materialize import main as materialize
from warpdata.training import Triplet, WarpDataModule, WarpLoader, render_batch

SAMPLE = Path(__file__).resolve().parents[1] / "samples" / "room"
WARM_UP = 3
MATRIX = 4096


def enlarge_sample(folder: Path, megapixels: float) -> None:
    """The sample with pictures of another size; its depth covers them as it is."""
    content = json.loads((SAMPLE / "transforms.json").read_text(encoding="utf-8"))
    scale = (megapixels * 1e6 / (content["w"] * content["h"])) ** 0.5
    size = round(content["w"] * scale), round(content["h"] * scale)
    for frame in content["frames"]:
        path = folder / "room" / frame["file_path"]
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.open(SAMPLE / frame["file_path"]).resize(size, Image.Resampling.BICUBIC).save(path, quality=95)
        depth = folder / "room" / frame["depth_file_path"]
        depth.parent.mkdir(parents=True, exist_ok=True)
        depth.write_bytes((SAMPLE / frame["depth_file_path"]).read_bytes())
    content |= {"w": size[0], "h": size[1]}
    for name, factor in (("fl_x", 0), ("cx", 0), ("fl_y", 1), ("cy", 1)):
        content[name] *= size[factor] / (640, 480)[factor]
    (folder / "room" / "transforms.json").write_text(json.dumps(content), encoding="utf-8")


class JpegTriplets(Dataset):
    """Triplets from files: (3, 3, H, W) uint8 of splat, reference and target."""

    def __init__(self, folder: Path):
        self._splats = sorted(folder.rglob("*_splats.jpg"))

    def __len__(self) -> int:
        return len(self._splats)

    def __getitem__(self, index: int) -> Tensor:
        path = self._splats[index]
        files = [path.with_name(path.name.replace("_splats", f"_{role}")) for role in ("splats", "reference", "target")]
        pixels = np.stack([np.asarray(Image.open(file)) for file in files])
        return torch.from_numpy(pixels).permute(0, 3, 1, 2)


def make_step(device: torch.device, seconds: float) -> Callable[[Tensor], None]:
    """A training step that takes about so long, and returns when its result is known."""
    if device.type != "cuda":
        return lambda splat: time.sleep(seconds)
    matrix = torch.randn(MATRIX, MATRIX, device=device, dtype=torch.bfloat16)

    def products(number: int) -> float:
        begin = time.perf_counter()
        for _ in range(number):
            torch.mm(matrix, matrix)
        torch.cuda.synchronize(device)
        return time.perf_counter() - begin

    products(20)
    per_step = max(1, round(seconds / (products(100) / 100)))

    def step(splat: Tensor) -> None:
        for _ in range(per_step):
            torch.mm(matrix, matrix)
        splat.flatten()[0].item()

    return step


def measure(batches: Iterator[Tensor], step: Callable[[Tensor], None], steps: int) -> tuple[float, float]:
    """Batches a second, and the share of the time spent waiting for them."""
    for splat in islice(batches, WARM_UP):
        step(splat)
    waited = 0.0
    begin = time.perf_counter()
    for _ in range(steps):
        asked = time.perf_counter()
        splat = next(batches)
        waited += time.perf_counter() - asked
        step(splat)
    took = time.perf_counter() - begin
    return steps / took, waited / took


def epochs(loader: Iterable) -> Iterator:
    """Epoch after epoch, without end."""
    for epoch in count():
        if isinstance(loader, WarpLoader):
            loader.sampler.set_epoch(epoch)
        yield from loader


def loaders(folder: Path, options: argparse.Namespace, device: torch.device) -> Iterator[tuple[str, Iterator[Tensor]]]:
    """Name of each way, and its splats on the device."""
    pairs = PairOptions(pairs="all", both_directions=True)

    def splats(render_in: str) -> Iterator[Tensor]:
        data = WarpDataModule(
            folder / "in",
            batch_size=options.batch_size,
            num_workers=options.workers,
            render_in=render_in,
            pairs=pairs,
            drop_last=True,
            geometry=GeometryOptions(cache_dir=folder / "cache"),
        )
        data.setup()
        try:
            for batch in epochs(data.train_dataloader()):
                made = batch if isinstance(batch, Triplet) else render_batch(batch.to(device), RenderOptions())
                yield made.splat
        finally:
            data.teardown()

    constant = next(splats("collate"))
    yield "constant batch (the floor)", repeat(constant)
    yield 'render_in="worker"', splats("worker")
    yield 'render_in="collate"', splats("collate")
    yield 'render_in="none", render_batch in the step', splats("none")

    arguments = ["--input-dir", str(folder / "in"), "--output-dir", str(folder / "out"), "--quiet", "--pairs", "all"]
    materialize([*arguments, "--both-directions"])
    files = DataLoader(
        JpegTriplets(folder / "out"),
        batch_size=options.batch_size,
        shuffle=True,
        drop_last=True,
        num_workers=options.workers,
        persistent_workers=options.workers > 0,
        pin_memory=device.type == "cuda",
    )
    yield (
        "JPEG triplets from files",
        ((batch.to(device, non_blocking=True).float() / 255)[:, 0] for batch in epochs(files)),
    )


def machine(device: torch.device) -> str:
    """What the figures were measured on, and of which commit."""
    git = ["git", "describe", "--always", "--dirty"]
    commit = subprocess.run(git, capture_output=True, text=True, cwd=SAMPLE).stdout.strip() or "unknown"
    gpu = torch.cuda.get_device_name(device) if device.type == "cuda" else "no GPU"
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    system = f"{platform.system()}, Python {platform.python_version()}, torch {torch.__version__}"
    return f"{cores} cores, {gpu}; {system}. Commit {commit}."


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--megapixels", type=float, default=1.0)
    parser.add_argument("--batch-size", type=int, default=4)
    parser.add_argument("--step-ms", type=float, default=100.0)
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--workers", type=int, default=min(8, os.cpu_count() or 1))
    options = parser.parse_args()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    step = make_step(device, options.step_ms / 1000)
    print(
        f"Batches of {options.batch_size} triplets of {options.megapixels} megapixels, steps of {options.step_ms:g} ms,"
    )
    print(f"{options.workers} decoding processes, {options.steps} steps. {machine(device)}\n")
    print("| | batches/s | of the floor | waiting |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as name:
        os.environ["WARPDATA_CACHE"] = str(Path(name) / "cache")
        enlarge_sample(Path(name) / "in", options.megapixels)
        floor = None
        for way, batches in loaders(Path(name), options, device):
            rate, waiting = measure(batches, step, options.steps)
            floor = floor or rate
            print(f"| {way} | {rate:.2f} | {rate / floor:.1%} | {waiting:.1%} |", flush=True)
            if hasattr(batches, "close"):
                batches.close()


if __name__ == "__main__":
    main()
