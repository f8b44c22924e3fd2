"""What is written."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class OutputOptions:
    """What is written."""

    output_dir: Path = Path("output")
    """Folder for the triplets."""
    output_format: Literal["jpg", "jpeg", "png"] = "jpg"
    """Format of splat, reference and target: jpg (quality 95, 4:4:4) or png. Masks are always PNG."""
    confidence: bool = True
    """Write the reference's confidence as PNG, on the fixed scale 255 (1 - 1/c); 0 where there is no depth."""
    coverage: bool = True
    """Write the splat's coverage as PNG: 255 where a point or surface is seen, fading to 0 in holes."""
    save_ply: bool = False
    """Write the reference's points, those the renderer uses, as a binary PLY file."""
    export_scenes: tuple[str, ...] = ()
    """Also write the scenes themselves, pictures, cameras and depth, in these formats, below `scenes/`."""
    write_threads: int = 0
    """Threads that compress pictures (0: one a core)."""
    report_page: bool = True
    """Write report.html beside report.json: what was made and what was left out, with figures and pictures."""
    overwrite: bool = False
    """Replace an output folder that was made with other options or inputs."""

    def __post_init__(self) -> None:
        if self.write_threads < 0:
            raise ValueError(f"`write_threads` is {self.write_threads}; use 0 for one a core, or a positive number")
