"""Options of tiles as scenes. Light to import: command lines read them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Device = Literal["cpu", "cuda"]
Rig = Literal["nadir", "oblique", "flight", "random"]


@dataclass(frozen=True, kw_only=True)
class GroundOptions:
    """How a tile becomes a surface."""

    exaggeration: float = 1.0
    """Heights are multiplied by this number; with another than 1 the scene is no longer metric."""
    earth_curvature: bool = False
    """Let the ground fall away from the tile's centre as the earth does, 5 m at 8 km."""
    dem_colour: Literal["reflectance", "png"] = "reflectance"
    """Colours from the tile's image by reflectance, alike for all tiles, or from its stretched PNG if it has one."""

    def __post_init__(self) -> None:
        if not 0 < self.exaggeration < 1000:
            raise ValueError(f"`exaggeration` is {self.exaggeration:g}; it must be above 0, below 1000")


@dataclass(frozen=True, kw_only=True)
class RigOptions:
    """Which cameras see a tile."""

    rig: Rig = "oblique"
    """oblique: a ring around the tile's middle, looking down at 35 to 65 degrees; nadir: a grid, looking straight down;
    flight: lines at one height with 70 % forward overlap; random: drawn heights, tilts and directions."""
    views: int = 12
    """Views of a tile; those that see too little of it are given up."""
    view_size: tuple[int, int] | None = None
    """Width and height of a view. None: from the image's resolution, so that none of it is wasted or stretched."""
    fov: float = 54.0
    """Horizontal field of view, in degrees."""
    rig_seed: int = 0
    """Of what is drawn, together with the tile's name."""
    rig_every_epoch: bool = False
    """In training, place the rig anew every epoch after the first: turned about the tile's middle, and what it draws
    drawn afresh, by (seed, epoch, view)."""

    def __post_init__(self) -> None:
        if self.rig_seed < 0:
            raise ValueError(f"`rig_seed` is {self.rig_seed}; it must be at least 0")
        if self.views < 2:
            raise ValueError(f"`views` is {self.views}; a pair needs two")
        if not 5 <= self.fov <= 120:
            raise ValueError(f"`fov` is {self.fov:g}; it must lie between 5 and 120 degrees")
        if self.view_size is not None and not 16 <= min(self.view_size) <= max(self.view_size) <= 8192:
            raise ValueError(f"`view_size` is {self.view_size[0]} {self.view_size[1]}; sides of 16 to 8192 are allowed")


@dataclass(frozen=True, kw_only=True)
class DemOptions:
    """Tiles of heights with satellite images as scenes."""

    rig: RigOptions = field(default_factory=RigOptions)
    ground: GroundOptions = field(default_factory=GroundOptions)
    dem_device: Device = "cpu"
    """Where views are rendered; the same on both. A loader process that was forked cannot use cuda."""
