"""Depth at pixels of a sample's pictures, from the geometry that its triplet was made from."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import torch
from jaxtyping import Bool, Float64
from torch import Tensor

from warpdata.cache import CacheEntry, GeometryCache
from warpdata.camera import Camera
from warpdata.errors import CacheError, OutputError
from warpdata.formats.manifest import Record
from warpdata.formats.manifest_cameras import cameras_from_json
from warpdata.geometry.types import FrameGeometry

SMOOTH = 1.05
"""Depth between four texels is that of a surface when they differ by no more than this factor."""

METRIC = "metric"
"""Scale of geometry in metres, as manifests call it."""

OPEN_ENTRIES = 8
"""Geometry of so many scenes is open at once; samples come scene by scene."""

AGREEING = 0.02
"""Two depths that differ by less are of one surface."""


@dataclass(frozen=True, kw_only=True)
class DepthView:
    """One view of a sample.

    Attributes:
        camera: of the picture, at its size.
        frame: its geometry, at a size of its own; of the same place.
    """

    camera: Camera
    frame: FrameGeometry

    def at(self, pixels: Float64[Tensor, "n 2"]) -> Float64[Tensor, "n"]:
        """Depth at places (x, y) of the picture, the first pixel's centre at (0.5, 0.5); 0 where there is none or an
        edge. Between texels 1/depth is interpolated, so that planes stay planes."""
        rays = _rays(pixels, self.camera.K)
        u, v = _project(rays, self.frame.camera.K)
        h, w = self.frame.depth.shape
        x, y = u - 0.5, v - 0.5
        inside = (x >= -0.5) & (x <= w - 0.5) & (y >= -0.5) & (y <= h - 0.5)
        left, top = (x.clamp(0, w - 1).floor()).long(), (y.clamp(0, h - 1).floor()).long()
        right, bottom = (left + 1).clamp(max=w - 1), (top + 1).clamp(max=h - 1)
        fx, fy = (x.clamp(0, w - 1) - left), (y.clamp(0, h - 1) - top)
        depth = self.frame.depth.double()
        corners = torch.stack([depth[top, left], depth[top, right], depth[bottom, left], depth[bottom, right]])
        weights = torch.stack([(1 - fx) * (1 - fy), fx * (1 - fy), (1 - fx) * fy, fx * fy])
        there = (corners > 0).all(dim=0) & (corners.amax(0) <= SMOOTH * corners.amin(0)) & inside
        inverse = (weights / corners.clamp(min=1e-30)).sum(dim=0)
        return torch.where(there, 1 / inverse, 0)

    def world(self, pixels: Float64[Tensor, "n 2"], depth: Float64[Tensor, "n"]) -> Float64[Tensor, "n 3"]:
        """World points at places of the picture."""
        inside = _rays(pixels, self.camera.K) * depth[:, None]
        world_from_cam = torch.linalg.inv(self.camera.cam_from_world.double())
        return inside @ world_from_cam[:3, :3].mT + world_from_cam[:3, 3]

    def project(self, world: Float64[Tensor, "n 3"]) -> tuple[Float64[Tensor, "n 2"], Float64[Tensor, "n"]]:
        """Places in the picture and depths of world points; places mean nothing where depth is not above 0."""
        pose = self.camera.cam_from_world.double()
        inside = world @ pose[:3, :3].mT + pose[:3, 3]
        return torch.stack(_project(inside, self.camera.K), dim=-1), inside[:, 2]

    def sees(self, world: Float64[Tensor, "n 3"]) -> Bool[Tensor, "n"]:
        """Which world points lie on the surface seen, within 2 % of the depth of the texel that they fall in."""
        pose = self.camera.cam_from_world.double()
        inside = world @ pose[:3, :3].mT + pose[:3, 3]
        z = inside[:, 2]
        u, v = _project(inside, self.frame.camera.K)
        h, w = self.frame.depth.shape
        within = (z > 0) & (u >= 0) & (u < w) & (v >= 0) & (v < h)
        there = self.frame.depth[v.clamp(0, h - 1).long(), u.clamp(0, w - 1).long()].double()
        return within & (there > 0) & ((there / z - 1).abs() < AGREEING)


@dataclass(frozen=True, kw_only=True)
class SampleDepth:
    """Both views of a sample, and whether depth is in metres."""

    reference: DepthView
    target: DepthView
    is_metric: bool


class SampleDepths:
    """Opens the geometry of samples.

    Args:
        cache_dir: the cache that it lies in.
    """

    def __init__(self, cache_dir: Path):
        self._cache = GeometryCache(cache_dir)
        self._entry = lru_cache(OPEN_ENTRIES)(lambda key: CacheEntry(self._cache.entry_path(key)))

    def of(self, record: Record) -> SampleDepth:
        """The depth of a sample's two views.

        Raises:
            OutputError: its geometry is not in the cache, or the manifest does not say which it is.
        """
        key, cameras = record.geometry.get("key"), sample_cameras(record)
        if not isinstance(key, str) or not key.isalnum():
            raise OutputError(f"{record.id}: its manifest does not say which geometry it was made from")
        try:
            entry = self._entry(key)
            frames = {role: entry.frame(entry.index(name)) for role, name in _names(record).items()}
        except (CacheError, ValueError) as error:
            raise OutputError(
                f"{record.id}: the geometry that its question needs cannot be read from the cache {self._cache.root} "
                f"({error}); give the cache it was made with as `cache_dir`, or run materialize again"
            ) from error
        views = {role: DepthView(camera=cameras[role], frame=frames[role]) for role in ("reference", "target")}
        return SampleDepth(**views, is_metric=record.geometry.get("scale") == METRIC)


def _names(record: Record) -> dict[str, str]:
    return {"reference": record.reference, "target": record.target}


def sample_cameras(record: Record) -> dict[str, Camera]:
    """The cameras of a sample.

    Raises:
        OutputError: its manifest has none.
    """
    try:
        return cameras_from_json(record.camera, record.size[::-1])
    except (KeyError, TypeError, ValueError) as error:
        raise OutputError(f"{record.id} has no cameras in its manifest, which its question needs ({error})") from error


def _rays(pixels: Float64[Tensor, "n 2"], K: Tensor) -> Float64[Tensor, "n 3"]:
    """Points at depth 1."""
    return torch.cat([pixels, torch.ones_like(pixels[:, :1])], dim=-1) @ torch.linalg.inv(K.double()).mT


def _project(points: Float64[Tensor, "n 3"], K: Tensor) -> tuple[Float64[Tensor, "n"], Float64[Tensor, "n"]]:
    image = points @ K.double().mT
    return image[:, 0] / image[:, 2], image[:, 1] / image[:, 2]
