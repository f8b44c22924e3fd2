"""What a run did, scene by scene: `report.json`, and the lines a person reads at the end."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from warpdata import __version__


@dataclass(kw_only=True)
class SceneReport:
    """One scene's outcome.

    Attributes:
        scene: its id.
        geometry: estimator that was used, and why.
        cached: whether its geometry was in the cache already.
        provenance: how the geometry was made (estimator, checkpoint and its licence, options).
        figures: the estimator's own figures.
        size: height and width of the triplets.
        made: triplets rendered in this run.
        kept: triplets found complete from an earlier run.
        left_out: view or pair -> why.
        hole_fraction: mean over the triplets made, None when none was.
        error: why the whole scene was left out, None when it was not.
    """

    scene: str
    geometry: str = ""
    cached: bool = False
    provenance: dict[str, Any] = field(default_factory=dict)
    figures: dict[str, Any] = field(default_factory=dict)
    size: tuple[int, int] | None = None
    made: int = 0
    kept: int = 0
    left_out: dict[str, str] = field(default_factory=dict)
    hole_fraction: float | None = None
    error: str | None = None


@dataclass(kw_only=True)
class Report:
    """A run's outcome.

    Attributes:
        options: all options of the run, as JSON.
        backend: render backend that ran, None when nothing was rendered.
        device: where it ran.
        scenes: in the order they were done.
        interrupted: whether the run was stopped before its end.
    """

    options: dict[str, Any]
    device: str
    backend: str | None = None
    scenes: list[SceneReport] = field(default_factory=list)
    interrupted: bool = False

    @property
    def made(self) -> int:
        return sum(scene.made for scene in self.scenes)

    @property
    def kept(self) -> int:
        return sum(scene.kept for scene in self.scenes)

    @property
    def complete(self) -> bool:
        """Whether every scene and every view was used."""
        return not self.interrupted and not any(scene.error or scene.left_out for scene in self.scenes)

    def as_json(self) -> dict[str, Any]:
        """All of it as JSON values."""
        return {"program": f"warpdata {__version__}", "made": self.made, "kept": self.kept, **asdict(self)}

    def lines(self) -> list[str]:
        """What a person wants to know: the totals, then each scene, view or pair that was left out, and why."""
        done = [scene for scene in self.scenes if not scene.error]
        kept = f", {self.kept} kept from before" if self.kept else ""
        lines = [f"{self.made} triplets made{kept}, from {len(done)} of {len(self.scenes)} scenes"]
        for scene in self.scenes:
            if scene.error:
                lines.append(f"  left out {scene.scene}: {scene.error}")
            lines += [f"  left out {scene.scene}/{name}: {reason}" for name, reason in sorted(scene.left_out.items())]
        return lines
