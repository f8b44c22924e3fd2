"""The estimator `given`: the depth and cameras that the scene ships, read as they are."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from warpdata.camera import Camera, unproject
from warpdata.errors import GeometryError, ViewError
from warpdata.geometry.depth_units import median_depth, odd_depths_warning, scale_warning
from warpdata.geometry.masks import view_mask
from warpdata.geometry.types import (
    GIVEN_CONFIDENCE,
    ContentBox,
    FrameFailure,
    FrameGeometry,
    Outcome,
    Progress,
    Provenance,
    SceneGeometry,
    no_progress,
)
from warpdata.sources.orientation import same_shape, upright_camera
from warpdata.sources.scene import Scene, View


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
                "choose another `geometry`"
            )
        return SceneGeometry(
            scene_id=scene.id,
            scale=scene.scale,
            provenance=self.provenance,
            outcomes=_read_frames(scene, progress),
        )


def _read_frames(scene: Scene, progress: Progress) -> Generator[Outcome, None, dict[str, Any]]:
    median_depths: dict[str, float] = {}
    centres = []
    for done, view in enumerate(scene.views, start=1):
        try:
            outcome = read_frame(view)
        except ViewError as error:
            outcome = FrameFailure(name=view.name, reason=str(error))
        else:
            median_depths[view.name] = median_depth(outcome)
            centres.append(outcome.camera.world_from_cam[:3, 3])
        yield outcome
        progress("reading depth", done, len(scene.views))
    if not centres:
        return {}
    found = (scale_warning([*median_depths.values()], torch.stack(centres)), odd_depths_warning(median_depths))
    warnings = [warning for warning in found if warning is not None]
    return {"warnings": warnings} if warnings else {}


def read_frame(view: View) -> FrameGeometry:
    """The camera and depth that one view ships, its mask applied.

    Raises:
        ViewError: it ships none, a file of it cannot be read, or image, camera and depth do not belong together.
    """
    if view.camera is None or view.depth is None:
        raise ViewError(f"{view.picture.label} ships no {'camera' if view.camera is None else 'depth'}")
    image_hw = view.picture.hw()
    camera = upright_camera(view, image_hw)
    depth = view.depth.load()
    if not depth.any():
        raise ViewError(f"depth {view.depth.label} holds no positive number; export it again")
    (height, width), (image_height, image_width) = depth.shape, image_hw
    if not same_shape((height, width), image_hw):
        raise ViewError(
            f"depth {view.depth.label} is {width}x{height} pixels, another shape than its picture of "
            f"{image_width}x{image_height}; depth must cover the whole upright picture"
        )
    depth_camera = camera.mapped((width / image_width, height / image_height), (0.0, 0.0), (height, width))
    if view.depth.measure == "ray_length":
        depth = depth / ray_lengths(depth_camera)
    mask = view_mask(view, image_hw)
    if mask is not None:
        passed = F.interpolate(mask.to(torch.uint8)[None, None], size=depth.shape, mode="nearest-exact")[0, 0]
        depth[passed == 0] = 0
        if not depth.any():
            raise ViewError(f"mask {view.mask.label} leaves no pixel of depth {view.depth.label}; 0 means: not used")
    return FrameGeometry(
        name=view.name,
        depth=depth,
        confidence=torch.where(depth > 0, GIVEN_CONFIDENCE, 1.0),
        camera=depth_camera,
        image_hw=image_hw,
        content_box=ContentBox(left=0.0, top=0.0, right=float(image_width), bottom=float(image_height)),
    )


def ray_lengths(camera: Camera) -> Float[Tensor, "h w"]:
    """Length of each pixel's ray from the camera's centre to the plane z = 1; planar z is ray length divided by it."""
    points = unproject(
        torch.ones(camera.hw, dtype=torch.float64), replace(camera, cam_from_world=torch.eye(4).double())
    )
    return points.norm(dim=-1).float()
