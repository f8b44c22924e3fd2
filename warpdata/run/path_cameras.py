"""Which cameras a path has, as the options say; files of cameras are read and checked at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from warpdata.camera import Camera
from warpdata.files.digests import file_sha256
from warpdata.formats.camera_list import read_cameras
from warpdata.run.splat_options import DEFAULT_FRAMES, DEFAULT_PATH, SplatOptions
from warpdata.triplets.camera_paths import PATHS, camera_path, smooth_path

_SOME_CAMERA = Camera(
    K=torch.eye(3, dtype=torch.float64), cam_from_world=torch.eye(4, dtype=torch.float64), hw=(480, 640)
)
"""Stands for the reference's, before that is known, to see whether a file can be used."""


class PathCameras:
    """The cameras that are asked for.

    Args:
        options: of the run.

    Raises:
        ValueError: there is no such path, or its file cannot be used.
    """

    def __init__(self, options: SplatOptions):
        self._amount = options.amount
        self._name: str | None = None
        self._file: Path | None = options.cameras
        self._exactly = options.cameras is not None
        if not self._exactly:
            name = options.path or DEFAULT_PATH
            if name in PATHS:
                self._name = name
            else:
                self._file = Path(name)
                if not self._file.is_file():
                    raise ValueError(
                        f"`path` is {name!r}; choose from {', '.join(PATHS)}, or give a JSON file of cameras"
                    )
        self._frames = options.frames or DEFAULT_FRAMES
        if self._file is not None:
            keys = read_cameras(self._file, _SOME_CAMERA)
            if self._exactly:
                self._frames = len(keys)

    def __len__(self) -> int:
        return self._frames

    @property
    def description(self) -> str:
        """For a person."""
        if self._file is None:
            return f"path {self._name}"
        return f"the cameras of {self._file}" if self._exactly else f"a path through the cameras of {self._file}"

    def as_json(self) -> dict[str, Any]:
        """All that the cameras depend on besides the reference."""
        if self._file is None:
            return {"path": self._name, "frames": self._frames, "amount": self._amount}
        return {"sha256": file_sha256(self._file), **({} if self._exactly else {"frames": self._frames})}

    def around(self, reference: Camera, depth: float) -> list[Camera]:
        """The cameras.

        Args:
            reference: camera of the view whose points are seen, for its whole picture; float64.
            depth: median depth of these points, in scene units.

        Raises:
            ValueError: cameras of a file cannot be used.
        """
        if self._file is None:
            return camera_path(self._name, reference, depth, self._frames, self._amount)
        cameras = read_cameras(self._file, reference)
        return cameras if self._exactly else smooth_path(cameras, self._frames)
