"""The splats of a camera path around a view, by the very warp that made the triplets a model was trained on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any

from rich.filesize import decimal

from warpdata.cache.provider import GeometryProvider
from warpdata.config import PairOptions
from warpdata.display import Display
from warpdata.errors import GeometryError, OutputError, ViewError, grouped_reasons
from warpdata.formats.video_writer import VideoWriter
from warpdata.geometry.usable import check_sides
from warpdata.run.materialize import geometry_json
from warpdata.run.one_scene import open_one_scene
from warpdata.run.path_cameras import PathCameras
from warpdata.run.plan import MASK_BYTES, PNG_BYTES, free_bytes
from warpdata.run.splat_options import SplatOptions
from warpdata.sources.fit import output_size
from warpdata.sources.scene import Scene, View
from warpdata.triplets.path_frames import PathFrames, depth_of_points
from warpdata.triplets.scene_pairs import ScenePairs, open_pairs
from warpdata.writers.output.frame_folder import FrameFolder

VIDEO_BYTES = 0.15
"""Bytes a pixel of a frame of a video; typical of splats."""


def splat(options: SplatOptions, display: Display | None = None) -> str:
    """Render a camera path.

    Interrupted, a folder of frames goes on where it stopped when called again with the same options.

    Returns:
        What was made, in a line for a person.

    Raises:
        ValueError: an option cannot be used: no such view, a file of cameras that is none.
        SourceError, SceneError: the scene cannot be used.
        GeometryError, WeightsError, CacheError: there is no geometry for it, or not for the reference.
        OutputError: the output cannot be written, or something else is there.
        BackendError: the chosen renderer cannot run here.
    """
    display = display or Display(quiet=True)
    run, cameras = options.run, PathCameras(options)
    device = run.torch_device
    _refuse_output(options)
    scene = open_one_scene(options.run)
    view = reference_view(scene, options)
    provider = GeometryProvider(run.geometry, run.size, run.filters, device, run.own, least_views=1)
    geometry = provider(scene, progress=display.stage)
    for note in (*scene.notes, *geometry.entry.report.get("warnings", ())):
        display.say(f"{scene.id}: {note}")
    pairs = open_pairs(
        scene,
        geometry.entry,
        size=run.size,
        filters=run.filters.beside(run.render),
        pairs=PairOptions(),
        keep_odd_views=run.source.keep_odd_views,
    )
    number = _number_of(view, pairs)
    frame = pairs.entry.frame(number)
    depth = depth_of_points(frame, run.render.confidence_threshold)
    frames = PathFrames(
        pairs,
        number,
        cameras.around(frame.image_camera, depth),
        run.effective_render,
        device=device,
        backend=run.backend,
    )
    about = {
        "scene": scene.id,
        "scale_type": pairs.entry.scale,
        "reference": view.name,
        "cameras": cameras.as_json(),
        "options": run.what_triplets_depend_on(),
        "warp_version": run.effective_render.version,
        "geometry": geometry_json(pairs.entry, pairs.effective_filters),
    }
    display.start(len(frames))
    if options.is_video:
        made = _write_video(options, frames, display)
    else:
        made = _write_folder(options, about, frames, display)
    height, width = pairs.output_hw
    if made:
        what = f"{len(frames)} frames of {width} x {height}, {cameras.description}, {scene.id}/{view.name}"
    else:
        what = "complete already"
    return f"{options.output_path}: {what} ({geometry.reason})"


def dry_run(options: SplatOptions) -> Iterator[str]:
    """What would be made, from listings and headers alone, line by line.

    Raises:
        ValueError, SourceError, SceneError, ViewError, OutputError: as for `splat`, as far as can be told.
    """
    cameras = PathCameras(options)
    _refuse_output(options)
    scene = open_one_scene(options.run)
    view = reference_view(scene, options)
    image_hws = []
    for one in scene.views:
        try:
            check_sides(image_hw := one.picture.hw())
            image_hws.append(image_hw)
        except ViewError as error:
            if one is view:
                raise
            yield f"{scene.id}/{one.name} would be left out: {error}"
    height, width = output_size(image_hws, options.size)
    needed = len(cameras) * height * width * (VIDEO_BYTES if options.is_video else PNG_BYTES + MASK_BYTES)
    yield (
        f"{options.output_path}: {len(cameras)} frames of {width} x {height}, {cameras.description}, "
        f"{scene.id}/{view.name}; about {decimal(round(needed))}, {decimal(free_bytes(options.output_path))} are free"
    )


def reference_view(scene: Scene, options: SplatOptions) -> View:
    """The view asked for, by default the first.

    Raises:
        ValueError: there is none of this name; lists the names.
    """
    if options.reference is None:
        return scene.views[0]
    for view in scene.views:
        if view.name == options.reference:
            return view
    names = ", ".join(view.name for view in scene.views)
    left_out = f". Left out were {grouped_reasons(scene.left_out)}" if scene.left_out else ""
    raise ValueError(f"`reference` is {options.reference!r}; the views of {scene.id} are {names}{left_out}")


def _number_of(view: View, pairs: ScenePairs) -> int:
    """The view's frame."""
    if view.name not in pairs.entry.names:
        reason = pairs.entry.left_out.get(view.name, "its estimator gave none")
        raise GeometryError(f"`reference` {view.name} has no depth: {reason}; choose another view")
    if view.name in pairs.left_out:
        raise ValueError(
            f"`reference` {view.name} is not used beside the others: {pairs.left_out[view.name]}; use "
            "`keep_odd_views=True`, or choose another view"
        )
    return pairs.entry.index(view.name)


def _refuse_output(options: SplatOptions) -> None:
    """Refuse what stands in the output's place, before anything is read."""
    path = options.output_path
    if options.is_video and path.is_dir():
        raise OutputError(f"{path} is a folder; choose another name for the video")
    if options.is_video and path.exists() and not options.overwrite:
        raise OutputError(f"{path} exists; use `overwrite=True` to replace it, or choose another name")
    if path.resolve() == options.scene.resolve():
        raise OutputError(f"{path} is the scene itself; choose another folder for the frames")


def _write_folder(options: SplatOptions, about: dict[str, Any], frames: PathFrames, display: Display) -> bool:
    """Whether anything was left to do."""
    with closing(FrameFolder(options.output_path, about, overwrite=options.overwrite)) as folder:
        if folder.complete:
            return False
        for number in range(len(frames)):
            if not folder.has(number):
                frame = frames[number]
                folder.write(number, frame.rgb.cpu(), frame.coverage.cpu())
            display.scene_done()
        folder.finish(frames.cameras)
    return True


def _write_video(options: SplatOptions, frames: PathFrames, display: Display) -> bool:
    path = options.output_path
    lossless = path.suffix.lower() == ".mkv"
    with VideoWriter(path, fps=options.video_fps, hw=frames.cameras[0].hw, lossless=lossless) as video:
        for number in range(len(frames)):
            video.write(frames[number].rgb)
            display.scene_done()
    return True
