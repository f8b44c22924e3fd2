"""Clips made by PyAV for tests: of any coding, colours, clock and damage."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

FACE = np.array([[[250, 30, 30], [30, 200, 30]], [[30, 30, 230], [240, 240, 240]]], dtype=np.uint8)
"""Red, green over blue, white: no turn and no mirroring of it is itself."""


def face(hw: tuple[int, int]) -> np.ndarray:
    """(H, W, 3): FACE, enlarged."""
    height, width = hw
    return FACE.repeat(height // 2, axis=0).repeat(width // 2, axis=1)


def texture(hw: tuple[int, int], seed: int = 0) -> np.ndarray:
    """(H, W, 3): smooth noise with corners to follow, of sizes from 6 pixels on."""
    import cv2

    rng = np.random.default_rng(seed)
    height, width = hw
    layers = [
        cv2.resize(rng.random((height // step, width // step, 3)), (width, height), interpolation=cv2.INTER_CUBIC)
        for step in (6, 12, 24)
    ]
    return (255 * np.mean(layers, axis=0).clip(0, 1)).astype(np.uint8)


@dataclass(kw_only=True)
class Clip:
    """How frames become a file.

    Attributes:
        codec, pix_fmt, options: of the encoder.
        rate: frames a second of the header; and of the frames where no times are given.
        times_s: of each frame.
        matrix: display matrix of 9 integers.
        pixel_ratio: width of a pixel by its height.
        tags: attributes of the codec context, such as `color_trc`.
        context: other attributes of it.
    """

    codec: str = "libx264"
    pix_fmt: str = "yuv420p"
    options: Mapping[str, str] = field(default_factory=dict)
    rate: int = 30
    times_s: Sequence[float] | None = None
    matrix: Sequence[int] | None = None
    pixel_ratio: Fraction | None = None
    tags: Mapping[str, Any] = field(default_factory=dict)
    muxing: Mapping[str, str] = field(default_factory=dict)

    def write(self, path: Path, frames: Iterable[Any]) -> Path:
        """Encode RGB pictures (H, W, 3), or PyAV's frames as they are."""
        import av

        with av.open(str(path), "w", options=dict(self.muxing)) as container:
            stream = None
            for number, picture in enumerate(frames):
                rgb = isinstance(picture, np.ndarray)
                frame = av.VideoFrame.from_ndarray(picture, format="rgb24") if rgb else picture
                stream = stream or self._stream(container, frame)
                if rgb:
                    frame = frame.reformat(format=self.pix_fmt, src_color_range=2, dst_color_range=1, dst_colorspace=5)
                if self.times_s is None:
                    frame.pts, frame.time_base = number, Fraction(1, self.rate)
                else:
                    frame.pts, frame.time_base = round(self.times_s[number] * 90000), Fraction(1, 90000)
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
        return path

    def _stream(self, container: Any, frame: Any) -> Any:
        stream = container.add_stream(self.codec, rate=self.rate, options=dict(self.options))
        stream.height, stream.width, stream.pix_fmt = frame.height, frame.width, self.pix_fmt
        if self.times_s is not None:
            stream.codec_context.time_base = Fraction(1, 90000)
        if self.pixel_ratio is not None:
            stream.codec_context.sample_aspect_ratio = self.pixel_ratio
        if self.matrix is not None:
            stream.set_display_matrix(self.matrix)
        for name, value in self.tags.items():
            setattr(stream.codec_context, name, value)
        return stream


LOSSLESS = {"codec": "ffv1", "pix_fmt": "yuv444p"}


def yuv_frame(planes: Sequence[np.ndarray], pix_fmt: str, **tags: int) -> Any:
    """PyAV's frame of planes (h, w) as they are stored, without any conversion; uint16 where they have over 8 bits."""
    import av

    frame = av.VideoFrame(planes[0].shape[1], planes[0].shape[0], pix_fmt)
    for plane, values in zip(frame.planes, planes, strict=True):
        rows = np.zeros((plane.height, plane.line_size // values.itemsize), values.dtype)
        rows[:, : plane.width] = values
        plane.update(rows.tobytes())
    for name, value in tags.items():
        setattr(frame, name, value)
    return frame


def cut(path: Path, share: float) -> Path:
    """A copy that ends after a share of the bytes."""
    data = path.read_bytes()
    out = path.with_name(f"cut_{path.name}")
    out.write_bytes(data[: int(share * len(data))])
    return out
