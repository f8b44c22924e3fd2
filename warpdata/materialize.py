"""`python -m warpdata.materialize`: scenes in, triplets on disk out."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

import torch
import tyro

from warpdata.cache import CacheEntry
from warpdata.config import (
    SEED_S0,
    ExportOptions,
    FilterOptions,
    GeometryOptions,
    OutputOptions,
    PairOptions,
    RenderOptions,
    SizeOptions,
    SourceOptions,
)
from warpdata.data.scene_geometry import UNUSABLE_SCENE, GeometryProvider
from warpdata.data.scene_pairs import open_pairs
from warpdata.data.stream import Failed, TripletStream
from warpdata.display import Display
from warpdata.dry_run import dry_run, free_bytes, readable_size
from warpdata.errors import WarpdataError
from warpdata.render import WARP_VERSION
from warpdata.report import Report, SceneReport
from warpdata.sources import open_source
from warpdata.sources.scene import Scene
from warpdata.writers import RunInfo, Writers, open_writers
from warpdata.writers.atomic import write_atomic
from warpdata.writers.manifest import dump_json

REPORT = "report.json"
"""The run's report, in the output folder."""

DONE, INCOMPLETE, UNUSABLE, INTERRUPTED = 0, 1, 2, 130
"""Exit codes: all done; finished, but something was left out; nothing could be done with the arguments; Ctrl-C."""

CUDA_BATCH = 8
"""Triplets of one size rendered together on a GPU."""


@dataclass(frozen=True, kw_only=True)
class MaterializeOptions:
    """Turn scenes into splat / reference / target triplets on disk."""

    source: SourceOptions = field(default_factory=SourceOptions)
    size: SizeOptions = field(default_factory=SizeOptions)
    geometry: GeometryOptions = field(default_factory=GeometryOptions)
    filters: FilterOptions = field(default_factory=FilterOptions)
    pairs: PairOptions = field(default_factory=PairOptions)
    render: RenderOptions = field(default_factory=RenderOptions)
    output: OutputOptions = field(default_factory=OutputOptions)
    export: ExportOptions = field(default_factory=ExportOptions)
    auto_s0: bool = True
    """Estimate s0 for each reference. --no-auto-s0 takes --s0, or the 0.005 of earlier data sets when that is auto."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where to render and to run networks; auto takes CUDA where there is a GPU."""
    backend: Literal["auto", "torch", "numba", "warp"] = "auto"
    """Which renderer; auto takes numba on a CPU and warp on a GPU."""
    decode_threads: int = 2
    """How many pictures are decoded at once, ahead of the renderer."""
    dry_run: bool = False
    """Say what would be made and how much disk it takes, and write nothing."""
    quiet: bool = False
    """Show no progress; errors and the summary are still shown."""

    @property
    def effective_render(self) -> RenderOptions:
        """The warp's parameters, with the earlier fixed s0 where --no-auto-s0 asks for it."""
        if self.auto_s0 or self.render.s0 != "auto":
            return self.render
        return replace(self.render, s0=SEED_S0)

    @property
    def torch_device(self) -> torch.device:
        """The device asked for.

        Raises:
            ValueError: CUDA is asked for and there is none.
        """
        if self.device == "cuda" and not torch.cuda.is_available():
            raise ValueError(
                "--device cuda: this PyTorch finds no CUDA device; use --device cpu, or install its CUDA build"
            )
        name = "cuda" if self.device == "cuda" or (self.device == "auto" and torch.cuda.is_available()) else "cpu"
        return torch.device(name)

    def as_json(self) -> dict[str, Any]:
        """All options as JSON values, but for the folders of output and cache: a moved output stays the same."""
        chosen = json_values(asdict(self))
        del chosen["output"]["output_dir"], chosen["geometry"]["cache_dir"]
        return chosen

    def what_triplets_depend_on(self) -> dict[str, Any]:
        """The options that change a triplet's bytes, or which triplets there are.

        Which weights is not among them: the geometry that goes with each triplet says so, by their digest.
        """
        chosen = self.as_json()
        del chosen["source"]["input_dir"], chosen["geometry"]["weights"]
        parts = {name: chosen[name] for name in ("source", "size", "geometry", "filters", "pairs")}
        return parts | {"render": json_values(asdict(self.effective_render))}


def json_values(options: Any) -> Any:
    """Options as JSON values: paths become strings, tuples lists."""
    return json.loads(json.dumps(options, default=str))


