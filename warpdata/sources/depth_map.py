"""What gives a view its depth: the protocol, and depth in a file. `depth_files` knows the formats of files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol, runtime_checkable

from jaxtyping import Float
from torch import Tensor

from warpdata.files.digests import file_sha256
from warpdata.sources.picture import Content, Sha256Of

Measure = Literal["planar_z", "ray_length"]
"""What depth measures: the distance along the optical axis, or along the ray from the camera's centre."""


@runtime_checkable
class DepthMap(Content, Protocol):
    """Depth over the whole of a picture, at any resolution."""

    @property
    def unit(self) -> float:
        """What a stored value of 1 is worth in scene units."""
        ...

    @property
    def suffix(self) -> str:
        """Type of what is stored as the end of a file name; the digest alone does not tell how it is read."""
        ...

    @property
    def measure(self) -> Measure:
        """What `load` gives; whoever wants planar z of rays divides by their lengths at z = 1."""
        ...

    def load(self) -> Float[Tensor, "h w"]:
        """Depth in scene units as float32, as `measure` says; 0 where there is none.

        Raises:
            ViewError: it is missing, damaged, too large, or no depth.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class DepthFile:
    """A depth map on disk: 0 or not finite where there is none.

    Attributes:
        path: 16-bit PNG, `.npy`, `.exr`, `.h5`, or COLMAP's `.bin`.
        unit: what a stored value of 1 is worth in scene units.
        measure: planar z, or the length of rays.
    """

    path: Path
    unit: float = 1.0
    measure: Measure = "planar_z"

    @property
    def label(self) -> str:
        return str(self.path)

    @property
    def suffix(self) -> str:
        return self.path.suffix

    @property
    def files(self) -> tuple[Path, ...]:
        return (self.path,)

    def digest(self, sha256_of: Sha256Of = file_sha256) -> str | None:
        return sha256_of(self.path)

    def load(self) -> Float[Tensor, "h w"]:
        from warpdata.sources.depth_files import load_depth  # it knows this class

        return load_depth(self)
