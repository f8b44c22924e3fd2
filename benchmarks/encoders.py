"""Processor time and bytes to compress a photograph of one megapixel by OpenCV and by Pillow.

    python -m benchmarks.encoders                   a picture of the shipped sample, enlarged
    python -m benchmarks.encoders photo.jpg         your own

What `warpdata.formats.jpeg_png` uses was chosen by these figures: JPEG at quality 95 without colour subsampling, with
and without optimised Huffman tables, and PNG at several levels.
"""

from __future__ import annotations

import argparse
import io
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import torch
from PIL import Image

from benchmarks.loader import machine

SAMPLES = Path(__file__).parents[1] / "samples"
WH = (1152, 864)
"""Close to one megapixel."""
FULL_COLOUR = cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444


def by_opencv(planes: np.ndarray, suffix: str, *parameters: int) -> bytes:
    """From three planes, as triplets are, to a file, as `encode_picture` does it."""
    return cv2.imencode(suffix, cv2.merge(planes[::-1]), parameters)[1].tobytes()


def by_pillow(planes: np.ndarray, kind: str, **options) -> bytes:
    file = io.BytesIO()
    Image.fromarray(cv2.merge(planes)).save(file, kind, **options)
    return file.getvalue()


def ways(planes: np.ndarray) -> dict[str, Callable[[], bytes]]:
    """Name -> what compresses the picture so."""
    jpeg = (cv2.IMWRITE_JPEG_QUALITY, 95, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, FULL_COLOUR)
    found = {
        "JPEG, OpenCV": lambda: by_opencv(planes, ".jpg", *jpeg),
        "JPEG, OpenCV, optimised": lambda: by_opencv(planes, ".jpg", *jpeg, cv2.IMWRITE_JPEG_OPTIMIZE, 1),
        "JPEG, Pillow": lambda: by_pillow(planes, "JPEG", quality=95, subsampling=0),
        "JPEG, Pillow, optimised": lambda: by_pillow(planes, "JPEG", quality=95, subsampling=0, optimize=True),
    }
    for level in (1, 3, 6):
        found[f"PNG level {level}, OpenCV"] = lambda level=level: by_opencv(
            planes, ".png", cv2.IMWRITE_PNG_COMPRESSION, level
        )
        found[f"PNG level {level}, Pillow"] = lambda level=level: by_pillow(planes, "PNG", compress_level=level)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("picture", nargs="?", type=Path, default=next(iter(sorted(SAMPLES.rglob("*.jpg"))), None))
    parser.add_argument("--repeats", type=int, default=20)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    with Image.open(options.picture) as image:
        rows = np.array(image.convert("RGB").resize(WH, Image.Resampling.LANCZOS))
    planes = np.ascontiguousarray(rows.transpose(2, 0, 1))
    on = machine(torch.device("cpu"))
    print(f"{on}; {options.picture.name} at {WH[0]}x{WH[1]}; least of {options.repeats}")
    for name, compress in ways(planes).items():
        seconds = []
        for _ in range(options.repeats):
            begin = time.process_time()
            data = compress()
            seconds.append(time.process_time() - begin)
        print(f"{name:28} {1000 * min(seconds):7.1f} ms  {len(data) / 1000:8.0f} kB")


if __name__ == "__main__":
    main()
