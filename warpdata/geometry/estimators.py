"""Which estimator a scene gets, and why."""

from __future__ import annotations

import functools
import importlib.util
from collections.abc import Callable
from pathlib import Path

import torch

from warpdata.config import FilterOptions, GeometryOptions, SizeOptions, default_cache_dir
from warpdata.errors import GeometryError
from warpdata.geometry.filters.sky import SKY_FOLDER, SkyFiltered, SkyModel, resolve_sky_model
from warpdata.geometry.given import GivenEstimator
from warpdata.geometry.network.estimator import NetworkEstimator
from warpdata.geometry.network.network import shared_network
from warpdata.geometry.network.weights import (
    NetworkName,
    ResolvedWeights,
    default_repo,
    resolve_weights,
    weights_at_hand,
)
from warpdata.geometry.types import Estimator, Provenance
from warpdata.sources.scene import Scene, View

WorkFolder = Callable[[Provenance], Path]
"""Where an estimator may keep what it has found so far of a scene, so that a killed run goes on there."""

NAMES_SHOWN = 3


def choose_estimator(
    scene: Scene,
    options: GeometryOptions,
    size: SizeOptions,
    filters: FilterOptions,
    *,
    device: torch.device,
    work_folder: WorkFolder | None = None,
) -> tuple[Estimator, str]:
    """The estimator for a scene, and which and why that one, for people.

    `auto` takes, in this order: what the scene ships, if that is camera and depth of every view; the network of
    `--weights`; a network whose published weights are on this machine; structure from motion, if pycolmap is installed.
    It downloads nothing that was not asked for by `--weights`. Networks are loaded when first needed, once a run.

    Args:
        work_folder: where structure from motion keeps its intermediate results, the scene's alone; None keeps none.

    Raises:
        GeometryError: the scene lacks what was insisted on, or nothing can give it geometry.
        WeightsError: the weights asked for cannot be had.
        BackendError: --filter-sky without onnxruntime.
    """
    if options.poses == "given" and not any(view.camera is not None for view in scene.views):
        raise GeometryError(f"--poses given: scene {scene.id} ships no camera; use --poses estimated")
    estimator, reason = _choose(scene, options, size, device, work_folder)
    if filters.filter_sky:
        folder = (options.cache_dir or default_cache_dir()) / SKY_FOLDER
        estimator = SkyFiltered(estimator, _sky_model(filters.sky_model), folder)
    return estimator, reason


def _choose(
    scene: Scene, options: GeometryOptions, size: SizeOptions, device: torch.device, work_folder: WorkFolder | None
) -> tuple[Estimator, str]:
    if options.geometry == "given":
        if not any(view.camera is not None and view.depth is not None for view in scene.views):
            raise GeometryError(
                f"--geometry given: scene {scene.id} ships {_missing(scene)}; add both to its transforms.json, or use "
                "--geometry auto"
            )
        return GivenEstimator(), "given, as asked for"
    if options.geometry == "sfm":
        if not _has_pycolmap():
            raise GeometryError(
                "--geometry sfm needs pycolmap, which is not installed; install it with `pip install 'warpdata[sfm]'`"
            )
        return _sfm(options, device, work_folder), "sfm, as asked for"
    if options.geometry in ("vggt", "vggt-omega"):
        return _network(_weights(options.weights, options.geometry), "as asked for", options, size, device)
    if scene.ships_geometry:
        return GivenEstimator(), "given: the scene ships camera and depth of every view"
    if options.weights is not None:
        why = f"the scene ships {_missing(scene)}, and --weights are given"
        return _network(_weights(options.weights, None), why, options, size, device)
    if spec := weights_at_hand():
        why = f"the scene ships {_missing(scene)}, and these weights are on this machine"
        return _network(_weights(spec, None), why, options, size, device)
    if _has_pycolmap():
        why = f"the scene ships {_missing(scene)}, and no network weights are at hand"
        return _sfm(options, device, work_folder), f"sfm: {why}"
    raise GeometryError(
        f"nothing can give scene {scene.id} geometry: it ships {_missing(scene)}, no network weights are on this "
        "machine, and pycolmap is not installed. Three ways out: add a transforms.json with cameras and depth; give "
        f"--weights, or --geometry vggt to download {default_repo('vggt')} (5 GB); or install structure from motion "
        "with `pip install 'warpdata[sfm]'`"
    )


def _network(
    weights: ResolvedWeights, why: str, options: GeometryOptions, size: SizeOptions, device: torch.device
) -> tuple[Estimator, str]:
    # VGGT-Omega's input is made of a picture of any shape in one way.
    mode = size.preprocess_mode if weights.network == "vggt" else "balanced"
    estimator = NetworkEstimator(
        lambda: shared_network(weights, mode, device),
        weights=weights,
        preprocess_mode=mode,
        window_frames=options.window_frames,
        window_overlap=options.window_overlap,
        poses=options.poses,
    )
    return estimator, f"{weights.network}, {why}: {estimator.provenance.weights}, licence {weights.license}"


@functools.lru_cache(maxsize=4)
def _weights(spec: str | None, network: NetworkName | None) -> ResolvedWeights:
    """Resolved once a run: asking the hub and reading a checkpoint's names for every scene would add up."""
    return resolve_weights(spec, network)


@functools.lru_cache(maxsize=1)
def _sky_model(spec: str) -> SkyModel:
    return resolve_sky_model(spec)


def _has_pycolmap() -> bool:
    """Without importing it: that belongs into a process of its own."""
    return importlib.util.find_spec("pycolmap") is not None


def _sfm(options: GeometryOptions, device: torch.device, work_folder: WorkFolder | None) -> Estimator:
    from warpdata.geometry.sfm import SfmEstimator

    estimator = SfmEstimator(device=device, poses=options.poses)
    if work_folder is None:
        return estimator
    return SfmEstimator(device=device, poses=options.poses, work_dir=work_folder(estimator.provenance))


def _missing(scene: Scene) -> str:
    """What geometry the scene does not ship, for the middle of a sentence."""
    without = {
        "camera": [view for view in scene.views if view.camera is None],
        "depth": [view for view in scene.views if view.depth is None],
    }
    parts = [f"no {what} for {_some(views, scene)}" for what, views in without.items() if views]
    return " and ".join(parts) or "no view"


def _some(views: list[View], scene: Scene) -> str:
    if len(views) == len(scene.views):
        return "any view"
    names = ", ".join(view.name for view in views[:NAMES_SHOWN]) + (", ..." if len(views) > NAMES_SHOWN else "")
    return f"{len(views)} of {len(scene.views)} views ({names})"
