"""Depth, confidence and cameras of a scene: what every estimator gives and the cache keeps."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, runtime_checkable

from jaxtyping import Float
from torch import Tensor

from warpdata.camera import Camera
from warpdata.sources.scene import Scene

GIVEN_CONFIDENCE = 2.0
"""Confidence of depth that the scene ships; any estimator's "certain" lies above the default threshold of 1.01."""


@dataclass(frozen=True, kw_only=True)
class ContentBox:
    """The rectangle of the upright original image that a depth map's [0, w] x [0, h] spans, in original pixels.

    Smaller than the image where the network's input was cropped, larger (with negative `left` or `top`) where it
    was padded; depth outside the image is 0.
    """

    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True, kw_only=True)
class FrameCamera:
    """Where one view was taken from, for a depth map of size (h, w).

    Attributes:
        name: the view's name.
        camera: of the depth map, `camera.hw == (h, w)`; float64.
        image_hw: height and width of the upright original image.
        content_box: what part of the original image the depth map spans.
    """

    name: str
    camera: Camera
    image_hw: tuple[int, int]
    content_box: ContentBox

    @property
    def image_camera(self) -> Camera:
        """The camera of the whole upright original image, at `image_hw`."""
        height, width = self.camera.hw
        box = self.content_box
        scale_xy = ((box.right - box.left) / width, (box.bottom - box.top) / height)
        return self.camera.mapped(scale_xy, (box.left, box.top), self.image_hw)


@dataclass(frozen=True, kw_only=True)
class FrameGeometry(FrameCamera):
    """Depth and camera of one view, at the depth map's own size (h, w).

    Attributes:
        depth: (h, w), planar z-depth in the scene's unit, 0 where there is none; float32 on the CPU.
        confidence: (h, w), at least 1; 1 where the estimator cannot vouch for the depth. Scale: the estimator's.
    """

    depth: Float[Tensor, "h w"]
    confidence: Float[Tensor, "h w"]


@dataclass(frozen=True, kw_only=True)
class Provenance:
    """How geometry was made. All of it is JSON: it goes into cache headers, manifests and reports.

    Attributes:
        estimator: `given`, `vggt`, `vggt-omega`, `sfm`.
        version: of the estimator's own results; raised whenever they change.
        weights: checkpoint id, or None where there is no network.
        weights_sha256: digest of the checkpoint file.
        weights_license: its licence.
        options: what the result depends on besides the images (preprocessing, windows, thresholds).
    """

    estimator: str
    version: int = 1
    weights: str | None = None
    weights_sha256: str | None = None
    weights_license: str | None = None
    options: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class SceneGeometry:
    """Geometry of one scene. `frames` may read or compute each frame when it is asked for; iterate it once, in order.

    Attributes:
        scene_id: the scene.
        frames: in the order of the scene's views; views without geometry are missing from it.
        scale: whether depth and cameras are in metres or in a unit of their own.
        provenance: how it was made.
        left_out: view name -> why it has no geometry. Complete only after `frames` has been iterated.
        report: the estimator's own figures (JSON), for people who judge the result.
    """

    scene_id: str
    frames: Sequence[FrameGeometry] | Iterator[FrameGeometry]
    scale: Literal["metric", "arbitrary"]
    provenance: Provenance
    left_out: dict[str, str] = field(default_factory=dict)
    report: dict[str, Any] = field(default_factory=dict)


Progress = Callable[[str, int, int], None]
"""Called with a stage's name, steps done and steps in all."""


def no_progress(stage: str, done: int, total: int) -> None:
    """The `Progress` that shows nothing."""


@runtime_checkable
class Estimator(Protocol):
    """Turns a scene into geometry."""

    @property
    def provenance(self) -> Provenance:
        """How results of this estimator are made; known before anything is computed, and part of the cache's key."""
        ...

    def __call__(self, scene: Scene, *, progress: Progress = no_progress) -> SceneGeometry:
        """Geometry of the scene.

        Raises:
            GeometryError: there is none to be had, and why.
        """
        ...
