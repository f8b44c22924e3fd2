"""Videos frame by frame, in the order they are shown, by PyAV (extra `video`): what is in the file, and when.

Only containers and files of this disk are opened: FFmpeg would follow playlists to other files and the network.
Damage costs the frames that rest on it, up to the next one that stands alone; what was lost is told in `breaks`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from jaxtyping import UInt8

from warpdata.errors import SceneError
from warpdata.files.tree import open_file
from warpdata.formats.pyav import pyav
from warpdata.formats.video_colour import srgb_pixels
from warpdata.formats.video_shape import Shape, orientation_of

CONTAINERS = "asf,avi,flv,h264,hevc,ivf,matroska,mov,mpeg,mpegts,mpegvideo,mxf,mxf_opatom,obu,ogg,webm"
"""FFmpeg's names of the containers that are opened. Playlists are not among them."""

MAX_FRAME_PIXELS = 2**26
"""Larger frames are refused: a dozen of them are in memory while a video is decoded."""

MAX_STREAMS = 64

ATTACHED_PICTURE = 0x400
"""FFmpeg's AV_DISPOSITION_ATTACHED_PIC, of a cover's picture."""

_END_TOLERANCE_S = {"stream": 0.25, "container": 1.0}
"""How much earlier than declared a video may end. A container's length is that of its longest stream, often sound."""