def materialize(options: MaterializeOptions, display: Display) -> Report:
    """Make all triplets that the options ask for and are not there yet.

    A scene, view or pair that cannot be used is left out and named in the report; it never ends the run. Interrupted
    or killed, the same call goes on where this one stopped, and ends with the same files.

    Raises:
        SourceError: the input cannot be used at all.
        OutputError: the output cannot be written, or holds a data set made with other options or inputs.
        BackendError: the chosen renderer cannot run here.
        ValueError: the options contradict each other, or this machine.
    """
    device = options.torch_device
    source = open_source(options.source)
    number, count = options.export.worker
    scene_ids = source.scene_ids()[number::count]
    provider = GeometryProvider(options.geometry, options.size, options.filters, device)
    report = Report(options=options.as_json(), device=device.type)
    run = RunInfo(options=options.what_triplets_depend_on(), warp_version=WARP_VERSION)
    stream = TripletStream(
        options.effective_render,
        device,
        batch=CUDA_BATCH if device.type == "cuda" else 1,
        decode_threads=options.decode_threads,
        backend=options.backend,
        with_points=options.output.save_ply,
    )
    display.start(len(scene_ids))
    with closing(stream), open_writers(options.export, options.output, run) as writers:
        for scene_id in scene_ids:
            scene_report = SceneReport(scene=scene_id)
            report.scenes.append(scene_report)
            try:
                scene = source.scene(scene_id)
                scene_report.left_out.update(scene.left_out)
                _materialize_scene(scene, provider, options, stream, writers, scene_report, display)
            except UNUSABLE_SCENE as error:
                scene_report.error = str(error)
            display.scene_done(scene_report.line())
        report.backend = stream.backend
    report.commands = writers.commands
    return report


def _materialize_scene(
    scene: Scene,
    provider: GeometryProvider,
    options: MaterializeOptions,
    stream: TripletStream,
    writers: Writers,
    report: SceneReport,
    display: Display,
) -> None:
    geometry = provider(scene, progress=display.stage)
    entry = geometry.entry
    report.take_geometry(geometry)
    overlaps = provider.overlaps(entry, options.render.confidence_threshold)
    pairs = open_pairs(scene, entry, size=options.size, filters=options.filters, pairs=options.pairs, overlap=overlaps)
    overlaps.save()
    report.size = pairs.output_hw
    if not pairs.pairs:
        report.error = f"no pair of its {len(entry)} views with geometry is asked for by --pairs {options.pairs.pairs}"
    manifest_geometry = geometry_json(entry)
    wanted = []
    for pair in pairs.pairs:
        sample_id = pairs.sample_id(pair)
        if writers.has(sample_id, manifest_geometry):
            report.keep(writers.scores(sample_id))
        else:
            wanted.append(pair)
    for done, made in enumerate(stream.triplets(pairs, wanted), start=1):
        if isinstance(made, Failed):
            report.left_out[made.sample_id.partition("/")[2]] = made.reason
        else:
            writers.write(made.triplet, made.points, geometry=manifest_geometry)
            report.make(made.triplet.scores)
        display.stage("triplets", done, len(wanted))
    if options.output.export_scenes:
        report.left_out.update(writers.write_scene(pairs))


def geometry_json(entry: CacheEntry) -> dict[str, Any]:
    """How a scene's depth and cameras were made, and under which licences, for manifests."""
    provenance = entry.provenance
    return {
        "model": provenance.estimator,
        "version": provenance.version,
        "weights": provenance.weights,
        "weights_sha256": provenance.weights_sha256,
        "weights_license": provenance.weights_license,
        "options": provenance.options,
        "source_license": entry.header.source_license,
        "scale": entry.scale,
        "key": entry.key,
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse the command line, run, and say how it went.

    Returns:
        0 when all is done, 1 when something was left out, 2 when nothing could be done with the arguments, 130 when
        interrupted.
    """
    try:
        options = tyro.cli(
            tyro.conf.configure(tyro.conf.OmitArgPrefixes, tyro.conf.OmitSubcommandPrefixes)(MaterializeOptions),
            args=arguments,
            prog="python -m warpdata.materialize",
        )
        with Display(quiet=options.quiet) as display:
            return _run(options, display)
    except (WarpdataError, ValueError) as error:
        print(f"warpdata: {error}", file=sys.stderr)
        return UNUSABLE
    except KeyboardInterrupt:
        print("warpdata: interrupted; the same command goes on where this one stopped", file=sys.stderr)
        return INTERRUPTED


def _run(options: MaterializeOptions, display: Display) -> int:
    if options.dry_run:
        return _dry_run(options, display)
    report = materialize(options, display)
    write_atomic(options.output.output_dir / REPORT, dump_json(report.as_json()).encode())
    for line in report.lines():
        display.say_always(line)
    return DONE if report.complete else INCOMPLETE


def _dry_run(options: MaterializeOptions, display: Display) -> int:
    plans = []
    for plan in dry_run(open_source(options.source), options.size, options.pairs, options.output):
        plans.append(plan)
        display.say_always(plan.line())
    needed, free = sum(plan.num_bytes for plan in plans), free_bytes(options.output.output_dir)
    display.say_always(
        f"{sum(plan.triplets for plan in plans)} triplets, about {readable_size(needed)}; "
        f"{readable_size(free)} are free at {options.output.output_dir}"
    )
    return INCOMPLETE if any(plan.problem for plan in plans) or needed > free else DONE


if __name__ == "__main__":
    sys.exit(main())
