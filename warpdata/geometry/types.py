"""Depth, confidence and cameras of a scene: what every estimator gives and the cache keeps."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
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
        estimator: its name in the table of estimators.
        version: of the estimator's own results; raised whenever they change.
        weights: checkpoint id, or None where there is no network.
        weights_sha256: digest of the checkpoint file.
        weights_license: its licence, or what else binds those who use the result.
        options: what the result depends on besides the images (preprocessing, windows, thresholds).
    """

    estimator: str
    version: int = 1
    weights: str | None = None
    weights_sha256: str | None = None
    weights_license: str | None = None
    options: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class FrameFailure:
    """A view without geometry, and why, for people."""

    name: str
    reason: str


Outcome = FrameGeometry | FrameFailure
"""What comes of one view."""


class SceneGeometry:
    """Geometry of one scene: iterated once, it gives every view's outcome, in the scene's order.

    Outcomes may be read or computed when they are asked for. What can be told of the whole, `left_out` and `report`, is
    there once they have all come; nobody changes it.

    Attributes:
        scene_id: the scene.
        scale: whether depth and cameras are in metres or in a unit of their own.
        provenance: how it was made.

    Args:
        outcomes: of the views; a generator returns the estimator's own figures (JSON), for people who judge the result.
    """

    def __init__(
        self,
        *,
        scene_id: str,
        scale: Literal["metric", "arbitrary"],
        provenance: Provenance,
        outcomes: Iterable[Outcome],
    ):
        self.scene_id = scene_id
        self.scale = scale
        self.provenance = provenance
        self._outcomes = self._followed(outcomes)
        self._begun = False
        self._left_out: dict[str, str] = {}
        self._report: dict[str, Any] | None = None

    def __iter__(self) -> Iterator[Outcome]:
        """The outcomes.

        Raises:
            RuntimeError: this is not the first time.
            GeometryError: there turns out to be no geometry, and why.
        """
        if self._begun:
            raise RuntimeError(
                f"geometry of scene {self.scene_id} is iterated once; keep its frames, or put it in a cache"
            )
        self._begun = True
        return self._outcomes

    @property
    def frames(self) -> Iterator[FrameGeometry]:
        """The outcomes without the failures, which `left_out` tells afterwards; an iteration like any other."""
        return (outcome for outcome in self if isinstance(outcome, FrameGeometry))

    @property
    def left_out(self) -> dict[str, str]:
        """View name -> why it has no geometry, in the scene's order.

        Raises:
            RuntimeError: not all outcomes have come.
        """
        self._check_complete()
        return dict(self._left_out)

    @property
    def report(self) -> dict[str, Any]:
        """The estimator's own figures (JSON).

        Raises:
            RuntimeError: not all outcomes have come.
        """
        self._check_complete()
        return dict(self._report)

    def transformed(self, outcomes: Iterable[Outcome], *, provenance: Provenance | None = None) -> SceneGeometry:
        """Geometry of the same scene with other outcomes, made from these; by default its provenance stays."""
        return SceneGeometry(
            scene_id=self.scene_id, scale=self.scale, provenance=provenance or self.provenance, outcomes=outcomes
        )

    def close(self) -> None:
        """Ask for no more outcomes: what the estimator holds for them is let go."""
        self._outcomes.close()

    def _check_complete(self) -> None:
        if self._report is None:
            raise RuntimeError(f"the summary of scene {self.scene_id} is there after its last outcome, not before")

    def _followed(self, outcomes: Iterable[Outcome]) -> Generator[Outcome, None, None]:
        iterator = iter(outcomes)
        try:
            while True:
                outcome = next(iterator)
                if isinstance(outcome, FrameFailure):
                    self._left_out[outcome.name] = outcome.reason
                yield outcome
        except StopIteration as end:  # by hand, and not by `for`, for the sake of what a generator returns
            self._report = end.value or {}
        finally:
            if isinstance(iterator, Generator):
                iterator.close()


def in_scene_order(
    scene: Scene, failures: Mapping[str, str], outcomes: Iterable[Outcome]
) -> Generator[Outcome, None, None]:
    """Outcomes and, each at its view's place among them, the failures of views that they say nothing of.

    Args:
        failures: view name -> reason. May grow while outcomes come, and may hold views whose frame comes all the same.
        outcomes: of some of the scene's views, in its order.
    """
    names = iter([view.name for view in scene.views])

    def passed_over(next_name: str | None) -> Iterator[FrameFailure]:
        for name in names:
            if name == next_name:
                return
            if name in failures:
                yield FrameFailure(name=name, reason=failures[name])

    for outcome in outcomes:
        yield from passed_over(outcome.name)
        yield outcome
    yield from passed_over(None)


Progress = Callable[[str, int, int], None]
"""Called with a stage's name, steps done and steps in all."""


def no_progress(stage: str, done: int, total: int) -> None:
    """The `Progress` that shows nothing."""


WorkFolder = Callable[[Provenance], Path]
"""Where an estimator of this provenance may keep what it has found so far of a scene, so that a killed run goes on
there: a folder of that scene's alone. Asked for when work begins; whoever keeps the geometry removes it afterwards."""


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
