"""What gives a view its pixels. Nothing outside this room assumes that it is a file.

A file is a picture; so can a frame of a video, a member of an archive or a view rendered on request be. Each is a small
value: cheap to pickle, hashable, equal to another that shows the same.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Protocol, runtime_checkable

from jaxtyping import Bool, UInt8
from torch import Tensor

from warpdata.errors import ViewError
from warpdata.files.digests import file_sha256
from warpdata.files.tree import read_file
from warpdata.sources.decode import image_size, load_image, load_mask, orientation
from warpdata.sources.fit import Fit

Sha256Of = Callable[[Path], "str | None"]
"""Gives the SHA-256 of a file's bytes, or None for one that cannot be read."""


@runtime_checkable
class Content(Protocol):
    """What pictures, masks and depth maps have in common."""

    @property
    def label(self) -> str:
        """What messages call it; of a file its path."""
        ...

    @property
    def files(self) -> tuple[Path, ...]:
        """The files it is read or made from, below its scene's root; empty where there are none."""
        ...

    def digest(self, sha256_of: Sha256Of = file_sha256) -> str | None:
        """What is equal for equal content; of a file the SHA-256 of its bytes.

        Args:
            sha256_of: is asked for the digests of `files`; whoever remembers some passes its own.

        Returns:
            The digest, None where `sha256_of` has none for one of its files.

        Raises:
            OSError: a file cannot be read.
        """
        ...


@runtime_checkable
class Picture(Content, Protocol):
    """Upright sRGB pixels."""

    @property
    def suffix(self) -> str:
        """Type of `read_bytes` as the end of a file name, lower case: ".jpg"."""
        ...

    def orientation(self) -> int:
        """The orientation tag, 1 to 8 as in EXIF, by which its stored pixels are turned upright; 1 where they are not.

        Raises:
            ViewError: it is missing, damaged or too large.
        """
        ...

    def hw(self) -> tuple[int, int]:
        """Height and width of the upright picture; decodes no pixel.

        Raises:
            ViewError: it is missing, damaged or too large.
        """
        ...

    def load(self, fit: Fit | None = None) -> UInt8[Tensor, "3 H W"]:
        """The pixels, brought to `fit.output_hw` in one resampling when a fit is given.

        Raises:
            ViewError: it is missing, damaged or too large, or `fit` is for another size.
        """
        ...

    def read_bytes(self) -> bytes:
        """It as a picture file: the source's own bytes where it has them.

        Raises:
            ViewError: they cannot be read.
        """
        ...


@runtime_checkable
class Mask(Content, Protocol):
    """Which part of a picture may become points, at any resolution."""

    def load(self) -> Bool[Tensor, "h w"]:
        """True where the picture may become points.

        Raises:
            ViewError: it is missing, damaged or too large.
        """
        ...


@dataclass(frozen=True)
class _File:
    """Content that is the bytes of one file."""

    path: Path

    @property
    def label(self) -> str:
        return str(self.path)

    @property
    def files(self) -> tuple[Path, ...]:
        return (self.path,)

    def digest(self, sha256_of: Sha256Of = file_sha256) -> str | None:
        return sha256_of(self.path)


@dataclass(frozen=True)
class PictureFile(_File):
    """A picture file."""

    @property
    def suffix(self) -> str:
        return self.path.suffix.lower()

    def orientation(self) -> int:
        return orientation(self.path)

    def hw(self) -> tuple[int, int]:
        return image_size(self.path)

    def load(self, fit: Fit | None = None) -> UInt8[Tensor, "3 H W"]:
        return load_image(self.path, fit)

    def read_bytes(self) -> bytes:
        try:
            return read_file(self.path)
        except OSError as error:
            raise ViewError(f"{self.path} cannot be read: {error}") from error


@dataclass(frozen=True)
class MaskFile(_File):
    """A mask in a picture file: true where it is not zero."""

    def load(self) -> Bool[Tensor, "h w"]:
        return load_mask(self.path)


def name_below(picture: Picture, root: Path) -> str | None:
    """A picture's name in records that are kept, such as `images/000.png`; None where it is no file below `root`."""
    if not isinstance(picture, PictureFile) or not picture.path.is_relative_to(root):
        return None
    return picture.path.relative_to(root).as_posix()


def picture_below(name: str, root: Path) -> Picture:
    """The picture that `name_below` named.

    Raises:
        ValueError: the name leads out of `root`.
    """
    parts = PurePosixPath(name)
    if parts.is_absolute() or ".." in parts.parts or PureWindowsPath(name).drive or "\\" in name:
        raise ValueError(f"a picture on record, {name!r}, lies outside its scene's folder")
    return PictureFile(root / name)
