"""Cameras and sparse points: escalate until a model is found that can be believed, or refuse the scene."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from warpdata.camera import Camera
from warpdata.errors import GeometryError
from warpdata.geometry.sfm.agreement import MIN_VIEWS, Agreement, agreement
from warpdata.geometry.sfm.child.run import read_arrays, run_worker
from warpdata.geometry.sfm.gate import MIN_SHARE, drop_weak_views, why_unproven
from warpdata.geometry.sfm.matching import LEVELS, Matches, MatchingLevel, match_views, view_name
from warpdata.geometry.sfm.pictures import ReducedPicture
from warpdata.geometry.sfm.types import SparseModel
from warpdata.geometry.types import Progress

HOPELESS_SHARE = 0.5
"""When matches join no more of the views than this, more matches of the same pictures will not either."""


@dataclass(frozen=True, kw_only=True)
class Mapping:
    """What structure from motion found.

    Attributes:
        model: the accepted model, its views in the order of the pictures.
        left_out: view name -> why it is not in the model.
        attempts: what each level found and the verdict on it, as JSON: for the report.
    """

    model: SparseModel
    left_out: dict[str, str]
    attempts: list[dict[str, Any]]


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """The best model of one level and the verdict on it.

    Attributes:
        model: of the views that both mappers place alike, after `drop_weak_views`; or None where there is none.
        unproven: why it is not to be believed, or None.
        cross_check: the comparison with the other mapper's model that agrees with most of it.
    """

    model: SparseModel | None
    unproven: str | None
    cross_check: Agreement | None

    @property
    def proven(self) -> bool:
        return self.model is not None and self.unproven is None


def map_views(
    pictures: Sequence[ReducedPicture], folder: Path, *, threads: int, time_limit_s: float, progress: Progress
) -> Mapping:
    """Cameras and sparse points of pictures whose poses are not known; their world is arbitrary in place and scale.

    Raises:
        GeometryError: no model could be proven right; the message says what is wrong with the photographs.
    """
    if len(pictures) < MIN_VIEWS:
        raise GeometryError(
            f"structure from motion needs {MIN_VIEWS} different photographs, because two alone cannot be checked; "
            f"{len(pictures)} can be used here. Add photographs, or a transforms.json with cameras: then two are enough"
        )
    attempts: list[dict[str, Any]] = []
    best: tuple[SparseModel, Matches] | None = None
    for step, level in enumerate(LEVELS):
        progress(f"matching ({level.name})", step, len(LEVELS))
        matches = match_views(pictures, folder, level, threads=threads, time_limit_s=time_limit_s)
        candidate = judge(read_models(matches, pictures, folder, level, time_limit_s=time_limit_s))
        component = matches.largest_component()
        attempts.append(describe(level, matches, candidate, len(component)))
        if candidate.proven and (best is None or len(candidate.model.names) > len(best[0].names)):
            best = candidate.model, matches
        if best is not None and len(best[0].names) >= MIN_SHARE * len(pictures):
            break
        hopeless = len(component) <= HOPELESS_SHARE * len(pictures) or matches.only_homographies
        if level.decides and hopeless:
            break
    if best is None:
        raise GeometryError(explain_failure(matches, candidate, len(pictures)))
    progress("matching", len(LEVELS), len(LEVELS))
    model, matches = best
    return Mapping(model=in_order(model, pictures), left_out=why_left_out(model, matches, pictures), attempts=attempts)


def judge(models: dict[str, list[SparseModel]]) -> Candidate:
    """The largest model that the gate passes, or else the largest; of equally large ones the incremental mapper's.

    Incremental models have more points, and are up to twice as exact.

    Args:
        models: of each mapper.
    """
    pruned = {mapper: [drop_weak_views(model) for model in found] for mapper, found in models.items()}
    candidates = []
    for mapper in sorted(pruned, key=lambda mapper: mapper != "incremental"):
        others = [other for name, found in pruned.items() if name != mapper for other in found]
        candidates += [confirm(model, others) for model in pruned[mapper] if model.names]
    nothing = Candidate(model=None, unproven="no model was found", cross_check=None)
    return min(candidates, key=lambda one: (one.unproven is not None, -len(one.model.names)), default=nothing)


def confirm(model: SparseModel, others: list[SparseModel]) -> Candidate:
    """A model without the views that the other mapper's models do not place alike, and the verdict on the rest."""
    checks = [check for check in (agreement(model, other) for other in others) if check is not None]
    if not checks:
        return Candidate(model=model, unproven=why_unproven(model), cross_check=None)
    alike = frozenset().union(*(check.alike for check in checks))
    closest = max(checks, key=lambda check: len(check.alike))
    if len(alike) < MIN_VIEWS:
        unproven = (
            f"two ways of computing the cameras of {len(closest.names)} views disagree by {closest.rotation_deg:.1f} "
            f"degrees and {closest.centre_share:.0%} of the extent"
        )
        return Candidate(model=model, unproven=why_unproven(model) or unproven, cross_check=closest)
    kept = drop_weak_views(model.subset([index for index, name in enumerate(model.names) if name in alike]))
    return Candidate(model=kept, unproven=why_unproven(kept), cross_check=closest)