@dataclass(frozen=True, kw_only=True)
class Frame:
    """A decoded frame.

    Attributes:
        number: its place among the frames of the video that could be decoded, from 0.
        time_s: when it is shown, in seconds after the first.
        pts: its time in the file, in units of the stream's time base; None where the file has none.
        decoded: PyAV's frame.
        shape: how it is brought upright.
    """

    number: int
    time_s: float
    pts: int | None
    decoded: Any
    shape: Shape

    def srgb(self) -> UInt8[np.ndarray, "H W 3"]:
        """Its pixels as a viewer shows them: upright, square, sRGB.

        Raises:
            SceneError: its colours are of a kind that is not converted.
        """
        with self._converting():
            return self.shape.upright(srgb_pixels(self.decoded))

    def luma(self) -> UInt8[np.ndarray, "h w"]:
        """Its brightness as it is stored: not upright, of any range.

        Raises:
            SceneError: it is stored in a way that is not converted.
        """
        frame = self.decoded
        planar = frame.format.name.removeprefix("yuvj").removeprefix("yuv")[:3] in ("420", "422", "444", "440")
        if not (planar or frame.format.name in ("nv12", "gray")) or frame.format.is_big_endian:
            with self._converting():
                frame = frame.reformat(format="gray8")
        plane, bits = frame.planes[0], frame.format.components[0].bits
        dtype = np.uint16 if bits > 8 else np.uint8
        rows = np.frombuffer(plane, dtype).reshape(-1, plane.line_size // dtype().itemsize)
        rows = rows[: frame.height, : frame.width]
        return rows if bits == 8 else (rows >> (bits - 8)).astype(np.uint8)

    @contextmanager
    def _converting(self) -> Iterator[None]:
        try:
            yield
        except (pyav().FFmpegError, ValueError) as error:
            raise SceneError(
                f"frames of the format {self.decoded.format.name} are not converted ({error}): make it H.264"
            ) from error


class Video:
    """A video file, open for one pass over its frames.

        with Video(path) as video:
            for frame in video.frames():
                picture = frame.srgb()

    Attributes:
        path: of the file.
        coded_hw: height and width of its frames as they are stored.
        duration_s: as the file declares it; None where it does not.
        rate: frames a second on average, as declared or guessed; None where it is not known.
        breaks: what could not be decoded and where, for a person; complete once the frames have been passed.

    Raises:
        SceneError: it is no video that can be read, and what to do.
        ImportError: PyAV is not installed.
        OSError: the file cannot be read.
    """

    def __init__(self, path: Path):
        self.path = path
        self.breaks: list[str] = []
        self._av = pyav()
        with ExitStack() as opening:
            file = opening.enter_context(open_file(path))
            self._container = opening.enter_context(self._opened(file))
            self._stream = self._best_stream()
            context = self._stream.codec_context
            self.coded_hw = (context.height, context.width)
            if self.coded_hw[0] * self.coded_hw[1] > MAX_FRAME_PIXELS:
                raise SceneError(
                    f"{path} has frames of {context.width:,} x {context.height:,} pixels; at most "
                    f"{MAX_FRAME_PIXELS:,} pixels are decoded: scale it down"
                )
            context.options = {"max_pixels": str(MAX_FRAME_PIXELS), "err_detect": "explode"}
            context.thread_type = "AUTO"
            self.rate: Fraction | None = self._stream.average_rate or self._stream.guessed_rate or None
            self.duration_s, self._length_of = self._declared_length()
            self._opening = opening.pop_all()

    def _opened(self, file: Any) -> Any:
        try:
            return self._av.open(file, options={"format_whitelist": CONTAINERS}, metadata_errors="replace")
        except (self._av.FFmpegError, OSError) as error:
            raise SceneError(
                f"{self.path} cannot be opened as a video ({error.strerror}): it is none, its recording was not "
                "finished, or it is cut short before its index; copy it again from where it was made"
            ) from error

    def _best_stream(self) -> Any:
        if len(self._container.streams) > MAX_STREAMS:
            number = len(self._container.streams)
            raise SceneError(f"{self.path} holds {number} streams; at most {MAX_STREAMS} are read: give another file")
        streams = [
            stream for stream in self._container.streams.video if not stream.disposition.value & ATTACHED_PICTURE
        ]
        if not streams:
            raise SceneError(f"{self.path} holds no video stream, {self._contents()}; give another file")
        readable = [stream for stream in streams if stream.codec_context is not None]
        if not readable:
            raise SceneError(f"{self.path} is in a coding that PyAV cannot decode; convert it to H.264")
        stream = max(readable, key=lambda stream: stream.codec_context.width * stream.codec_context.height)
        if min(stream.codec_context.width, stream.codec_context.height) < 1:
            raise SceneError(f"{self.path} does not say the size of its frames: it is damaged, or has none")
        return stream

    def _contents(self) -> str:
        kinds = sorted({stream.type or "data" for stream in self._container.streams})
        return f"only {' and '.join(kinds)}" if kinds else "nor any other"

    def _declared_length(self) -> tuple[float | None, str]:
        """Seconds, and what is so long: the stream, or the container."""
        stream = self._stream
        if stream.duration and stream.time_base:
            return float(stream.duration * stream.time_base), "stream"
        for name, value in stream.metadata.items():
            if name.upper() == "DURATION" and (seconds := _clock_seconds(value)) is not None:  # Matroska's tag
                return seconds, "stream"
        if self._container.duration:
            return self._container.duration / self._av.time_base, "container"
        return None, "container"

    def __enter__(self) -> Video:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._opening.close()

    def frames(self) -> Iterator[Frame]:
        """Every frame that is whole, in the order they are shown.

        Raises:
            SceneError: it is interlaced, has no frame at all, or is of a kind that is not converted.
            OSError: the file cannot be read.
        """
        shape: Shape | None = None
        odd_sizes, number = 0, 0
        clock = _Clock(self._stream.time_base, step_s=float(1 / self.rate) if self.rate else 1 / 25)
        damaged_s: float | None = None
        for decoded in self._decoded():
            if decoded is None or decoded.is_corrupt:
                damaged_s = clock.next_s if damaged_s is None else damaged_s
                continue
            time_s = clock.show(decoded)
            if damaged_s is not None:
                if not decoded.key_frame:
                    continue
                self.breaks.append(
                    f"{self.path.name} is damaged: its frames from {damaged_s:.1f} s to {time_s:.1f} s are not used"
                )
                damaged_s = None
            if decoded.interlaced_frame:
                raise SceneError(
                    f"{self.path} is interlaced: each frame shows two moments, line by line; deinterlace it first, for "
                    "example with `ffmpeg -i IN -vf bwdif -crf 16 OUT.mp4`"
                )
            shape = shape or self._shape(decoded)
            if (decoded.height, decoded.width) != shape.coded_hw:
                odd_sizes += 1
                continue
            yield Frame(number=number, time_s=time_s, pts=decoded.pts, decoded=decoded, shape=shape)
            number += 1
        if number == 0:
            raise SceneError(f"{self.path} has no frame that can be decoded: it is empty or damaged; copy it again")
        if odd_sizes:
            self.breaks.append(f"{odd_sizes} frames of {self.path.name} have another size than its first: not used")
        self._say_where_it_ends(clock.next_s, damaged_s)

    def _shape(self, decoded: Any) -> Shape:
        ratio = self._stream.sample_aspect_ratio or self._stream.codec_context.sample_aspect_ratio or Fraction(1)
        try:
            return Shape(
                coded_hw=(decoded.height, decoded.width), pixel_ratio=ratio, orientation=orientation_of(decoded)
            )
        except ValueError as error:
            raise SceneError(f"{self.path} {error}") from error

    def _decoded(self) -> Iterator[Any]:
        """PyAV's frames; None where one is lost, on which those after it may rest."""
        context = self._stream.codec_context
        for packet in self._packets():
            if packet.is_corrupt:
                # Cut short. What came before is whole, and comes out before what rests on it.
                yield from self._decoded_from(None)
                context.flush_buffers()
                yield None
            else:
                yield from self._decoded_from(packet)
        yield from self._decoded_from(None)

    def _decoded_from(self, packet: Any | None) -> list[Any]:
        try:
            return self._stream.codec_context.decode(packet)
        except self._av.error.EOFError:  # it has given all it has already
            return []
        except self._av.FFmpegError:
            return [None]

    def _packets(self) -> Iterator[Any]:
        """The stream's packets, without the empty one that ends them."""
        try:
            yield from (packet for packet in self._container.demux(self._stream) if packet.size)
        except (self._av.FFmpegError, OSError) as error:
            self.breaks.append(f"{self.path.name} cannot be read to its end ({error.strerror})")

    def _say_where_it_ends(self, end_s: float, damaged_s: float | None) -> None:
        name = self.path.name
        if self.duration_s is not None and end_s < self.duration_s - _END_TOLERANCE_S[self._length_of]:
            self.breaks.append(
                f"{name} breaks off after {damaged_s or end_s:.1f} s of the {self.duration_s:.1f} s that it declares: "
                "frames up to there are used; copy it again from where it was made"
            )
        elif damaged_s is not None:
            self.breaks.append(f"{name} is damaged from {damaged_s:.1f} s on: frames up to there are used")


class _Clock:
    """Seconds after the first frame; where the file's clock is missing or turns back, it goes on as it went.

    Args:
        unit_s: of the file's clock.
        step_s: from one frame to the next, where nothing else says.
    """

    def __init__(self, unit_s: Fraction, *, step_s: float):
        self._unit_s = unit_s
        self._step_s = step_s
        self._zero_s: float | None = None
        self.next_s = 0.0

    def show(self, decoded: Any) -> float:
        """When a frame is shown, the next of all."""
        at_s = None if decoded.pts is None else float(decoded.pts * self._unit_s)
        if at_s is None:
            time_s = self.next_s
        else:
            before_s = self.next_s - self._step_s
            if self._zero_s is None or at_s - self._zero_s <= before_s:
                self._zero_s = at_s - self.next_s
            time_s = at_s - self._zero_s
        self.next_s = time_s + self._step_s
        return time_s


def _clock_seconds(text: str) -> float | None:
    """Seconds of `hh:mm:ss.fraction`."""
    try:
        hours, minutes, seconds = text.split(":")
        return int(hours) * 3600 + int(minutes) * 60 + float(seconds)
    except ValueError:
        return None
