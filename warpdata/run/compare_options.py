"""All options of a comparison of estimators, as one value."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

import tyro

from warpdata.config import FilterOptions, GeometryOptions, PairOptions, RenderOptions, SizeOptions, SourceOptions
from warpdata.plugins import OwnOptions
from warpdata.run.options import MaterializeOptions
from warpdata.run.splat_options import SceneSource


@dataclass(frozen=True, kw_only=True)
class CompareOptions:
    """See one scene by several estimators: time, memory, agreement of the views, and what triplets become of it."""

    scene: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="SCENE")]
    """Folder, tar or zip of one scene. --geometry names the estimators, with commas between them."""
    output_path: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="OUT.html")] = Path("comparison.html")
    """Gets the page; the figures alone go beside it, with the suffix .json."""
    source: SceneSource = field(default_factory=SceneSource)
    size: SizeOptions = field(default_factory=SizeOptions)
    geometry: GeometryOptions = field(default_factory=GeometryOptions)
    filters: FilterOptions = field(default_factory=FilterOptions)
    render: RenderOptions = field(default_factory=RenderOptions)
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where to render and to run networks; auto takes CUDA where there is a GPU."""
    backend: str = "auto"
    """Which renderer: torch (the definition, anywhere), numba (CPU) or warp (CUDA); auto takes the fastest one."""
    overwrite: bool = False
    """Replace a page that is there."""
    quiet: bool = False
    """Show no progress."""
    own: OwnOptions = field(default_factory=OwnOptions)
    """Options of single sources and estimators."""

    def __post_init__(self) -> None:
        if self.output_path.suffix.lower() not in (".html", ".htm"):
            raise ValueError(f"{self.output_path} is not the name of a page; give one that ends in .html")

    @property
    def run(self) -> MaterializeOptions:
        """The options of the run that makes triplets of the same scene, of consecutive views."""
        return MaterializeOptions(
            source=SourceOptions(**{**vars(self.source), "input_dir": self.scene}),
            size=self.size,
            geometry=self.geometry,
            filters=self.filters,
            pairs=PairOptions(pairs="next"),
            render=self.render,
            device=self.device,
            backend=self.backend,
            own=self.own,
        )
