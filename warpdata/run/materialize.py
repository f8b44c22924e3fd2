"""Scenes in, triplets on disk out: the run as a function."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Any

from warpdata.cache import CacheEntry
from warpdata.cache.provider import UNUSABLE_SCENE, GeometryProvider
from warpdata.config import FilterOptions, default_cache_dir
from warpdata.display import Display
from warpdata.errors import OutputError, grouped_reasons
from warpdata.formats.manifest import REPORT
from warpdata.formats.marks import MARKS, read_marks
from warpdata.run.options import MaterializeOptions
from warpdata.run.report import REPORT_PAGE, Report, SceneReport
from warpdata.run.stopwatch import Stopwatch
from warpdata.sources import Workplace, open_source
from warpdata.sources.scene import Scene
from warpdata.triplets.drawn_cameras import CameraDraw
from warpdata.triplets.measured import MeasuredScores
from warpdata.triplets.overlap import Overlaps
from warpdata.triplets.pairs import why_no_pair
from warpdata.triplets.scene_pairs import open_pairs
from warpdata.triplets.stream import Failed, TripletStream
from warpdata.writers.output.existing import holds_others_files
from warpdata.writers.output.refusals import refuse_unusable
from warpdata.writers.output.session import RunInfo, Writers, open_writers

CUDA_BATCH = 8
"""Triplets of one size rendered together on a GPU."""


def materialize(
    options: MaterializeOptions, display: Display | None = None, *, rejected: frozenset[str] | None = None
) -> Report:
    """Make all triplets that the options ask for and are not there yet.

    A scene, view or pair that cannot be used is left out and named in the report; it never ends the run. Interrupted
    or killed, the same call goes on where this one stopped, and ends with the same files.

    Args:
        rejected: ids of triplets that are not made, and removed where they are; None takes those of `rejected.json`
            in the output and the input folder, unless `quality.ignore_marks`.

    Raises:
        SourceError: the input cannot be used at all.
        OutputError: the output cannot be written, or holds a data set made with other options or inputs.
        BackendError: the chosen renderer cannot run here.
        ValueError: the options contradict each other, or this machine.
    """
    display = display or Display(quiet=True)
    refuse_unusable(options.output.output_dir, options.export, options.output.export_scenes)
    device = options.torch_device
    clock = Stopwatch()
    _refuse_to_write_into_input(options)
    cache_dir = options.geometry.cache_dir or default_cache_dir()
    source = open_source(options.source, options.own, work=Workplace(cache_dir=cache_dir, progress=display.stage))
    number, count = options.export.worker
    if rejected is None:
        rejected = rejected_by_hand(options)
    clock.begin("listing scenes")
    all_scene_ids = source.scene_ids()
    _refuse_to_write_into_scene(options, all_scene_ids)
    scene_ids = all_scene_ids[number::count]
    provider = GeometryProvider(
        options.geometry, options.size, options.filters, device, options.own, least_views=options.pairs.least_views
    )
    report = Report(options=options.as_json(), device=device.type)
    run = RunInfo(
        options=options.what_triplets_depend_on(),
        warp_version=options.effective_render.version,
        has_references=options.pairs.has_references,
        cache_dir=options.geometry.cache_dir,
    )
    stream = TripletStream(
        options.effective_render,
        device,
        batch=CUDA_BATCH if device.type == "cuda" else 1,
        decode_threads=options.decode_threads,
        backend=options.backend,
        with_points=options.output.save_ply,
        match_exposure=options.quality.match_exposure,
    )
    display.start(len(scene_ids))
    with (
        closing(stream),
        _with_reasons(report),
        open_writers(
            options.export, options.output, run, scene_ids=all_scene_ids, own=options.own, rejected=rejected
        ) as writers,
    ):
        for scene_id in scene_ids:
            scene_report = SceneReport(scene=scene_id)
            report.scenes.append(scene_report)
            clock.begin("reading scenes")
            try:
                scene = source.scene(scene_id)
                scene_report.source = scene.source
                scene_report.left_out.update(scene.left_out)
                scene_report.notes.extend(scene.notes)
                _materialize_scene(scene, provider, options, stream, writers, scene_report, display, clock)
            except UNUSABLE_SCENE as error:
                scene_report.error = str(error)
                scene_report.left_out.update(getattr(error, "left_out", {}))
            display.scene_done(scene_report.line())
        report.backend = stream.backend
        clock.begin("completing the output")
    clock.stop()
    report.commands, report.seconds = writers.commands, clock.seconds
    return report


def rejected_by_hand(options: MaterializeOptions) -> frozenset[str]:
    """Ids of the triplets that the files of marks in the output and the input folder reject, if they count.

    Raises:
        OutputError: a file of marks is damaged.
    """
    if options.quality.ignore_marks:
        return frozenset()
    return read_marks(options.output.output_dir) | read_marks(options.source.input_dir)


@contextmanager
def _with_reasons(report: Report) -> Iterator[None]:
    """A refusal of the output, with why scenes could not be used: that may be why their triplets are not asked for."""
    try:
        yield
    except OutputError as error:
        failures = {scene.scene: scene.error for scene in report.scenes if scene.error}
        if not failures:
            raise
        raise OutputError(f"{error}. Left out were {grouped_reasons(failures)}") from error


def _refuse_to_write_into_input(options: MaterializeOptions) -> None:
    """Refuse an output folder among the pictures that are read; one of its own inside the input is no scene."""
    root, read = options.output.output_dir, options.source.input_dir
    output, source = root.resolve(), read.resolve()
    ours = (REPORT, REPORT_PAGE, MARKS)
    if output != source and not (source in output.parents and holds_others_files(root, ours=ours)):
        return
    where = "is" if output == source else "lies inside of"
    raise OutputError(f"{root} {where} the input folder {read} and holds other files; choose another `output_dir`")


def _refuse_to_write_into_scene(options: MaterializeOptions, scene_ids: Sequence[str]) -> None:
    """Refuse an output around the input, one of whose scenes' folders would be the input or hold it."""
    root, read = options.output.output_dir, options.source.input_dir
    output, source = root.resolve(), read.resolve()
    if output in source.parents and (below := source.relative_to(output).parts[0]) in scene_ids:
        raise OutputError(
            f"{root} holds the input folder {read}, and triplets of the scene {below} would lie in {root / below}, "
            "among its files; choose another `output_dir`"
        )


