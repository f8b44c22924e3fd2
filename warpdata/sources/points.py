"""Sparse points that a scene ships, such as those of structure from motion; read when they are first asked for."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float64, Int64
from torch import Tensor

from warpdata.errors import ViewError
from warpdata.files.digests import file_sha256
from warpdata.sources.picture import Content, Sha256Of


@dataclass(frozen=True, kw_only=True)
class SparsePoints:
    """Points of a scene.

    Attributes:
        xyz: world coordinates in the scene's unit, all finite.
        seen: view name -> which points it saw; None where nothing tells. A view that saw none is not in it.
    """

    xyz: Float64[Tensor, "n 3"]
    seen: dict[str, Int64[Tensor, " k"]] | None = None

    def of_view(self, name: str) -> Float64[Tensor, "k 3"]:
        """The points that a view saw; all where nothing tells."""
        if self.seen is None:
            return self.xyz
        return self.xyz[self.seen.get(name, torch.empty(0, dtype=torch.int64))]


@runtime_checkable
class Points(Content, Protocol):
    """What gives a scene its sparse points."""

    def load(self) -> SparsePoints:
        """The points.

        Raises:
            ViewError: they are missing or damaged.
        """
        ...


@dataclass(frozen=True)
class PlyPoints:
    """The vertices of a binary PLY file, in world coordinates; nothing tells which view saw which."""

    path: Path

    @property
    def label(self) -> str:
        return str(self.path)

    @property
    def files(self) -> tuple[Path, ...]:
        return (self.path,)

    def digest(self, sha256_of: Sha256Of = file_sha256) -> str | None:
        return sha256_of(self.path)

    def load(self) -> SparsePoints:
        from warpdata.formats.ply import read_ply

        try:
            xyz = read_ply(self.path).xyz.double()
        except (OSError, ValueError) as error:
            raise ViewError(f"points {self.path} cannot be read: {error}") from error
        return SparsePoints(xyz=xyz[torch.isfinite(xyz).all(dim=1)])


@dataclass(frozen=True)
class ColmapModelPoints:
    """The points of a COLMAP model with the views that saw them.

    Attributes:
        path: `points3D.bin` or `points3D.txt`.
        views: number of an image in the model, and the name of its view.
    """

    path: Path
    views: tuple[tuple[int, str], ...]

    @property
    def label(self) -> str:
        return str(self.path)

    @property
    def files(self) -> tuple[Path, ...]:
        return (self.path,)

    def digest(self, sha256_of: Sha256Of = file_sha256) -> str | None:
        points = sha256_of(self.path)
        return None if points is None else hashlib.sha256(f"{points} {self.views}".encode()).hexdigest()

    def load(self) -> SparsePoints:
        from warpdata.formats.colmap import read_points

        try:
            points = read_points(self.path)
        except (OSError, ValueError) as error:
            raise ViewError(f"points {self.path} cannot be read: {error}") from error
        finite = np.isfinite(points.xyz).all(axis=1)
        new_index = np.cumsum(finite) - 1
        kept = finite[points.track_point]
        order = np.argsort(points.track_image[kept], kind="stable")
        image, point = points.track_image[kept][order], new_index[points.track_point[kept]][order]
        seen = {}
        for number, name in self.views:
            first, end = np.searchsorted(image, [number, number + 1])
            if end > first:
                seen[name] = torch.from_numpy(np.unique(point[first:end]))
        return SparsePoints(xyz=torch.from_numpy(points.xyz[finite]), seen=seen if len(image) else None)
