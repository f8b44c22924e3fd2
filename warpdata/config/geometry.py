"""Where depth and cameras come from, and where they are kept."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class GeometryOptions:
    """Where depth and cameras come from, and where they are kept."""

    geometry: str = "auto"
    """auto takes what the scene ships, else a network whose weights are at hand, else structure from motion; the name
    of an estimator (given, vggt, vggt-omega, da3, map-anything, moge, external, sfm, or one of another package) insists
    on it. Several names with commas between them are tried in this order until one gives the scene geometry."""
    weights: str | None = None
    """Network weights: a .safetensors or .pt file, or a Hugging Face repository, `owner/name[/file][@revision]`. By
    default those of the estimator that are on this machine, else facebook/VGGT-1B or facebook/VGGT-Omega, which only
    --geometry vggt and vggt-omega download."""
    poses: Literal["estimated", "given"] = "estimated"
    """given keeps the cameras the scene ships and estimates depth alone."""
    window_frames: int = 100
    """Frames the network sees at a time; longer scenes are joined from windows. Fewer need less memory."""
    window_overlap: int = 25
    """Frames that consecutive windows share, by which they are joined."""
    compile_network: bool = False
    """Compile the network for the GPU: half a minute once a run, then a quarter less time a scene. Needs Triton, which
    PyTorch for CUDA brings along on Linux; on a CPU it changes nothing."""
    cache_dir: Path | None = None
    """Where geometry is kept between runs. By default the environment variable WARPDATA_CACHE, or else the folder
    `warpdata` among the user's caches."""

    @property
    def preferences(self) -> tuple[GeometryOptions, ...]:
        """The same options with each of the names of `geometry` alone."""
        return tuple(replace(self, geometry=name) for name in self.names)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of `geometry`, in the order in which they are tried."""
        return tuple(name.strip() for name in self.geometry.split(","))

    def __post_init__(self) -> None:
        if len(set(self.names)) < len(self.names):
            raise ValueError(f'`geometry="{self.geometry}"` names an estimator twice')
        if not 1 <= self.window_overlap < self.window_frames:
            raise ValueError(
                f"`window_overlap` is {self.window_overlap} and `window_frames` {self.window_frames}; windows must "
                "share at least 1 frame and fewer than they have"
            )
