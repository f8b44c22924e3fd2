"""Fill a cache ahead of training."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from warpdata.cache.provider import GeometryProvider, KnownGeometry
from warpdata.errors import CacheError, GeometryError, SceneError, WeightsError, left_out_lines
from warpdata.geometry.types import Progress, no_progress
from warpdata.sources import Source


@dataclass(frozen=True, kw_only=True)
class Warmed:
    """One scene's outcome.

    Attributes:
        geometry: what the cache holds now, None when the scene was left out.
        left_out: file or view -> why it has no geometry.
        notes: what was seen of its files and its geometry though nothing is left out for it.
        problem: why the whole scene was left out, empty when it was not.
    """

    scene_id: str
    geometry: KnownGeometry | None = None
    left_out: dict[str, str] = field(default_factory=dict)
    problem: str = ""
    notes: tuple[str, ...] = ()

    @property
    def is_complete(self) -> bool:
        """Whether every view of the scene has geometry."""
        return self.geometry is not None and not self.left_out

    def lines(self) -> list[str]:
        """For a person."""
        if self.geometry is None:
            return [f"{self.scene_id}: left out, {self.problem}"]
        how = "was there already" if self.geometry.cached else f"made, {self.geometry.reason}"
        left_out = [f"  {line}" for line in left_out_lines(self.scene_id, self.left_out)]
        return [
            f"{self.scene_id}: {len(self.geometry.entry)} frames, {how}",
            *left_out,
            *(f"  {note}" for note in self.notes),
        ]


def warm(source: Source, provider: GeometryProvider, *, progress: Progress = no_progress) -> Iterator[Warmed]:
    """Make the geometry of every scene that has none yet. A scene that cannot be used costs itself alone.

    Raises:
        SourceError: the input cannot be used at all.
    """
    for scene_id in source.scene_ids():
        try:
            scene = source.scene(scene_id)
            geometry = provider(scene, progress=progress)
        except (SceneError, GeometryError, WeightsError, CacheError) as error:
            yield Warmed(scene_id=scene_id, problem=str(error))
        else:
            left_out = scene.left_out | geometry.entry.left_out
            notes = (*scene.notes, *geometry.entry.report.get("warnings", ()))
            yield Warmed(scene_id=scene_id, geometry=geometry, left_out=left_out, notes=notes)
