"""Keep broken and tiny pictures away from an estimator, so that one of them costs a view and not the scene."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from warpdata.config import MIN_IMAGE_SIDE
from warpdata.errors import GeometryError, ViewError
from warpdata.geometry.types import Estimator, Progress, Provenance, SceneGeometry, no_progress
from warpdata.sources.scene import Scene, View


class ReadableViews:
    """An estimator that is given only the views whose pictures decode and are large enough to be of use.

    Decoding everything once costs little beside any estimate, and happens only when a scene is not in the cache.
    """

    def __init__(self, estimator: Estimator, *, threads: int = 2):
        self._estimator = estimator
        self._threads = threads

    @property
    def provenance(self) -> Provenance:
        return self._estimator.provenance

    def __call__(self, scene: Scene, *, progress: Progress = no_progress) -> SceneGeometry:
        reasons: dict[str, str] = {}
        with ThreadPoolExecutor(self._threads) as pool:
            for done, (view, reason) in enumerate(zip(scene.views, pool.map(why_unusable, scene.views), strict=True)):
                progress("checking pictures", done + 1, len(scene.views))
                if reason is not None:
                    reasons[view.name] = reason
        usable = tuple(view for view in scene.views if view.name not in reasons)
        if len(usable) < 2:
            broken = "; ".join(f"{name}: {reason}" for name, reason in reasons.items())
            raise GeometryError(
                f"a pair needs two pictures that can be read, scene {scene.id} has {len(usable)} of {len(scene.views)}"
                + (f" ({broken})" if broken else "")
            )
        geometry = self._estimator(replace(scene, views=usable), progress=progress)
        geometry.left_out.update(reasons)
        return geometry


def why_unusable(view: View) -> str | None:
    """Why a view's picture cannot be used, or None."""
    try:
        height, width = view.picture.load().shape[-2:]
    except ViewError as error:
        return str(error)
    if min(height, width) < MIN_IMAGE_SIDE:
        return f"the picture is {width} x {height} pixels; at least {MIN_IMAGE_SIDE} on each side are needed"
    return None