def _materialize_scene(
    scene: Scene,
    provider: GeometryProvider,
    options: MaterializeOptions,
    stream: TripletStream,
    writers: Writers,
    report: SceneReport,
    display: Display,
    clock: Stopwatch,
) -> None:
    clock.begin("geometry")
    geometry = provider(scene, progress=display.stage)
    entry = geometry.entry
    report.take_geometry(geometry)
    clock.begin("choosing pairs")
    overlaps = Overlaps(entry, provider.cache.overlap_folder, options.render.confidence_threshold, scene.points)
    pairs = open_pairs(
        scene,
        entry,
        size=options.size,
        filters=options.filters.beside(options.render),
        pairs=options.pairs,
        overlap=overlaps,
        keep_odd_views=options.source.keep_odd_views,
        draw=CameraDraw(seed=options.seed, pairs=options.pairs, render=options.effective_render),
    )
    report.left_out.update(pairs.left_out)
    overlaps.save()
    report.hw = pairs.output_hw
    if not pairs.pairs:
        report.error = why_no_pair(len(entry), options.pairs)
        report.error += overlaps.doubt()
    manifest_geometry = geometry_json(entry, pairs.effective_filters)
    measured = MeasuredScores(pairs, provider.cache.overlap_folder, options.effective_render, options.quality)
    time_s = {view.name: view.time_s for view in scene.views if view.time_s is not None}
    wanted = []
    for pair in pairs.pairs:
        sample_id = pairs.sample_id(pair)
        if sample_id in writers.rejected:
            report.reject(sample_id)
        elif writers.has(sample_id, manifest_geometry):
            report.keep(writers.scores(sample_id))
        elif (scores := measured[pair]) is not None and (failing := options.quality.failing(scores)):
            report.drop(sample_id, failing)
        else:
            wanted.append(pair)
    clock.begin("rendering and writing triplets")
    try:
        for done, (pair, made) in enumerate(zip(wanted, stream.triplets(pairs, wanted), strict=True), start=1):
            if isinstance(made, Failed):
                report.left_out[made.sample_id.partition("/")[2]] = made.reason
            else:
                measured[pair] = made.triplet.scores
                if failing := options.quality.failing(made.triplet.scores):
                    report.drop(made.triplet.id, failing)
                else:
                    writers.write(made.triplet, made.points, geometry=manifest_geometry, time_s=time_s)
                    report.make(made.triplet.scores)
            display.stage("triplets", done, len(wanted))
    finally:
        if options.quality.keep:
            measured.save()
    if options.output.export_scenes:
        clock.begin("exporting scenes")
        report.left_out.update(writers.write_scene(pairs))


def geometry_json(entry: CacheEntry, filters: FilterOptions) -> dict[str, Any]:
    """How a scene's depth and cameras were made, and under which licences, for manifests."""
    threshold = filters.edge_threshold
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
        **({} if threshold == "off" else {"edge_threshold": threshold}),
    }
