"""The viewer over a long manifest, and pictures of its live warp a second.

python -m benchmarks.viewer                     100,000 triplets; the sample's room at 640 x 480
python -m benchmarks.viewer --triplets 10000
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from benchmarks.loader import machine
from warpdata.formats.manifest import Record, write_manifest

SAMPLES = Path(__file__).resolve().parents[1] / "samples"
LIVE_PICTURES = 50
MATRIX = [[0.123456789012] * 4] * 4
CAMERA = {"convention": "opencv-w2c", **{f"{what}_{view}": MATRIX for what in ("K", "w2c") for view in ("a", "b")}}
SCORES = ("baseline", "exposure_gap", "flying_fraction", "hole_fraction", "psnr", "rotation_deg", "sharpness_target")


def long_manifest(root: Path, count: int) -> None:
    """Lines as long as real ones, of pictures that are not there."""
    roles = ("splats", "reference", "target", "coverage", "confidence")

    def record(number: int) -> Record:
        sample_id = f"s{number // 50:05d}/{number % 50:03d}"
        return Record(
            id=sample_id,
            scene=sample_id[:6],
            reference="a",
            target="b",
            size=(640, 480),
            files={role: f"{sample_id}_{role}.png" for role in roles},
            sha256=dict.fromkeys(roles, "0" * 64),
            bytes=dict.fromkeys(roles, 1),
            camera=CAMERA,
            warp={"version": 2, **{name: (number * 7919 % 1000) / 100 for name in SCORES}},
            geometry={"model": "given", "source_license": "CC0-1.0", "key": "0" * 64},
        )

    write_manifest(root, map(record, range(count)), {"layout": "folder", "options": {}, "fingerprint": ""}, {})


@contextmanager
def viewer(path: Path) -> Iterator[tuple[str, int]]:
    """Address and process id of a running viewer."""
    command = [sys.executable, "-m", "warpdata.view", str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ) as process:
        try:
            yield re.search(r"http://\S+", process.stdout.readline()).group(), process.pid
        finally:
            process.kill()


def ask(url: str, path: str, body: object = None, **values: str) -> tuple[bytes, float]:
    """An answer, waited for while the manifest is read, and the seconds it took."""
    begin = time.perf_counter()
    request = urllib.request.Request(f"{url}api/0/{path}?{urllib.parse.urlencode(values)}")
    if body is not None:
        request.data = json.dumps(body).encode()
        request.add_header("content-type", "application/json")
        request.add_header("origin", url.rstrip("/"))
    while True:
        try:
            with urllib.request.urlopen(request) as answer:
                return answer.read(), time.perf_counter() - begin
        except urllib.error.HTTPError as error:
            if error.code != 503:
                raise
            time.sleep(0.02)


def memory_mb(pid: int) -> float:
    """Of a process, now."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", status).group(1)) / 1024


def measure_manifest(count: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        long_manifest(Path(folder), count)
        begin = time.perf_counter()
        with viewer(Path(folder)) as (url, pid):
            print(
                f"| from the command to the address | {time.perf_counter() - begin:.2f} s | {memory_mb(pid):.0f} MB |"
            )
            for what, values in (
                ("first page", {}),
                ("first page by a score, which waits for all lines", {"sort": "psnr"}),
                ("a condition", {"keep": "psnr < 2 and hole_fraction < 5", "sort": "psnr"}),
                ("the last page", {"sort": "psnr", "start": str(count - 60)}),
            ):
                _, seconds = ask(url, "triplets", count="60", **values)
                print(f"| {what} | {seconds:.3f} s | {memory_mb(pid):.0f} MB |")
            for start in range(0, count, max(60, count // 200)):
                ask(url, "triplets", count="60", start=str(start))
            print(f"| after 200 pages | | {memory_mb(pid):.0f} MB |")


def measure_live() -> None:
    with viewer(SAMPLES) as (url, _):
        pose = json.loads(ask(url, "scenes/0")[0])["views"][4]["transform_matrix"]
        asked = {"transform_matrix": pose, "reference": "004"}
        ask(url, "scenes/0/warp", asked)
        begin = time.perf_counter()
        for _ in range(LIVE_PICTURES):
            pose[0][3] += 0.002
            ask(url, "scenes/0/warp", asked)
        print(f"| live warp at 640 x 480 | {LIVE_PICTURES / (time.perf_counter() - begin):.1f} pictures a second | |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--triplets", type=int, default=100_000)
    options = parser.parse_args()
    print(f"{options.triplets:,} triplets. {machine(torch.device('cpu'))}\n\n| | | memory |\n|---|---|---|")
    measure_manifest(options.triplets)
    measure_live()


if __name__ == "__main__":
    main()
