"""A folder of splats along a camera path: pictures, coverage masks and their cameras, whole or not there at all."""

from __future__ import annotations

import os
import shutil
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from jaxtyping import UInt8
from torch import Tensor

from warpdata.camera import Camera
from warpdata.errors import OutputError
from warpdata.files.atomic import output_errors, part_path, sync_folder, write_atomic
from warpdata.files.bounded_json import fingerprint, read_json
from warpdata.formats.camera_list import cameras_text
from warpdata.writers.output.encoder import Encoded, Encoder

CAMERAS = "cameras.json"
"""The cameras of the frames, a list as `formats.camera_list` writes it."""

KIND = "warpdata-splats"

_STATE = "made_from"
_WAITING = 8


class FrameFolder:
    """Collects the frames beside their place, under a hidden name; `finish` puts the folder there.

        path/cameras.json
        path/images/00000.png       the splat
        path/coverage/00000.png     255 where a point or surface is seen, fading to 0 in holes

    Frames that an interrupted run with the same `about` finished are kept.

    Args:
        path: of the folder.
        about: JSON; all that the frames' bytes depend on.
        overwrite: replace a folder of frames that is there, made with other options.

    Attributes:
        complete: whether the folder is there already, made from the same.

    Raises:
        OutputError: something else is there, or it cannot be written.
    """

    def __init__(self, path: Path, about: dict[str, Any], *, overwrite: bool = False):
        self.path = path
        self._about = {"kind": KIND, **about, "fingerprint": fingerprint(about)}
        self.complete = self._refuse_or_take(overwrite)
        self._part = part_path(path)
        self._pending: deque[tuple[Path, Future[Encoded]]] = deque()
        self._encoder = Encoder(remembered=0)
        if not self.complete:
            self._take_up()

    def _refuse_or_take(self, overwrite: bool) -> bool:
        """Whether the very frames are there; raises where something else is."""
        if not self.path.exists():
            return False
        if not self.path.is_dir():
            raise OutputError(f"{self.path} is a file; choose another name for the folder of frames")
        if not any(self.path.iterdir()):
            return False
        there = {file.relative_to(self.path).as_posix() for file in self.path.rglob("*") if not file.is_dir()}
        try:
            found = read_json(self.path / CAMERAS)
            ours = {CAMERAS, *(file for number in range(len(found["frames"])) for file in frame_files(number))}
            is_ours, made_from = found["kind"] == KIND and there <= ours, found["fingerprint"]
        except (OSError, ValueError, KeyError, TypeError):
            is_ours = False
        if not is_ours:
            raise OutputError(f"{self.path} holds other files; choose another folder for the frames")
        if made_from == self._about["fingerprint"]:
            return there == ours
        if not overwrite:
            raise OutputError(
                f"{self.path} holds frames made with other options or from another scene; use `overwrite=True` to "
                "replace them, or choose another folder"
            )
        return False

    def _take_up(self) -> None:
        with output_errors(self._part):
            state = self._part / _STATE
            if self._part.exists() and not (state.is_file() and state.read_text() == self._about["fingerprint"]):
                shutil.rmtree(self._part)
        write_atomic(state, self._about["fingerprint"])

    def has(self, number: int) -> bool:
        """Whether a frame is there from before."""
        return all((self._part / file).is_file() for file in frame_files(number))

    def write(self, number: int, rgb: UInt8[Tensor, "3 H W"], coverage: UInt8[Tensor, "1 H W"]) -> None:
        """Begin to write a frame; returns before it is on the disk.

        Raises:
            OutputError: this or an earlier frame cannot be written.
        """
        for file, picture in zip(frame_files(number), (rgb, coverage), strict=True):
            self._pending.append((self._part / file, self._encoder.submit(picture, "png")))
        self._store(_WAITING)

    def finish(self, cameras: Sequence[Camera]) -> None:
        """Write what is still waiting and the cameras of all frames, and give the folder its name.

        Raises:
            OutputError: it cannot be written.
        """
        self._store(0)
        names = [frame_files(number) for number in range(len(cameras))]
        entries = [{"file_path": picture, "coverage_path": coverage} for picture, coverage in names]
        write_atomic(self._part / CAMERAS, cameras_text(cameras, entries, self._about))
        sync_folder(self._part)
        with output_errors(self.path):
            (self._part / _STATE).unlink()
            if self.path.exists():
                shutil.rmtree(self.path)
            os.replace(self._part, self.path)

    def close(self) -> None:
        """Stop compressing; frames that are finished stay for the next run."""
        self._encoder.close()

    def _store(self, waiting: int) -> None:
        while len(self._pending) > waiting:
            path, encoded = self._pending.popleft()
            write_atomic(path, encoded.result().data)


def frame_files(number: int) -> tuple[str, str]:
    """Paths of a frame's picture and coverage mask below the folder."""
    return f"images/{number:05d}.png", f"coverage/{number:05d}.png"
