"""The rows of estimators that run in a process of their own: any program, and the packages we have drivers for."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from warpdata.errors import GeometryError
from warpdata.geometry.estimators import AS_ITS_WEIGHTS, EstimatorRequest, EstimatorRow, MemoryPlan
from warpdata.geometry.external.options import ExternalOptions

if TYPE_CHECKING:
    import torch

    from warpdata.geometry.external.network import ExternalNetwork
    from warpdata.geometry.types import Estimator, WorkFolder

VERSION = 1
"""Raised whenever what is made of a program's results changes."""

MEMORY = MemoryPlan(about="What the program takes, in its own process; --estimator-memory-gb ends it beyond a limit.")


def build(name: str, request: EstimatorRequest, device: torch.device, work_dir: WorkFolder | None) -> Estimator:
    """The estimator; its program is started to say what it is, and loads its weights with the first scene.

    Raises:
        GeometryError: it cannot be started, or does not say what it is.
    """
    from warpdata.geometry.external.environment import PACKAGES
    from warpdata.geometry.network.estimator import NetworkEstimator
    from warpdata.geometry.types import Provenance

    own = request.own.of(ExternalOptions)
    command = PACKAGES[name].command if name in PACKAGES else own.command
    if not command:
        raise GeometryError(
            '`geometry="external"` needs `estimator`, the command of a program that speaks the protocol of '
            "docs/estimators.md, such as --estimator 'my-env/bin/python my_driver.py'"
        )
    network = shared_network(name, command, own, device)
    said = network.description
    return NetworkEstimator(
        lambda: network,
        provenance=Provenance(
            estimator=name,
            version=VERSION,
            weights=said.weights,
            weights_sha256=said.weights_sha256,
            weights_license=said.license,
            options={"program": said.name, "program_version": said.version, **(said.options or {})},
        ),
        window_frames=request.geometry.window_frames,
        window_overlap=request.geometry.window_overlap,
        poses=request.geometry.poses,
        scale=said.scale,
    )


@functools.lru_cache(maxsize=1)
def shared_network(
    name: str, command: tuple[str, ...], options: ExternalOptions, device: torch.device
) -> ExternalNetwork:
    """The program, started once a run."""
    from warpdata.geometry.external.child import EstimatorProcess
    from warpdata.geometry.external.network import ExternalNetwork

    limit = int(options.memory_limit_gb * 1e9) or None
    process = EstimatorProcess(command, time_limit_s=options.time_limit_s, memory_limit_bytes=limit)
    program = f"the estimator {name}" if name != EXTERNAL.name else f"the program {command[0]}"
    return ExternalNetwork(process, program=program, weights=options.weights, device=device)


def environment_missing(name: str) -> str | None:
    """Whether the environment of a package is there."""
    from warpdata.geometry.external.environment import environment_folder, python_of

    folder = environment_folder(name)
    if python_of(folder).exists():
        return None
    return (
        f"its environment {folder} is not there; make it with `python -m warpdata.prepare estimator {name}`, which "
        "leaves this one as it is"
    )


def _package_row(name: str, about: str) -> EstimatorRow:
    return EstimatorRow(
        name=name,
        about=f"{about}, in an environment of its own",
        build=functools.partial(build, name),
        memory=MEMORY,
        license=AS_ITS_WEIGHTS,
        options=ExternalOptions,
        edge_threshold=0.15,
        decodes_pictures=True,
        unavailable=functools.partial(environment_missing, name),
    )


EXTERNAL = EstimatorRow(
    name="external",
    about="depth and cameras by a program of your own (--estimator), in its own process",
    build=functools.partial(build, "external"),
    memory=MEMORY,
    license=AS_ITS_WEIGHTS,
    options=ExternalOptions,
    edge_threshold=0.15,
    decodes_pictures=True,
)
DA3 = _package_row("da3", "depth and cameras by Depth Anything 3")
MAP_ANYTHING = _package_row("map-anything", "metric depth and cameras by MapAnything")
MOGE = _package_row("moge", "metric depth of single pictures by MoGe-2, for scenes with cameras")
