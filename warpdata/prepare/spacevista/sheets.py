"""Frames of an item side by side as a page shows them, or one after another as a film."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import cv2
import numpy as np
import torch
from jaxtyping import UInt8
from PIL import Image

from warpdata.errors import OutputError, ViewError
from warpdata.files.atomic import atomic_file
from warpdata.formats.pyav import INSTALL as PYAV_INSTALL
from warpdata.formats.pyav import unavailable as pyav_unavailable
from warpdata.formats.video_writer import VideoWriter
from warpdata.sources.spacevista.item_frames import ItemFrames, evenly_spaced

FILM_SIDE = 720
"""Longest side of a film, in pixels; sides are multiples of `FILM_MULTIPLE`."""
FILM_MULTIPLE = 8
FRAMES_PER_SECOND = 2

SHEET_SIDE = 320
"""Longest side of a frame on a sheet."""
SHEET_FRAMES = 24
"""Most frames on a sheet; those with marks are always among them."""


def sheet_numbers(frames: ItemFrames) -> list[int]:
    """Which frames a sheet shows."""
    marked = sorted(frames.placed.shapes)
    rest = max(1, SHEET_FRAMES - len(marked))
    return sorted({*evenly_spaced(len(frames), rest), *marked})


def reduced(picture: UInt8[np.ndarray, "H W 3"], longest: int) -> UInt8[np.ndarray, "h w 3"]:
    """A picture with its longest side at most so long."""
    H, W = picture.shape[:2]
    scale = min(1.0, longest / max(H, W))
    size = max(1, round(W * scale)), max(1, round(H * scale))
    return picture if scale == 1 else cv2.resize(picture, size, interpolation=cv2.INTER_AREA)


def film_frames(frames: ItemFrames) -> tuple[list[UInt8[np.ndarray, "H W 3"]], list[str]]:
    """All frames with their marks at one size, at most 128 of them, and why others are not there."""
    shown, missing = [], []
    hw: tuple[int, int] | None = None
    for number in evenly_spaced(len(frames)):
        try:
            picture = frames.drawn(number)
        except ViewError as error:
            missing.append(f"{frames.item.frames[number]}: {error}")
            continue
        if hw is None:
            hw = film_size(picture.shape[:2])
        shown.append(fitted(picture, hw))
    return shown, missing


def film_size(hw: tuple[int, int]) -> tuple[int, int]:
    """Height and width of a film of frames of a size."""
    scale = min(1.0, FILM_SIDE / max(hw))
    height, width = (max(FILM_MULTIPLE, int(side * scale) // FILM_MULTIPLE * FILM_MULTIPLE) for side in hw)
    return height, width


def fitted(picture: UInt8[np.ndarray, "H W 3"], hw: tuple[int, int]) -> UInt8[np.ndarray, "h w 3"]:
    """A picture inside a size, whole, with black beside it where its shape is another."""
    H, W = picture.shape[:2]
    scale = min(hw[0] / H, hw[1] / W)
    if abs(H / W - hw[0] / hw[1]) < 0.05 * hw[0] / hw[1]:
        return cv2.resize(picture, hw[::-1], interpolation=cv2.INTER_AREA)
    small = cv2.resize(picture, (max(1, int(W * scale)), max(1, int(H * scale))), interpolation=cv2.INTER_AREA)
    out = np.zeros((*hw, 3), np.uint8)
    top, left = (hw[0] - small.shape[0]) // 2, (hw[1] - small.shape[1]) // 2
    out[top : top + small.shape[0], left : left + small.shape[1]] = small
    return out


def write_mp4(pictures: list[UInt8[np.ndarray, "H W 3"]], path: Path) -> None:
    """A film as H.264, or where PyAV (extra `video`) is missing as MPEG-4 by OpenCV, which not every browser plays.

    Raises:
        OutputError: it cannot be written.
    """
    if pyav_unavailable() is not None:
        _write_mpeg4(pictures, path)
        return
    with VideoWriter(path, fps=FRAMES_PER_SECOND, hw=pictures[0].shape[:2]) as film:
        for picture in pictures:
            film.write(torch.from_numpy(picture).permute(2, 0, 1))


def _write_mpeg4(pictures: list[UInt8[np.ndarray, "H W 3"]], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".film") as folder:
        draft = Path(folder) / "film.mp4"
        height, width = pictures[0].shape[:2]
        film = cv2.VideoWriter(str(draft), cv2.VideoWriter_fourcc(*"mp4v"), FRAMES_PER_SECOND, (width, height))
        for picture in pictures:
            film.write(cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
        film.release()
        if not draft.is_file() or not draft.stat().st_size:
            raise OutputError(f"cannot write {path}: OpenCV has no encoder for it here; {PYAV_INSTALL}, or use GIF")
        os.replace(draft, path)


def write_gif(pictures: list[UInt8[np.ndarray, "H W 3"]], path: Path) -> None:
    """A film as GIF."""
    first, *others = (Image.fromarray(picture) for picture in pictures)
    with atomic_file(path) as file:
        timing = {"duration": 1000 // FRAMES_PER_SECOND, "loop": 0}
        first.save(file, format="GIF", save_all=True, append_images=others, **timing)
