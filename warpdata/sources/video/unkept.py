"""Frames of a video that were chosen and not written, for those who only ask what there would be."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from jaxtyping import UInt8
from torch import Tensor

from warpdata.errors import ViewError
from warpdata.files.digests import file_sha256
from warpdata.sources.fit import Fit
from warpdata.sources.picture import Sha256Of


@dataclass(frozen=True)
class UnkeptFrame:
    """A `Picture` of known size and without pixels.

    Attributes:
        video: path of the file.
        number: of the frame.
        upright_hw: height and width of the picture.
    """

    video: str
    number: int
    upright_hw: tuple[int, int]

    @property
    def label(self) -> str:
        return f"frame {self.number} of {self.video}"

    @property
    def files(self) -> tuple[Path, ...]:
        return ()

    @property
    def suffix(self) -> str:
        return ".jpg"

    def digest(self, sha256_of: Sha256Of = file_sha256) -> str | None:
        return self.label

    def orientation(self) -> int:
        return 1

    def hw(self) -> tuple[int, int]:
        return self.upright_hw

    def load(self, fit: Fit | None = None) -> UInt8[Tensor, "3 H W"]:
        raise ViewError(f"{self.label} was chosen and not kept, as nothing was to be written")

    def read_bytes(self) -> bytes:
        raise ViewError(f"{self.label} was chosen and not kept, as nothing was to be written")
