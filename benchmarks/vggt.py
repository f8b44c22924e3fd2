"""Time, memory and error of the network at its real size, with weights given by a formula (no checkpoint is needed).

    python benchmarks/vggt.py cpu                     one frame beside the plain float32 definition
    python benchmarks/vggt.py cuda --frames 1 8 24    ms, peak memory and TFLOP/s; --definition: of the plain one
    python benchmarks/vggt.py precision               bfloat16 against float32

`third_party/vggt` has to be importable: install the project, or put the folder on PYTHONPATH.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from warpdata_vggt import VGGT, VGGTOutput
from warpdata_vggt.formula import fill_by_formula, formula_images
from warpdata_vggt.reference import aggregate, camera_head, depth_head, reference_forward

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}
ATTENTION = {"flash": SDPBackend.FLASH_ATTENTION, "cudnn": SDPBackend.CUDNN_ATTENTION}

# Errors measured with bfloat16 autocast around the aggregator of the published implementation, relative RMS.
YARDSTICK = {"last layer": 0.005, "pose_enc": 0.01, "depth": 0.0014, "depth_conf": 0.0009}


def full_size(device: str, dtype: torch.dtype) -> VGGT:
    """VGGT-1B with formula weights."""
    with torch.device("meta"):
        network = VGGT(dtype=dtype)
    network.to_empty(device=device)
    fill_by_formula(network)
    return network.requires_grad_(False)


def tflop(frames: int, hw: tuple[int, int]) -> float:
    """Multiply-adds, twice, of a forward pass in 1e12; elementwise work is not counted."""
    patches = (hw[0] // 14) * (hw[1] // 14)
    tokens, width = patches + 5, 1024
    linear = 72 * 24 * width**2 * frames * tokens
    attention = 4 * width * (48 * frames * tokens**2 + 24 * (frames * tokens) ** 2)
    heads = frames * (1.7e9 + 1.113e6 * hw[0] * hw[1] + 1.2e6 * patches)
    return (linear + attention + heads) / 1e12


def rms_error(got: torch.Tensor, want: torch.Tensor) -> float:
    return ((got - want).square().mean().sqrt() / want.square().mean().sqrt()).item()


def side_of(name: str, network: VGGT) -> Callable[[torch.Tensor], VGGTOutput]:
    """What is run under a name; both hold the same weights."""
    if name == "network":
        return network
    state = network.state_dict()
    return lambda images: reference_forward(state, network.config, images)


class PublishedPractice:
    """The definition run as the published implementation is meant to be on a GPU: float32 weights, the aggregator under
    bfloat16 autocast, the outputs of all layers kept, the heads in float32, frames of the depth head in eights."""

    def __init__(self, network: VGGT) -> None:
        self.state, self.config, self.memory_plan = network.state_dict(), network.config, network.memory_plan

    @torch.no_grad()
    def __call__(self, images: torch.Tensor) -> None:
        with torch.autocast("cuda", torch.bfloat16):
            outputs = aggregate(self.state, self.config, images)
        camera_head(self.state, self.config, outputs[-1][:, :, 0])
        for eight in range(0, images.shape[1], 8):
            part = slice(eight, eight + 8)
            depth_head(self.state, self.config, [layer[:, part] for layer in outputs], images.shape[-2:])


def cpu_memory(args: argparse.Namespace) -> None:
    """One pass of one side, in a process of its own so that the peak is its own; on Linux only."""
    network, images = full_size("cpu", DTYPES[args.dtype]), formula_images(1, tuple(args.hw))
    run = side_of(args.side, network)
    Path("/proc/self/clear_refs").write_text("5")  # making the weights took more than holding them
    before = peak_resident()
    run(images)
    after = peak_resident()
    planned = network.memory_plan(1, tuple(args.hw)).activations
    print(
        f"{args.side:10} {args.dtype:8} {after / 1e9:.2f} GB at most, {(after - before) / 1e9:.3f} GB of it for the "
        f"pass (the network plans {planned / 1e9:.3f} GB)",
        flush=True,
    )


def peak_resident() -> int:
    """The most memory this process had resident since the peak was reset, in bytes."""
    status = Path("/proc/self/status").read_text()
    return 1024 * int(status.split("VmHWM:")[1].split()[0])


def cpu(args: argparse.Namespace) -> None:
    """Seconds of both sides in turns (what else the machine does meets both alike), then the memory of each."""
    hw = tuple(args.hw)
    print(f"one frame of {hw[0]} x {hw[1]}, {torch.get_num_threads()} threads, torch {torch.__version__}", flush=True)
    network, images = full_size("cpu", DTYPES[args.dtype]), formula_images(1, hw)
    outputs = {}
    times: dict[str, list[tuple[float, float]]] = {"definition": [], "network": []}
    for _ in range(args.repeats):
        for name, taken in times.items():
            wall, work = time.perf_counter(), time.process_time()
            outputs[name] = side_of(name, network)(images)
            taken.append((time.perf_counter() - wall, time.process_time() - work))
    for name, taken in times.items():
        wall, work = (min(column) for column in zip(*taken, strict=True))
        print(
            f"{name:10} {args.dtype:8} best of {args.repeats}: {wall:6.2f} s, {work:6.2f} s of processor time",
            flush=True,
        )
    for key in ("pose_enc", "depth", "depth_conf"):
        error = rms_error(getattr(outputs["network"], key), getattr(outputs["definition"], key))
        print(f"{key}: the two differ by {error:.1e} (relative RMS)")
    del network, outputs
    for name in times:
        command = [sys.executable, __file__, "cpu-memory", name, "--dtype", args.dtype, "--hw", *map(str, hw)]
        subprocess.run(command, check=True)


def cuda(args: argparse.Namespace) -> None:
    """A row for each number of frames."""
    with sdpa_kernel(ATTENTION[args.attention]) if args.attention else nullcontext():
        cuda_table(args)


def cuda_table(args: argparse.Namespace) -> None:
    if args.definition:
        network = PublishedPractice(full_size("cuda", torch.float32))
    else:
        network = full_size("cuda", torch.bfloat16)
    if args.compile:
        network.compile_blocks(dynamic=False)
    weights = torch.cuda.memory_allocated()
    hw = tuple(args.hw)
    print(
        f"{torch.cuda.get_device_name()}, torch {torch.__version__}, weights {weights / 1e9:.2f} GB, {hw[0]} x {hw[1]}"
    )
    print("frames        ms  TFLOP/s  peak GB  planned GB")
    for frames in args.frames:
        images = torch.rand(1, frames, 3, *hw, device="cuda")
        network(images)
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
        times = []
        for _ in range(args.repeats):
            start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
            start.record()
            network(images)
            end.record()
            torch.cuda.synchronize()
            times.append(start.elapsed_time(end))
        ms, peak = sorted(times)[len(times) // 2], torch.cuda.max_memory_allocated()
        plan = network.memory_plan(frames, hw)
        rate = tflop(frames, hw) / (ms / 1e3)
        print(f"{frames:6d} {ms:9.1f} {rate:8.0f} {peak / 1e9:8.2f} {plan.total / 1e9:11.2f}", flush=True)


def precision(args: argparse.Namespace) -> None:
    """Relative RMS error of bfloat16 against float32 on the same device, and the yardstick."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.backends.cudnn.allow_tf32 = False
    exact = full_size(device, torch.float32)
    with torch.device("meta"):
        halved = VGGT(dtype=torch.bfloat16)
    halved.to_empty(device=device).load_state_dict(exact.state_dict())
    images = formula_images(2, tuple(args.hw)).to(device)
    probe_exact, probe_halved = {}, {}
    want, got = exact(images, probe_exact), halved(images, probe_halved)
    errors = {"last layer": rms_error(probe_halved["agg.layer23"], probe_exact["agg.layer23"])}
    errors |= {key: rms_error(getattr(got, key), getattr(want, key)) for key in ("pose_enc", "depth", "depth_conf")}
    print(f"2 frames of {args.hw[0]} x {args.hw[1]} on {device}: relative RMS error (yardstick)")
    for key, error in errors.items():
        print(f"{key:12} {error:.3%} ({YARDSTICK[key]:.2%})")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, run, hw in (
        ("cpu", cpu, (294, 518)),
        ("cpu-memory", cpu_memory, (294, 518)),
        ("cuda", cuda, (392, 518)),
        ("precision", precision, (84, 126)),
    ):
        command = commands.add_parser(name, help=run.__doc__)
        command.add_argument("--hw", type=int, nargs=2, default=hw)
        command.set_defaults(run=run)
        if name in ("cpu", "cuda"):
            command.add_argument("--repeats", type=int, default=3)
        if name in ("cpu", "cpu-memory"):
            command.add_argument("--dtype", choices=DTYPES, default="float32", help="of the network's matrix weights")
        if name == "cpu-memory":
            command.add_argument("side", choices=("definition", "network"))
        if name == "cuda":
            command.add_argument("--frames", type=int, nargs="+", default=[1, 8, 24, 100])
            command.add_argument("--definition", action="store_true", help=PublishedPractice.__doc__.split(":")[0])
            command.add_argument("--compile", action="store_true", help="torch.compile the parts around attention")
            command.add_argument("--attention", choices=ATTENTION, help="instead of PyTorch's own choice")
    args = parser.parse_args()
    args.run(args)


if __name__ == "__main__":
    main()
