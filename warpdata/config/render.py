"""How points become a picture."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Annotated, Literal

import tyro

SEED_S0 = 0.005
"""The fixed neighbourhood size of earlier data sets, in scene units; what `--no-auto-s0` falls back to."""


@dataclass(frozen=True, kw_only=True)
class RenderOptions:
    """How points become a picture: the parameters of the warp."""

    sigma: float = 20.0
    """Reach of the fade into holes, in pixels of the size that is rendered: the picture is multiplied by
    exp(-(distance / sigma)^2), where distance is to the nearest visible point."""
    confidence_threshold: Annotated[float, tyro.conf.arg(name="depth-conf-threshold")] = 1.01
    """Drop points with confidence below this; a higher threshold drops more. All estimators of warpdata give 1 to
    what they cannot vouch for and more to the rest."""
    s0: float | Literal["auto"] = "auto"
    """Neighbourhood of version 1's hidden-point test, in scene units; auto takes the reference's median pixel
    footprint."""
    occlusion_threshold: float = 0.1
    """A point is hidden when the mean openness of the space before it is below this, 0 to 2; higher hides
    more. Version 1 alone."""
    near: float | Literal["auto"] = "auto"
    """Points nearer to the target camera are dropped, in scene units; auto takes a hundredth or so of the depth at
    which the reference begins, whatever its unit."""
    far: float | Literal["auto"] = "auto"
    """Points farther from the target camera are dropped, in scene units; auto takes some 260,000 times the reference's
    median depth."""
    background: tuple[int, int, int] = (0, 0, 0)
    """Colour (R, G, B) of holes beyond the fade."""
    compat: bool = False
    """Keep the earlier program's half-pixel shift, pixel rule and byte truncation, to continue a data set of it."""
    version: Annotated[Literal[1, 2], tyro.conf.arg(name="warp-version")] = 2
    """How hidden points are found: 2 by the surfaces that neighbouring pixels span; 1 by the openness of the space
    before them, to continue data sets begun with it. Always 1 under `compat`."""

    def __post_init__(self) -> None:
        if self.version not in (1, 2):
            raise ValueError(f"`version` is {self.version}; the warp has versions 1 and 2")
        if self.compat:
            object.__setattr__(self, "version", 1)
        for part in fields(self):
            if isinstance(value := getattr(self, part.name), float) and not math.isfinite(value):
                raise ValueError(f"`{part.name}` is {value}; it must be a finite number")
        if not self.sigma >= 0:
            raise ValueError(f"`sigma` is {self.sigma}; it must be 0 or more, in pixels")
        if self.s0 != "auto" and not self.s0 > 0:
            raise ValueError(f"`s0` is {self.s0}; it must be auto or a positive number of scene units")
        for name, bound in (("near", self.near), ("far", self.far)):
            if bound != "auto" and not bound > 0:
                raise ValueError(f"`{name}` is {bound}; it must be auto or a positive number of scene units")
        if "auto" not in (self.near, self.far) and not self.near < self.far:
            raise ValueError(f"`near` {self.near} and `far` {self.far} must satisfy near < far")
        if any(not 0 <= channel <= 255 for channel in self.background):
            raise ValueError(f"`background` is {self.background}; each channel must lie between 0 and 255")
