"""Videos of pictures made here: H.264 for every player, FFV1 where no bit may be lost. By PyAV (extra `video`)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from jaxtyping import UInt8
from torch import Tensor

from warpdata.errors import OutputError
from warpdata.files.atomic import output_errors, part_path, sync_file
from warpdata.formats.pyav import pyav

CRF = 14
"""Rate factor of H.264: no difference to the pictures that a person sees."""

MAX_SIDE = 16384
"""Longer sides are beyond what H.264 has a level for."""

THREADS = 4
"""Of an encoder. The bytes depend on their number, so it is the same on every machine."""

_BT709, _LIMITED, _FULL = 1, 1, 2


class VideoWriter:
    """Writes pictures as a video that appears whole under its name, or not at all.

    H.264 in `.mp4`: 8 bit, 4:2:0, tagged BT.709, limited range, its index first, so that it plays while it loads. An
    odd side is one pixel longer in the file, the last row or column again. FFV1 in `.mkv`: every pixel as given. Equal
    pictures give equal bytes with the same PyAV.

        with VideoWriter(path, fps=24, hw=(480, 640)) as video:
            video.write(picture)

    Args:
        path: of the video; ends with `.mp4`, or `.mkv` when lossless.
        fps: pictures a second. 29.97 and its like mean their fractions, 30000/1001.
        hw: height and width of every picture, in pixels.
        lossless: write FFV1 in place of H.264.

    Raises:
        ValueError: an argument cannot be used.
        ImportError: PyAV is not installed.
        OutputError: the file cannot be written. Also raised by `write` and on leaving the block.
    """

    def __init__(self, path: Path, *, fps: Fraction | float | int, hw: tuple[int, int], lossless: bool = False):
        wanted = ".mkv" if lossless else ".mp4"
        if path.suffix.lower() != wanted:
            kind = "lossless video is written as Matroska" if lossless else "video is written as MP4"
            raise ValueError(f"{path} does not end with {wanted}: {kind}; change the name, or `lossless`")
        if not 1 <= min(hw) <= max(hw) <= MAX_SIDE:
            raise ValueError(f"a video of {hw[1]} x {hw[0]} pixels cannot be written; sides are 1 to {MAX_SIDE}")
        self.path = path
        self.fps = exact_rate(fps)
        self.hw = hw
        self.num_frames = 0
        self._part = part_path(path)
        self._av = pyav()
        with self._writing():
            path.parent.mkdir(parents=True, exist_ok=True)
            self._container, self._stream = self._opened(lossless)

    def _opened(self, lossless: bool) -> tuple[Any, Any]:
        # bitexact leaves out random identities and the program's version.
        options = {"fflags": "+bitexact"} | ({} if lossless else {"movflags": "+faststart"})
        container = self._av.open(str(self._part), "w", format="matroska" if lossless else "mp4", options=options)
        if lossless:
            stream = container.add_stream("ffv1", rate=self.fps, options={"level": "3", "slicecrc": "1"})
            stream.height, stream.width = self.hw
            stream.pix_fmt = "bgr0"
        else:
            stream = container.add_stream("libx264", rate=self.fps, options={"crf": str(CRF), "preset": "medium"})
            stream.height, stream.width = (side + side % 2 for side in self.hw)
            stream.pix_fmt = "yuv420p"
            context = stream.codec_context
            context.color_primaries = context.color_trc = context.colorspace = _BT709
            context.color_range = _LIMITED
        stream.codec_context.thread_count = THREADS
        return container, stream

    def __enter__(self) -> VideoWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.close()
        else:
            self.discard()

    def write(self, picture: UInt8[Tensor, "3 H W"] | UInt8[np.ndarray, "3 H W"] | UInt8[np.ndarray, "H W 3"]) -> None:
        """Add the next picture: sRGB, of the size given.

        Raises:
            ValueError: it has another size.
        """
        pixels = picture.detach().cpu().numpy() if isinstance(picture, Tensor) else picture
        if pixels.shape == (3, *self.hw):
            pixels = pixels.transpose(1, 2, 0)
        elif isinstance(picture, Tensor) or pixels.shape != (*self.hw, 3):
            raise ValueError(
                f"a picture of shape {tuple(picture.shape)} was given to a video of height, width {self.hw}"
            )
        with self._writing():
            self._encode(self._frame(pixels))
        self.num_frames += 1

    def _frame(self, pixels: UInt8[np.ndarray, "H W 3"]) -> Any:
        below, right = self._stream.height - self.hw[0], self._stream.width - self.hw[1]
        if below or right:
            pixels = np.pad(pixels, ((0, below), (0, right), (0, 0)), mode="edge")
        frame = self._av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")
        if self._stream.pix_fmt == "yuv420p":
            frame = frame.reformat(
                format="yuv420p",
                dst_colorspace=_BT709,
                src_color_range=_FULL,
                dst_color_range=_LIMITED,
                interpolation="BICUBIC",
            )
        else:
            frame = frame.reformat(format="bgr0")
        frame.pts, frame.time_base = self.num_frames, 1 / self.fps
        return frame

    def _encode(self, frame: Any) -> None:
        for packet in self._stream.encode(frame):
            self._container.mux(packet)

    def close(self) -> None:
        """Complete the video: it gets its name.

        Raises:
            ValueError: no picture was written; there is no video then.
        """
        if self.num_frames == 0:
            self.discard()
            raise ValueError(f"no picture was written to {self.path}: there is no video without one")
        with self._writing():
            self._encode(None)
            self._container.close()
            sync_file(self._part)
            os.replace(self._part, self.path)

    def discard(self) -> None:
        """Remove what was written; the name stays as it was."""
        with suppress(self._av.FFmpegError, OSError):
            self._container.close()
        with suppress(OSError):
            self._part.unlink(missing_ok=True)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Turns errors into `OutputError`, after which nothing is left."""
        try:
            with output_errors(self.path):
                yield
        except (OutputError, self._av.FFmpegError) as error:
            if hasattr(self, "_container"):
                self.discard()
            if isinstance(error, OutputError):
                raise
            raise OutputError(f"cannot write {self.path}: {error}") from error


def exact_rate(fps: Fraction | float | int) -> Fraction:
    """Pictures a second as the fraction that is meant: 29.97 is 30000/1001.

    Raises:
        ValueError: it is no positive number, or over 1000.
    """
    if not 0 < fps <= 1000:  # also of NaN
        raise ValueError(f"a video of {fps} pictures a second cannot be written; give a number above 0, at most 1000")
    if isinstance(fps, Fraction):
        return fps.limit_denominator(100_000)
    ntsc = Fraction(round(fps * 1001 / 1000) * 1000, 1001)
    return ntsc if fps % 1 and abs(ntsc - Fraction(fps)) < 0.005 else Fraction(fps).limit_denominator(1000)
