"""What a run did, scene by scene: `report.json`, and the lines a person reads at the end."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import asdict, dataclass, field
from textwrap import shorten
from typing import Any

from warpdata import __version__
from warpdata.cache.provider import KnownGeometry
from warpdata.errors import group_reasons, left_out_lines
from warpdata.formats.marks import MARKS

REPORT_PAGE = "report.html"
"""The report as a page to look at, beside `report.json`."""

ERROR_CHARACTERS = 120
"""Of a scene's error, so many are shown while the run goes on."""


@dataclass(kw_only=True)
class SceneReport:
    """One scene's outcome.

    Attributes:
        scene: its id.
        source: which format it was read as.
        geometry: which estimator gave its depth and cameras, and why that one.
        provenance: how they were made: estimator, checkpoint and its licence, options.
        figures: the estimator's own figures.
        hw: height and width of the triplets.
        scores: of every triplet, in order.
        made: how many triplets this run rendered; the others were complete from an earlier one.
        cached: whether the geometry was in the cache already.
        not_kept: triplet -> the parts of `keep` that its scores do not meet.
        rejected: triplets that a person has rejected, by name.
        left_out: file, view or pair -> why.
        error: why the whole scene was left out, None when it was not.
        notes: files of it that were not used though nothing is left out, and what to do.
    """

    scene: str
    source: str | None = None
    geometry: str = ""
    provenance: dict[str, Any] = field(default_factory=dict)
    figures: dict[str, Any] = field(default_factory=dict)
    hw: tuple[int, int] | None = None
    scores: list[dict[str, float]] = field(default_factory=list)
    made: int = 0
    cached: bool = False
    not_kept: dict[str, tuple[str, ...]] = field(default_factory=dict)
    rejected: list[str] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)
    error: str | None = None
    notes: list[str] = field(default_factory=list)

    def take_geometry(self, geometry: KnownGeometry) -> None:
        """Note where depth and cameras come from."""
        self.geometry = geometry.reason
        self.cached = geometry.cached
        self.provenance = asdict(geometry.entry.provenance)
        self.figures = geometry.entry.report
        self.left_out.update(geometry.entry.left_out)

    def keep(self, scores: dict[str, float]) -> None:
        """Note a triplet that is complete from an earlier run."""
        self.scores.append(scores)

    def make(self, scores: dict[str, float]) -> None:
        """Note a triplet that was rendered now."""
        self.scores.append(scores)
        self.made += 1

    def drop(self, sample_id: str, failing: tuple[str, ...]) -> None:
        """Note a triplet that is not kept for its scores."""
        self.not_kept[sample_id.partition("/")[2]] = failing

    def reject(self, sample_id: str) -> None:
        """Note a triplet that a person has rejected."""
        self.rejected.append(sample_id.partition("/")[2])

    def mean(self, score: str) -> float | None:
        """Mean of a score over the scene's triplets, None without any. Their order does not matter."""
        values = sorted(scores[score] for scores in self.scores)
        return round(math.fsum(values) / len(values), 4) + 0.0 if values else None

    def line(self) -> str:
        """What came of the scene, for a person who waits; `Report.lines` say of an error all there is."""
        if self.error:
            return f"{self.scene}: left out, {shorten(self.error, ERROR_CHARACTERS, placeholder=' ...')}"
        kept = len(self.scores) - self.made
        parts = [f"{self.made} triplets" + (f" and {kept} from before" if kept else "")]
        if self.hw:
            parts.append(f"{self.hw[1]} x {self.hw[0]}")
        if self.scores:
            parts.append(f"{self.mean('hole_fraction'):.0%} holes, {self.mean('psnr'):.1f} dB where seen")
        if self.not_kept:
            parts.append(f"{len(self.not_kept)} not kept")
        if self.rejected:
            parts.append(f"{len(self.rejected)} rejected by hand")
        if self.left_out:
            parts.append(f"{len(self.left_out)} left out")
        origin = [f"read as {self.source}"] if self.source else []
        origin += [self.geometry] + (["from the cache"] if self.cached else [])
        return f"{self.scene}: {', '.join(parts)} ({', '.join(origin)})"

    def left_out_lines(self) -> list[str]:
        """Which files, views or pairs were left out, for a person; what the scene's own error says is not repeated."""
        said = self.error or ""
        unsaid = [group for group in group_reasons(self.left_out) if f": {group.reason}" not in said]
        return left_out_lines(self.scene, {name: self.left_out[name] for group in unsaid for name in group.names})

    def as_json(self) -> dict[str, Any]:
        """The outcome as JSON: the same however often the run was interrupted and taken up again."""
        return {
            "scene": self.scene,
            "source": self.source,
            "geometry": self.geometry,
            "provenance": self.provenance,
            "figures": self.figures,
            "hw": self.hw,
            "triplets": len(self.scores),
            "hole_fraction": self.mean("hole_fraction"),
            "psnr": self.mean("psnr"),
            "exposure_gap": self.mean("exposure_gap"),
            "not_kept": self.not_kept,
            "rejected": self.rejected,
            "left_out": self.left_out,
            "error": self.error,
            "notes": self.notes,
        }


