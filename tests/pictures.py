"""Pictures that are no files of their own, as videos and renderers give them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch

from warpdata.files.digests import file_sha256


@dataclass(frozen=True)
class Rendered:
    """A picture that no file holds."""

    seed: int
    label: str = "a rendered view"
    suffix: str = ".png"

    @property
    def files(self) -> tuple[Path, ...]:
        return ()

    def orientation(self):
        return 1

    def hw(self):
        return (40, 60)

    def load(self, fit=None):
        return torch.full((3, 40, 60), self.seed, dtype=torch.uint8)

    def digest(self, sha256_of=file_sha256):
        return f"rendered {self.seed}"

    def read_bytes(self):
        return b""


@dataclass(frozen=True)
class Recorded(Rendered):
    """A frame of a recording: its content is the file's and its number."""

    recording: Path = Path()

    @property
    def files(self) -> tuple[Path, ...]:
        return (self.recording,)

    def digest(self, sha256_of=file_sha256):
        return f"{sha256_of(self.recording)} {self.seed}"
