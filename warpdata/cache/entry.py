"""One scene's geometry on disk, read frame by frame."""

from __future__ import annotations

import hashlib
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

from warpdata.cache.codec import decode_map
from warpdata.cache.header import EntryHeader, ForeignFileError, OtherVersionError, read_header, tensor_name
from warpdata.cache.tensor_file import TensorFile
from warpdata.errors import CacheError
from warpdata.geometry.types import FrameCamera, FrameGeometry, Provenance


class CacheEntry:
    """Geometry of one scene. Cheap to pickle: only the path travels, and the header is read where it is needed.

    Every method and property raises `CacheError` when the file cannot be read, is damaged, or is something else.

    Args:
        path: the entry's file.
    """

    def __init__(self, path: Path):
        self.path = path

    def __getstate__(self) -> dict[str, Any]:
        return {"path": self.path}

    def __repr__(self) -> str:
        return f"CacheEntry({str(self.path)!r})"

    def __len__(self) -> int:
        return len(self.header.frames)

    @property
    def header(self) -> EntryHeader:
        """All that the entry says about itself; read once, without the frames' maps."""
        return self._opened[0]

    @property
    def key(self) -> str:
        return self.header.key

    @property
    def scene_id(self) -> str:
        """Of the scene the entry was made for; a scene of the same content shares it under whatever id."""
        return self.header.scene_id

    @property
    def scale(self) -> str:
        """`metric` or `arbitrary`."""
        return self.header.scale

    @property
    def provenance(self) -> Provenance:
        return self.header.provenance

    @property
    def left_out(self) -> dict[str, str]:
        """View name -> why it has no geometry."""
        return self.header.left_out

    @property
    def report(self) -> dict[str, Any]:
        """The estimator's own figures."""
        return self.header.report

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The frames' views, in the scene's order."""
        return tuple(frame.name for frame in self.header.frames)

    @property
    def image_hws(self) -> list[tuple[int, int]]:
        """Height and width of every frame's upright original image."""
        return [frame.image_hw for frame in self.header.frames]

    def camera(self, index: int) -> FrameCamera:
        """One frame without its maps; takes nothing but the header.

        Raises:
            IndexError: there is no such frame.
        """
        return self.header.frames[index]

    def index(self, name: str) -> int:
        """Number of a view's frame.

        Raises:
            ValueError: the entry has no frame of that view.
        """
        if name not in self._index:
            reason = self.left_out.get(name, f"its frames are {', '.join(self.names)}")
            raise ValueError(f"{self.path} has no frame {name!r}: {reason}")
        return self._index[name]

    def frame(self, index: int) -> FrameGeometry:
        """One frame; reads the bytes of this frame alone and checks their digest.

        Raises:
            IndexError: there is no such frame.
        """
        header = self.header.frames[index]
        index %= len(self)
        confidence = self._map(index, "confidence", header.confidence, header.camera.hw)
        confidence += 1
        return FrameGeometry(
            name=header.name,
            depth=torch.from_numpy(self._map(index, "depth", header.depth, header.camera.hw)),
            confidence=torch.from_numpy(confidence),
            camera=header.camera,
            image_hw=header.image_hw,
            content_box=header.content_box,
        )

    def verify(self) -> None:
        """Read everything and check it against its digests."""
        for index in range(len(self)):
            self.frame(index)

    @cached_property
    def _index(self) -> dict[str, int]:
        return {name: index for index, name in enumerate(self.names)}

    @cached_property
    def _opened(self) -> tuple[EntryHeader, TensorFile]:
        try:
            return read_header(self.path)
        except OSError as error:
            raise CacheError(f"cache entry {self.path} cannot be read: {error}") from error
        except (ForeignFileError, OtherVersionError) as error:
            raise CacheError(f"{self.path} cannot be used: {error}; choose another cache folder") from error
        except ValueError as error:
            raise _damaged(self.path, error) from error

    def _map(self, index: int, kind: str, description: dict[str, Any], hw: tuple[int, int]) -> np.ndarray:
        """A frame's depth, or its confidence - 1."""
        try:
            return decode_map(description, self._content(tensor_name(index, kind), description), hw)
        except OSError as error:
            raise CacheError(f"cache entry {self.path} cannot be read: {error}") from error
        except ValueError as error:
            raise _damaged(self.path, f"{kind} of frame {self.names[index]}: {error}") from error

    def _content(self, tensor: str, description: dict[str, Any]) -> bytes:
        if "sha256" not in description:
            return b""
        extents = self._opened[1].extents
        if tensor not in extents:
            raise ValueError("it is missing")
        begin, end = extents[tensor]
        with self.path.open("rb", buffering=0) as file:
            file.seek(begin)
            content = file.read(end - begin)
        if hashlib.sha256(content).hexdigest() != description["sha256"]:
            raise ValueError("its bytes do not match their digest")
        return content


def _damaged(path: Path, reason: object) -> CacheError:
    return CacheError(
        f"cache entry {path} is damaged: {reason}; remove it with "
        f"`python -m cache_tools prune {path.parent.parent} --yes` and it is made again"
    )
