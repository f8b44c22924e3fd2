"""The table of estimators: what gives depth and cameras to a scene, by name.

A row stands in a module of its own that loads nothing heavy, since `--help` reads names and options from it; `build`
imports what it needs. Other packages add rows through the entry points `warpdata.estimators`, see `warpdata.plugins`.
Which row a scene gets is decided in `choose`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from warpdata.config import FilterOptions, GeometryOptions, SizeOptions
from warpdata.plugins import OwnOptions, Table

if TYPE_CHECKING:  # all of these load PyTorch
    import torch

    from warpdata.geometry.types import Estimator, WorkFolder
    from warpdata.sources.scene import Scene

AUTO = "auto"
"""Asks for the first row that suits the scene."""

AS_ITS_WEIGHTS = "as its weights"
"""The licence of an estimator whose weights bind what it makes."""


@dataclass(frozen=True, kw_only=True)
class EstimatorRequest:
    """What a run asks of whichever estimator it gets.

    Attributes:
        geometry: which estimator, and the options that several of them heed.
        size: networks see views cropped or padded as the output is.
        own: options of single estimators, each a value of its row's `options`.
    """

    geometry: GeometryOptions = field(default_factory=GeometryOptions)
    size: SizeOptions = field(default_factory=SizeOptions)
    own: OwnOptions = field(default_factory=OwnOptions)


@dataclass(frozen=True, kw_only=True)
class MemoryPlan:
    """How much memory an estimator takes.

    Attributes:
        about: what it depends on, in a sentence for people.
        peak_bytes: frames it sees together, (height, width) of its maps and the device -> bytes at the peak, on that
            device; None where nobody can say.
    """

    about: str
    peak_bytes: Callable[[int, tuple[int, int], torch.device], int] | None = None


def nothing_said(*_: Any) -> None:
    """No reason: for rows that are always available, refuse no scene, or take no part in `auto`."""


@dataclass(frozen=True, kw_only=True)
class EstimatorRow:
    """One estimator.

    Attributes:
        name: what `--geometry` calls it.
        about: what it does, in a line.
        build: makes it, for a device. It may keep unfinished work in the folder that the last argument, where there is
            one, gives for its provenance; asking for the folder begins the work. Loads nothing large before a scene
            is estimated. Raises WeightsError or GeometryError where it cannot be made.
        memory: what it takes.
        license: what binds those who use what it makes, besides the licence of the pictures; None is nothing. Where it
            is not `AS_ITS_WEIGHTS`, its provenance states it as `weights_license`, which goes into manifests.
        options: dataclass of its own options, from which flags are made.
        edge_threshold: what `--edge-threshold auto` stands for, as `benchmarks/flying_pixels.py` found; None where
            nothing flies.
        decodes_pictures: whether it decodes every picture itself and gives a failure for each that is broken or tiny.
            Otherwise all are decoded once beforehand, and it never sees those.
        unavailable: why it cannot run on this machine and what to do, or None.
        refuses: why it can do nothing for a scene and what to do, or None; said where it is insisted on.
        suits: why `auto` takes it for a scene, to follow "the scene ships no depth, and ...", or None. Rows are asked
            in the table's order; unavailable ones are not.
        last_resort: whether `auto` asks it after all others.
        way_out: what a user does so that `auto` takes it; said where nothing suits.
    """

    name: str
    about: str
    build: Callable[[EstimatorRequest, torch.device, WorkFolder | None], Estimator]
    memory: MemoryPlan
    license: str | None
    options: type | None = None
    edge_threshold: float | None = None
    decodes_pictures: bool = False
    unavailable: Callable[[], str | None] = nothing_said
    refuses: Callable[[Scene], str | None] = nothing_said
    suits: Callable[[Scene, EstimatorRequest], str | None] = nothing_said
    last_resort: bool = False
    way_out: str | None = None


ESTIMATORS: Table[EstimatorRow] = Table(
    "estimator",
    "warpdata.estimators",
    EstimatorRow,
    {
        "given": "warpdata.geometry.given_row:ROW",
        "vggt": "warpdata.geometry.network.row:VGGT",
        "vggt-omega": "warpdata.geometry.network.row:VGGT_OMEGA",
        "da3": "warpdata.geometry.external.rows:DA3",
        "map-anything": "warpdata.geometry.external.rows:MAP_ANYTHING",
        "moge": "warpdata.geometry.external.rows:MOGE",
        "external": "warpdata.geometry.external.rows:EXTERNAL",
        "sfm": "warpdata.geometry.sfm.row:ROW",
    },
)
"""Every estimator; `auto` asks them in this order, those of last resort in the end."""


def check_estimator_name(name: str) -> None:
    """Whether `--geometry` can be this.

    Raises:
        ValueError: it is the name of none.
    """
    if name != AUTO and name not in ESTIMATORS:
        raise ValueError(
            f'`geometry="{name}"`: there is no such estimator; choose from {", ".join((AUTO, *ESTIMATORS.names))}'
        )


def edge_threshold(filters: FilterOptions, estimator: str) -> float | None:
    """Up to which share of its mean depth may range around a pixel that becomes a point; None for any.

    Args:
        estimator: the name of the one that gave the depth; one that is not installed counts as exact.
    """
    if filters.edge_threshold == "auto":
        return ESTIMATORS[estimator].edge_threshold if estimator in ESTIMATORS else None
    return None if filters.edge_threshold == "off" else filters.edge_threshold
