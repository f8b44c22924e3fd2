"""The rows of the estimators `vggt` and `vggt-omega`."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from warpdata.geometry.estimators import AS_ITS_WEIGHTS, EstimatorRequest, EstimatorRow, MemoryPlan

if TYPE_CHECKING:
    import torch

    from warpdata.geometry.network.network import PreprocessMode
    from warpdata.geometry.network.weights import NetworkName, ResolvedWeights
    from warpdata.geometry.types import Estimator, Provenance, WorkFolder
    from warpdata.sources.scene import Scene

VERSION = 1
"""Raised whenever results change."""


def build(
    network: NetworkName, request: EstimatorRequest, device: torch.device, work_dir: WorkFolder | None
) -> Estimator:
    """The estimator with the weights asked for; they are loaded with the first scene, once a run.

    Raises:
        WeightsError: they cannot be had, or are another network's.
    """
    from warpdata.geometry.network.estimator import NetworkEstimator
    from warpdata.geometry.network.network import shared_network

    options = request.geometry
    weights = resolved(options.weights, network)
    # VGGT-Omega's input is made of a picture of any shape in one way.
    mode = request.size.preprocess_mode if network == "vggt" else "balanced"
    return NetworkEstimator(
        lambda: shared_network(weights, mode, device, compiled=options.compile_network),
        provenance=provenance_of(weights, mode),
        window_frames=options.window_frames,
        window_overlap=options.window_overlap,
        poses=options.poses,
    )


def provenance_of(weights: ResolvedWeights, preprocess_mode: PreprocessMode) -> Provenance:
    """How results of these weights are made, besides the windows they are seen in."""
    from warpdata.geometry.types import Provenance

    return Provenance(
        estimator=weights.network,
        version=VERSION,
        weights=weights.id + (f"@{weights.revision}" if weights.revision else ""),
        weights_sha256=weights.sha256,
        weights_license=weights.license,
        options={"preprocess_mode": preprocess_mode},
    )


def suits(network: NetworkName, scene: Scene, request: EstimatorRequest) -> str | None:
    """Where the weights that were given are this network's, or else its published ones are on this machine.

    Raises:
        WeightsError: weights were given and cannot be had.
    """
    from warpdata.geometry.network.weights import weights_at_hand

    if request.geometry.weights is None:
        return "these weights are on this machine" if weights_at_hand(network) else None
    return "`weights` are given" if resolved(request.geometry.weights, None).network == network else None


@functools.lru_cache(maxsize=4)
def resolved(spec: str | None, network: NetworkName | None) -> ResolvedWeights:
    """`resolve_weights`, once a run: asking the hub and reading a checkpoint's names for every scene would add up."""
    from warpdata.geometry.network.weights import resolve_weights

    return resolve_weights(spec, network)


def _peak_bytes(network: NetworkName, frames: int, hw: tuple[int, int], device: torch.device) -> int:
    from warpdata.geometry.network.network import peak_bytes

    return peak_bytes(network, frames, hw, device)


def _row(network: NetworkName, about: str, way_out: str) -> EstimatorRow:
    return EstimatorRow(
        name=network,
        about=about,
        build=functools.partial(build, network),
        memory=MemoryPlan(
            about="The weights, and activations of `window_frames` frames at a time; a window that does not fit is "
            "refused before it runs.",
            peak_bytes=functools.partial(_peak_bytes, network),
        ),
        license=AS_ITS_WEIGHTS,
        edge_threshold=0.15,
        decodes_pictures=True,
        suits=functools.partial(suits, network),
        way_out=way_out,
    )


VGGT = _row(
    "vggt",
    "depth and cameras by the network VGGT",
    'give `weights`, or `geometry="vggt"` to download facebook/VGGT-1B (5 GB)',
)
VGGT_OMEGA = _row(
    "vggt-omega",
    "depth and cameras by the network VGGT-Omega",
    '`geometry="vggt-omega"` to download facebook/VGGT-Omega, to which its authors grant access',
)
