"""The estimator `sfm`: photographs in, cameras, depth and honest confidence out, without network weights.

Cameras are pinholes without distortion. Photographs are used as they are by everything that follows, so cameras must
describe them as they are; and on photographs of ordinary lenses a distortion parameter changes no reprojection error
(medians of 0.26 and 0.19 pixels with and without it on two sets), because the focal length takes it up.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Generator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

import torch

from warpdata.errors import GeometryError
from warpdata.geometry.masks import masked
from warpdata.geometry.maths.sim3 import Sim3
from warpdata.geometry.sfm.known_cameras import triangulate
from warpdata.geometry.sfm.mapping import Mapping, map_views
from warpdata.geometry.sfm.options import SfmOptions
from warpdata.geometry.sfm.pictures import ReducedPicture, prepare_pictures
from warpdata.geometry.sfm.shipped_points import shipped_model
from warpdata.geometry.sfm.stereo import DenseStereo
from warpdata.geometry.sfm.types import SparseModel
from warpdata.geometry.sfm.view_selection import MIN_COMMON_POINTS, select_sources
from warpdata.geometry.types import (
    Outcome,
    Progress,
    Provenance,
    SceneGeometry,
    WorkFolder,
    in_scene_order,
    no_progress,
)
from warpdata.sources.scene import Scene

VERSION = 2
"""Raised whenever results change."""

RESULT_OPTIONS = ("match_megapixels", "depth_megapixels", "sources")
"""Options that the result depends on; the others say how it is computed."""


class SfmEstimator:
    """Structure from motion by pycolmap and dense stereo of our own.

    Where every view brings its camera, cameras stay as they are and only points are triangulated, or taken from the
    scene where it ships them with the views that saw them. Otherwise the world is the first view's camera, in a unit in
    which the median depth of the points seen is 1.

    Args:
        options: see `SfmOptions`.
        poses: `given` insists on the cameras that the views bring.
        device: where the dense stereo is computed.
        work_dir: gives the folder for matches, the sparse model and coarse depth. What an interrupted run left there
            is used. None takes a temporary folder.
    """

    def __init__(
        self,
        options: SfmOptions | None = None,
        *,
        poses: Literal["estimated", "given"] = "estimated",
        device: torch.device | str = "cpu",
        work_dir: WorkFolder | None = None,
    ):
        self._options = options or SfmOptions()
        self._poses = poses
        self._device = torch.device(device)
        self._work_dir = work_dir

    @property
    def provenance(self) -> Provenance:
        options = {name: value for name, value in asdict(self._options).items() if name in RESULT_OPTIONS}
        return Provenance(estimator="sfm", version=VERSION, options={**options, "poses": self._poses})

    def __call__(self, scene: Scene, *, progress: Progress = no_progress) -> SceneGeometry:
        """Cameras now, depth as the outcomes are iterated.

        Raises:
            GeometryError: the cameras cannot be found reliably, and what about the photographs is the reason.
        """
        missing = [view.name for view in scene.views if view.camera is None]
        if self._poses == "given" and missing:
            raise GeometryError(
                f'`poses="given"`: {len(missing)} of {len(scene.views)} views of scene {scene.id} have no camera '
                f'({", ".join(missing[:3])}); add them to its transforms.json, or use `poses="estimated"`'
            )
        if self._work_dir is None:
            folder = Path(tempfile.mkdtemp(prefix="warpdata-sfm-"))
        else:
            folder = self._work_dir(self.provenance)
        try:
            return self._estimate(scene, folder, progress, cameras_known=not missing)
        except BaseException:
            self._clean(folder)
            raise

    def _estimate(self, scene: Scene, folder: Path, progress: Progress, *, cameras_known: bool) -> SceneGeometry:
        options = self._options
        pictures, failures = prepare_pictures(
            scene.views,
            folder / "pictures",
            megapixels=options.match_megapixels,
            cameras_known=cameras_known,
            progress=progress,
        )
        if len(pictures) < 2:
            raise GeometryError(
                f"depth needs at least two different photographs, {len(pictures)} of {len(scene.views)} can be used",
                failures,
            )
        find = triangulate if cameras_known else map_views
        mapping = shipped_model(scene, pictures) if cameras_known else None
        if mapping is None:
            mapping = find(
                pictures, folder, threads=options.threads, time_limit_s=options.time_limit_s, progress=progress
            )
        model, lonely = drop_lonely_views(mapping.model)
        failures |= mapping.left_out | lonely
        if not cameras_known:
            model = normalised(model)
        of_view = {picture.view.name: picture for picture in pictures}
        stereo = DenseStereo(
            model,
            [of_view[name] for name in model.names],
            folder / "depth",
            megapixels=options.depth_megapixels,
            source_count=options.sources,
            device=self._device,
        )
        return SceneGeometry(
            scene_id=scene.id,
            scale=scene.scale if cameras_known else "arbitrary",
            provenance=self.provenance,
            outcomes=self._outcomes(scene, failures, stereo, folder, describe(mapping, model, pictures), progress),
        )

    def _outcomes(
        self,
        scene: Scene,
        failures: dict[str, str],
        stereo: DenseStereo,
        folder: Path,
        report: dict[str, Any],
        progress: Progress,
    ) -> Generator[Outcome, None, dict[str, Any]]:
        try:
            views = {view.name: view for view in scene.views}
            frames = (masked(frame, views[frame.name]) for frame in stereo.frames(progress))
            yield from in_scene_order(scene, failures, frames)
            return report
        finally:
            self._clean(folder)

    def _clean(self, folder: Path) -> None:
        if self._work_dir is None:
            shutil.rmtree(folder, ignore_errors=True)


def normalised(model: SparseModel) -> SparseModel:
    """The model in the first view's camera frame, scaled so that the median depth of all observations is 1."""
    pose = model.cameras[0].cam_from_world
    scale = 1 / model.observed_depths().median().item()
    return model.moved(Sim3(scale=scale, rotation=pose[:3, :3], translation=scale * pose[:3, 3]))


def drop_lonely_views(model: SparseModel) -> tuple[SparseModel, dict[str, str]]:
    """Without the views that no other view shares enough points with, and why they are dropped.

    Raises:
        GeometryError: none is left.
    """
    kept = [view for view in range(len(model.names)) if select_sources(model, view, 1)]
    reason = f"it shares fewer than {MIN_COMMON_POINTS} points with every other view"
    left_out = {name: reason for view, name in enumerate(model.names) if view not in kept}
    if not kept:
        raise GeometryError("no view shares enough points with another for depth; photograph with more overlap")
    return (model.subset(kept) if left_out else model), left_out


def describe(mapping: Mapping, model: SparseModel, pictures: Sequence[ReducedPicture]) -> dict[str, Any]:
    """The figures by which people judge a model, as JSON. Sizes in pixels of the pictures features were found in."""
    errors = model.reprojection_errors()
    error_px = {"mean": round(errors.mean().item(), 3), "median": round(errors.median().item(), 3)}
    seen = torch.bincount(model.observed_view, minlength=len(model.names)).tolist()
    return {
        "views": len(model.names),
        "of_views": len(pictures),
        "points": len(model.points),
        "points_seen": dict(zip(model.names, seen, strict=True)),
        "reprojection_error_px": None if errors.isnan().any() else error_px,
        "focal_px": {
            name: round(camera.K[0, 0].item(), 2) for name, camera in zip(model.names, model.cameras, strict=True)
        },
        "attempts": mapping.attempts,
    }