def read_models(
    matches: Matches, pictures: Sequence[ReducedPicture], folder: Path, level: MatchingLevel, *, time_limit_s: float
) -> dict[str, list[SparseModel]]:
    """The models of both mappers, computed or left by an earlier run."""
    path = folder / f"{level.name}.models.npz"
    if not path.exists():
        request = {
            "task": "map",
            "database": str(matches.database),
            "pictures": str(pictures[0].path.parent),
            "scratch": str(folder / "scratch"),
            "models": str(path),
        }
        run_worker(request, folder, time_limit_s=time_limit_s)
    return models_from_arrays(read_arrays(path))


def models_from_arrays(arrays: dict[str, np.ndarray]) -> dict[str, list[SparseModel]]:
    """Models from the worker's arrays, named `mapper.index.array`."""
    parts: dict[tuple[str, int], dict[str, np.ndarray]] = {}
    for key, array in arrays.items():
        mapper, index, name = key.split(".")
        parts.setdefault((mapper, int(index)), {})[name] = array
    models: dict[str, list[SparseModel]] = {}
    for (mapper, _), part in sorted(parts.items()):
        poses = np.zeros((len(part["names"]), 4, 4))
        poses[:, :3] = part["cam_from_world"]
        poses[:, 3, 3] = 1
        cameras = tuple(
            Camera(K=torch.from_numpy(K), cam_from_world=torch.from_numpy(pose), hw=(int(hw[0]), int(hw[1])))
            for K, pose, hw in zip(part["K"], poses, part["hw"], strict=True)
        )
        model = SparseModel(
            names=tuple(view_name(str(name)) for name in part["names"]),
            cameras=cameras,
            points=torch.from_numpy(part["points"]),
            observed_view=torch.from_numpy(part["observed_view"]),
            observed_point=torch.from_numpy(part["observed_point"]),
            observed_xy=torch.from_numpy(part["observed_xy"]),
        )
        models.setdefault(mapper, []).append(model)
    return models


def in_order(model: SparseModel, pictures: Sequence[ReducedPicture]) -> SparseModel:
    """The model with its views in the order of the pictures."""
    place = {picture.view.name: index for index, picture in enumerate(pictures)}
    return model.subset(sorted(range(len(model.names)), key=lambda index: place[model.names[index]]))


def describe(level: MatchingLevel, matches: Matches, candidate: Candidate, component: int) -> dict[str, Any]:
    """One attempt as JSON."""
    model, check = candidate.model, candidate.cross_check
    return {
        "level": level.name,
        "verified_pairs": len(matches.inliers),
        "largest_group": component,
        "views": 0 if model is None else len(model.names),
        "points": 0 if model is None else len(model.points),
        "reprojection_error_px": None if model is None else round(model.reprojection_errors().mean().item(), 3),
        "cross_check": None
        if check is None
        else {
            "views": len(check.names),
            "alike": len(check.alike),
            "rotation_deg": round(check.rotation_deg, 3),
            "centre_share": round(check.centre_share, 4),
        },
        "verdict": candidate.unproven or verdict_on_size(len(model.names), len(matches.features)),
    }


def verdict_on_size(found: int, of_views: int) -> str:
    return "accepted" if found >= MIN_SHARE * of_views else f"right, but of {found} of {of_views} views"


def why_left_out(model: SparseModel, matches: Matches, pictures: Sequence[ReducedPicture]) -> dict[str, str]:
    """Why each picture that is not in the model is not."""
    matched = {name for pair in matches.inliers for name in pair}
    joined = matches.largest_component()
    reasons = {}
    for picture in pictures:
        name = picture.view.name
        if name in model.names:
            continue
        if name not in matched:
            reasons[name] = (
                f"it shares no points with any other view ({matches.features.get(name, 0)} features were found in it)"
            )
        elif name not in joined:
            reasons[name] = "it shares points only with views that are not joined to the largest part of the scene"
        else:
            reasons[name] = "its camera could not be found reliably: it shares too few points with the other views"
    return reasons


def explain_failure(matches: Matches, candidate: Candidate, view_count: int) -> str:
    """The message for a scene without a model, by what is most likely wrong with the photographs."""
    ways_out = "photograph with more overlap while moving sideways, add a transforms.json, or use network weights"
    if not matches.inliers:
        few = max(matches.features.values(), default=0)
        return (
            f"no two photographs share enough points (at most {few} features were found in one); depth without "
            f"weights needs overlapping views of a textured scene: {ways_out}"
        )
    if matches.only_homographies:
        return (
            "the photographs were taken from one place, or show one flat surface: turning the camera gives no depth; "
            f"{ways_out}"
        )
    component = len(matches.largest_component())
    if component <= HOPELESS_SHARE * view_count:
        return (
            f"no more than {component} of {view_count} photographs share enough points; depth without weights needs "
            f"overlapping views: {ways_out}"
        )
    return f"the cameras could not be found reliably ({candidate.unproven}); {ways_out}"