@dataclass(kw_only=True)
class Report:
    """A run's outcome.

    Attributes:
        options: all options of the run, as JSON.
        device: where it rendered.
        backend: render backend that ran, None when nothing was rendered.
        scenes: in the order they were done.
        commands: how to use what was written.
        seconds: stage -> how long it took, of this run alone.
    """

    options: dict[str, Any]
    device: str
    backend: str | None = None
    scenes: list[SceneReport] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def not_kept(self) -> dict[str, int]:
        """Each part of `keep` -> how many triplets do not meet it; one triplet may fail several."""
        return dict(Counter(part for scene in self.scenes for failing in scene.not_kept.values() for part in failing))

    @property
    def complete(self) -> bool:
        """Whether every scene, view and pair was used."""
        return not any(scene.error or scene.left_out for scene in self.scenes)

    def as_json(self) -> dict[str, Any]:
        """The outcome as JSON values: the same however often the run was interrupted, and so without `seconds`."""
        return {
            "program": f"warpdata {__version__}",
            "options": self.options,
            "device": self.device,
            "backend": self.backend,
            "triplets": sum(len(scene.scores) for scene in self.scenes),
            "not_kept": self.not_kept,
            "rejected": sum(len(scene.rejected) for scene in self.scenes),
            "scenes": [scene.as_json() for scene in self.scenes],
        }

    def lines(self) -> list[str]:
        """For a person: the scenes, views and pairs that were left out, and why; how to use the output; the total.

        Equal reasons are said once and long lists of names cut; `as_json` has all of them.
        """
        lines = []
        for group in group_reasons({scene.scene: scene.error for scene in self.scenes if scene.error}):
            subject = group.listed if len(group.names) == 1 else f"{len(group.names)} scenes ({group.listed})"
            lines.append(f"left out {subject}: {group.reason}")
        for scene in self.scenes:
            lines += scene.left_out_lines()
            lines += [f"{scene.scene}: {note}" for note in (*scene.notes, *scene.figures.get("warnings", ()))]
        if dropped := sum(len(scene.not_kept) for scene in self.scenes):
            parts = ", ".join(f"{count} fail {part}" for part, count in self.not_kept.items())
            lines.append(f"{dropped} triplets are not kept for their scores: {parts}")
        if rejected := sum(len(scene.rejected) for scene in self.scenes):
            lines.append(f"{rejected} triplets are rejected in {MARKS} and left out; `ignore_marks=True` makes them")
        made, total = sum(scene.made for scene in self.scenes), sum(len(scene.scores) for scene in self.scenes)
        kept = f" and {total - made} kept from before" if total > made else ""
        used = sum(not scene.error for scene in self.scenes)
        return [*lines, *self.commands, f"{made} triplets made{kept}, from {used} of {len(self.scenes)} scenes"]
