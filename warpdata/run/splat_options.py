"""All options of a run that renders a camera path, as one value."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

import tyro

from warpdata.config import FilterOptions, GeometryOptions, RenderOptions, SizeOptions, SourceOptions
from warpdata.plugins import OwnOptions
from warpdata.run.options import MaterializeOptions

VIDEO_SUFFIXES = (".mp4", ".mkv")
"""Of outputs that are videos: H.264, and FFV1 without loss."""

OTHER_VIDEO_SUFFIXES = (".avi", ".gif", ".mov", ".webm", ".m4v", ".mpg", ".mpeg")

DEFAULT_PATH, DEFAULT_FRAMES = "orbit", 48

MAX_FRAMES = 100_000


@dataclass(frozen=True, kw_only=True)
class SceneSource(SourceOptions):
    """Which views of the scene its geometry and picture size come from."""

    input_dir: Annotated[Path, tyro.conf.Suppress] = Path("input")
    """The scene's folder; SCENE says it."""


@dataclass(frozen=True, kw_only=True)
class SplatOptions:
    """Render the splats of a camera path around a view of a scene: what a model is given at inference."""

    scene: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="SCENE")]
    """Folder, tar or zip of one scene."""
    output_path: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="OUT.mp4|OUT/")]
    """A video (.mp4, or .mkv without loss), or a folder of PNG frames, coverage masks and cameras.json."""
    reference: str | None = None
    """Name of the view whose points are seen, by default the first."""
    path: str | None = None
    """orbit (the default), dolly, pan or spiral around the reference, or a JSON file of cameras, in the style of
    transforms.json, through which a smooth path is laid."""
    cameras: Path | None = None
    """Render exactly the cameras of this JSON file, in the style of transforms.json: poses in the frame of the scene's
    cameras; frames without a focal length take the reference's intrinsics. In place of --path."""
    frames: int | None = None
    """Frames of the path (48)."""
    amount: float = 1.0
    """How far the path goes: 2 is twice as far, -1 the other way. At 1, orbit goes 15 degrees to each side, dolly a
    quarter of the scene's depth ahead, pan turns 12 degrees to each side, spiral has a radius of a tenth of the
    depth; the depth is the median of the reference's points."""
    video_fps: float = 24.0
    """Frames a second of a video."""
    source: SceneSource = field(default_factory=SceneSource)
    size: SizeOptions = field(default_factory=SizeOptions)
    geometry: GeometryOptions = field(default_factory=GeometryOptions)
    filters: FilterOptions = field(default_factory=FilterOptions)
    render: RenderOptions = field(default_factory=RenderOptions)
    auto_s0: bool = True
    """Estimate s0 for the reference, in place of --s0."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where to render and to run networks; auto takes CUDA where there is a GPU."""
    backend: str = "auto"
    """Which renderer: torch (the definition, anywhere), numba (CPU) or warp (CUDA); auto takes the fastest one."""
    overwrite: bool = False
    """Replace a video, or a folder of frames made with other options."""
    dry_run: bool = False
    """Say what would be made, and write nothing."""
    quiet: bool = False
    """Show no progress."""
    own: OwnOptions = field(default_factory=OwnOptions)
    """Options of single sources and estimators."""

    def __post_init__(self) -> None:
        if not math.isfinite(self.amount):
            raise ValueError(f"`amount` is {self.amount}; it must be a finite number")
        if not 0 < self.video_fps <= 1000:
            raise ValueError(f"`video_fps` is {self.video_fps}; it must be above 0 and at most 1000")
        if self.frames is not None and not 1 <= self.frames <= MAX_FRAMES:
            raise ValueError(f"`frames` is {self.frames}; it must be 1 to {MAX_FRAMES:,}")
        if self.cameras is not None:
            given = [f"`{name}`" for name in ("path", "frames") if getattr(self, name) is not None]
            if given:
                raise ValueError(f"`cameras` says which frames there are, and so do {' and '.join(given)}; give one")
        if self.output_path.suffix.lower() in OTHER_VIDEO_SUFFIXES:
            raise ValueError(
                f"{self.output_path} cannot be written: videos are written as {' or '.join(VIDEO_SUFFIXES)}; "
                "other names are those of folders"
            )

    @property
    def is_video(self) -> bool:
        """Whether the output is a video, else a folder."""
        return self.output_path.suffix.lower() in VIDEO_SUFFIXES

    @property
    def run(self) -> MaterializeOptions:
        """The options of the run that makes triplets of the same scene, by which the same splats are made."""
        return MaterializeOptions(
            source=SourceOptions(**{**vars(self.source), "input_dir": self.scene}),
            size=self.size,
            geometry=self.geometry,
            filters=self.filters,
            render=self.render,
            auto_s0=self.auto_s0,
            device=self.device,
            backend=self.backend,
            own=self.own,
        )
