"""Sparse points for cameras that are known: matching and triangulation alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from warpdata.errors import GeometryError
from warpdata.geometry.sfm.child.run import read_arrays, run_worker
from warpdata.geometry.sfm.gate import MIN_POINTS_SEEN
from warpdata.geometry.sfm.mapping import Mapping, in_order, models_from_arrays
from warpdata.geometry.sfm.matching import LEVELS, match_views
from warpdata.geometry.sfm.pictures import ReducedPicture
from warpdata.geometry.types import Progress

MIN_EXPLAINED = 0.3
"""Share of the verified matches that meet in points; with wrong cameras only those do that happen to lie right."""


def triangulate(
    pictures: Sequence[ReducedPicture], folder: Path, *, threads: int, time_limit_s: float, progress: Progress
) -> Mapping:
    """Points seen by cameras that all pictures bring, in the cameras' own world and unit. Two views are enough.

    Raises:
        GeometryError: fewer than two views see enough points with the cameras they have.
    """
    level = LEVELS[0]
    progress(f"matching ({level.name})", 0, 1)
    matches = match_views(pictures, folder, level, threads=threads, time_limit_s=time_limit_s)
    path = folder / "given.models.npz"
    if not path.exists():
        request = {
            "task": "triangulate",
            "database": str(matches.database),
            "pictures": str(pictures[0].path.parent),
            "cam_from_world": {
                picture.path.name: picture.known_camera.cam_from_world[:3].tolist() for picture in pictures
            },
            "scratch": str(folder / "scratch"),
            "models": str(path),
        }
        run_worker(request, folder, time_limit_s=time_limit_s)
    model = in_order(models_from_arrays(read_arrays(path))["given"][0], pictures)
    progress(f"matching ({level.name})", 1, 1)
    seen = torch.bincount(model.observed_view, minlength=len(model.names))
    kept = [index for index in range(len(model.names)) if seen[index] >= MIN_POINTS_SEEN]
    lengths = torch.bincount(model.observed_point, minlength=1)
    explained = (lengths * (lengths - 1)).sum().item() / 2 / max(1, sum(matches.inliers.values()))
    if len(kept) < 2 or explained < MIN_EXPLAINED:
        raise GeometryError(
            f"with the cameras given, {len(model.points)} points could be found, which explain {explained:.0%} of the "
            f"matches, and {len(kept)} of {len(pictures)} views see {MIN_POINTS_SEEN} of them; check that the cameras "
            "belong to these pictures (world to camera, x right, y down, z forward), or remove them to have them "
            "estimated"
        )
    left_out = {
        name: f"with its given camera it sees {int(count)} common points, {MIN_POINTS_SEEN} are needed"
        for name, count in zip(model.names, seen, strict=True)
        if count < MIN_POINTS_SEEN
    }
    model = model.subset(kept)
    attempts = [
        {
            "level": level.name,
            "verified_pairs": len(matches.inliers),
            "views": len(model.names),
            "points": len(model.points),
            "reprojection_error_px": round(model.reprojection_errors().mean().item(), 3),
            "verdict": "cameras given",
        }
    ]
    return Mapping(model=model, left_out=left_out, attempts=attempts)
