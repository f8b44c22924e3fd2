"""One scene through several estimators: what each takes, and what its triplets are worth."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from statistics import mean
from typing import Any

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from warpdata.cache.provider import UNUSABLE_SCENE, GeometryProvider
from warpdata.config import GeometryOptions
from warpdata.display import Display
from warpdata.errors import BackendError
from warpdata.run.compare_options import CompareOptions
from warpdata.run.one_scene import open_one_scene
from warpdata.sources.scene import Scene
from warpdata.triplets.frames import FrameCache
from warpdata.triplets.render import render_triplets
from warpdata.triplets.scene_pairs import ScenePairs, open_pairs

PAIRS_MEASURED = 30
"""Of a scene's consecutive views, so many pairs are rendered for the figures, spread evenly."""

FRAMES_KEPT = 4


@dataclass(frozen=True, kw_only=True)
class Shown:
    """One pair by one estimator.

    Attributes:
        reference_name, target_name: its views.
        depth: (h, w), of the reference.
        splat, reference, target: (3, H, W).
        scores: of the triplet.
    """

    reference_name: str
    target_name: str
    depth: Float[Tensor, "h w"]
    splat: UInt8[Tensor, "3 H W"]
    reference: UInt8[Tensor, "3 H W"]
    target: UInt8[Tensor, "3 H W"]
    scores: Mapping[str, float]


@dataclass(frozen=True, kw_only=True)
class Compared:
    """One estimator on the scene.

    Attributes:
        name: as it was asked for.
        error: why it gave nothing, or None.
        reason: which estimator that was, with weights and licence.
        seconds: how long it took; None where its geometry was in the cache already.
        peak_bytes: the most memory of this process meanwhile; None where it is not known.
        frames, of_frames: views with geometry, and of how many.
        figures: `agreeing` (share of pixels whose depth neighbours confirm) and means over the pairs.
        shown: a few pairs.
    """

    name: str
    error: str | None = None
    reason: str = ""
    seconds: float | None = None
    peak_bytes: int | None = None
    frames: int = 0
    of_frames: int = 0
    figures: dict[str, float] = field(default_factory=dict)
    shown: tuple[Shown, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Without the pictures."""
        return {
            "geometry": self.name,
            "error": self.error,
            "reason": self.reason,
            "seconds": self.seconds,
            "peak_bytes": self.peak_bytes,
            "frames": self.frames,
            "of_frames": self.of_frames,
            "figures": self.figures,
        }


FIGURES = ("psnr", "hole_fraction", "covered", "flying_fraction")
"""What is averaged over the pairs: scores, and `covered`, the share of the target that is seen or lies beside it."""

COVERED = 252
"""Coverage of a pixel at most two pixels from one on which a point is seen, with the default fade."""


def compare(options: CompareOptions, display: Display, pairs_shown: int = 2) -> Iterator[Compared]:
    """Each estimator of `options.geometry` in turn; one that fails is told with its reason, and the next goes on.

    Raises:
        SourceError, SceneError: the scene cannot be used.
    """
    scene = open_one_scene(options.run)
    display.start(len(options.geometry.names))
    for geometry in options.geometry.preferences:
        try:
            yield _compared(scene, geometry, options, display, pairs_shown)
        except (*UNUSABLE_SCENE, BackendError) as error:
            yield Compared(name=geometry.geometry, error=str(error), of_frames=len(scene.views))
        display.scene_done()


def _compared(
    scene: Scene, geometry: GeometryOptions, options: CompareOptions, display: Display, pairs_shown: int
) -> Compared:
    run = options.run
    provider = GeometryProvider(geometry, options.size, options.filters, run.torch_device, options.own)
    forgotten = forget_peak_memory()
    begin = time.perf_counter()
    known = provider(scene, progress=display.stage)
    seconds = time.perf_counter() - begin
    peak = peak_memory() if forgotten else None
    entry = known.entry
    pairs = open_pairs(scene, entry, size=options.size, filters=options.filters.beside(options.render), pairs=run.pairs)
    scores, shown = _measured(pairs, options, pairs_shown)
    figures = {name: mean(one[name] for one in scores) for name in FIGURES if scores and name in scores[0]}
    if "agreeing" in (consistency := entry.report.get("consistency", {})):
        figures["agreeing"] = consistency["agreeing"]
    return Compared(
        name=geometry.geometry,
        reason=known.reason,
        seconds=None if known.cached else seconds,
        peak_bytes=None if known.cached else peak,
        frames=len(entry),
        of_frames=len(scene.views),
        figures=figures,
        shown=shown,
    )


def _measured(
    pairs: ScenePairs, options: CompareOptions, pairs_shown: int
) -> tuple[list[Mapping[str, float]], tuple[Shown, ...]]:
    """The scores of the pairs, and the first of each part of the scene as pictures."""
    count = len(pairs.pairs)
    chosen = sorted(
        {round(k * (count - 1) / max(PAIRS_MEASURED - 1, 1)) for k in range(PAIRS_MEASURED)} if count else ()
    )
    pictured = {chosen[k * len(chosen) // pairs_shown] for k in range(pairs_shown)} if chosen else set()
    frames, scores, shown = FrameCache(FRAMES_KEPT), [], []
    device = options.run.torch_device
    for number in chosen:
        pair = pairs.pairs[number]
        inputs = pairs.inputs(pair, frames)
        triplet = render_triplets(inputs.to(device), options.run.effective_render, backend=options.backend)
        triplet = triplet.to(torch.device("cpu"))
        covered = (triplet.coverage >= COVERED).float().mean().item()
        one = {**{name: float(value) for name, value in triplet.scores.items()}, "covered": covered}
        scores.append(one)
        if number in pictured:
            shown.append(
                Shown(
                    reference_name=inputs.reference_name,
                    target_name=inputs.target_name,
                    depth=inputs.depth,
                    splat=triplet.splat,
                    reference=triplet.reference,
                    target=triplet.target,
                    scores=one,
                )
            )
    return scores, tuple(shown)


def forget_peak_memory() -> bool:
    """Let the most memory this process has held count from now on; whether the system can do so."""
    try:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    except OSError:
        return False
    return True


def peak_memory() -> int:
    """The most memory this process has held, in bytes; on Linux."""
    lines = Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
