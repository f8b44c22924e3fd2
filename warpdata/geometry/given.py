"""The estimator `given`: the depth and cameras that the scene ships, read as they are."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import torch
import torch.nn.functional as F

from warpdata.errors import GeometryError, ViewError
from warpdata.geometry.depth_units import median_depth, scale_warning
from warpdata.geometry.masks import view_mask
from warpdata.geometry.types import (
    GIVEN_CONFIDENCE,
    ContentBox,
    FrameGeometry,
    Progress,
    Provenance,
    SceneGeometry,
    no_progress,
)
from warpdata.sources.decode import image_size
from warpdata.sources.depth_files import load_depth
from warpdata.sources.orientation import same_shape, upright_camera
from warpdata.sources.scene import Scene, View

logger = logging.getLogger(__name__)


class GivenEstimator:
    """Geometry of scenes that ship it: confidence is 2 where there is depth that the mask lets pass, else 1.

    Frames are read one at a time, as they are asked for. A view that cannot be used is left out and named.
    """

    @property
    def provenance(self) -> Provenance:
        return Provenance(estimator="given")

    def __call__(self, scene: Scene, *, progress: Progress = no_progress) -> SceneGeometry:
        if not any(view.camera is not None and view.depth is not None for view in scene.views):
            raise GeometryError(
                f"scene {scene.id} ships no view with both camera and depth; add a transforms.json with both, or "
                "choose another --geometry"
            )
        left_out: dict[str, str] = {}
        report: dict[str, Any] = {}
        return SceneGeometry(
            scene_id=scene.id,
            frames=_read_frames(scene, left_out, report, progress),
            scale=scene.scale,
            provenance=self.provenance,
            left_out=left_out,
            report=report,
        )


def _read_frames(
    scene: Scene, left_out: dict[str, str], report: dict[str, Any], progress: Progress
) -> Iterator[FrameGeometry]:
    median_depths, centres = [], []
    for done, view in enumerate(scene.views, start=1):
        try:
            frame = read_frame(view)
        except ViewError as error:
            left_out[view.name] = str(error)
        else:
            median_depths.append(median_depth(frame))
            centres.append(frame.camera.world_from_cam[:3, 3])
            yield frame
        progress("reading depth", done, len(scene.views))
    if centres and (warning := scale_warning(median_depths, torch.stack(centres))):
        logger.warning("scene %s: %s", scene.id, warning)
        report["warnings"] = [warning]


def read_frame(view: View) -> FrameGeometry:
    """The camera and depth that one view ships, its mask applied.

    Raises:
        ViewError: it ships none, a file of it cannot be read, or image, camera and depth do not belong together.
    """
    if view.camera is None or view.depth is None:
        raise ViewError(f"{view.path} ships no {'camera' if view.camera is None else 'depth'}")
    image_hw = image_size(view.path)
    camera = upright_camera(view, image_hw)
    depth = load_depth(view.depth)
    if not depth.any():
        raise ViewError(f"depth {view.depth.path} holds no positive number; export it again")
    (height, width), (image_height, image_width) = depth.shape, image_hw
    if not same_shape((height, width), image_hw):
        raise ViewError(
            f"depth {view.depth.path} is {width}x{height} pixels, another shape than its picture of "
            f"{image_width}x{image_height}; depth must cover the whole upright picture"
        )
    mask = view_mask(view, image_hw)
    if mask is not None:
        passed = F.interpolate(mask.to(torch.uint8)[None, None], size=depth.shape, mode="nearest-exact")[0, 0]
        depth[passed == 0] = 0
        if not depth.any():
            raise ViewError(f"mask {view.mask} leaves no pixel of depth {view.depth.path}; 0 means: not used")
    return FrameGeometry(
        name=view.name,
        depth=depth,
        confidence=torch.where(depth > 0, GIVEN_CONFIDENCE, 1.0),
        camera=camera.mapped((width / image_width, height / image_height), (0.0, 0.0), (height, width)),
        image_hw=image_hw,
        content_box=ContentBox(left=0.0, top=0.0, right=float(image_width), bottom=float(image_height)),
    )
