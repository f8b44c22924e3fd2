"""Estimators that are networks: pictures through one, window by window, to one geometry."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from typing import Any, Literal

import torch
from jaxtyping import Float
from torch import Tensor

from warpdata.camera import Camera, check_camera
from warpdata.errors import GeometryError, ViewError
from warpdata.geometry.masks import view_mask
from warpdata.geometry.maths.sample import sample_picture
from warpdata.geometry.network.known_poses import KnownPoses, camera_of_map
from warpdata.geometry.network.network import DepthNetwork, LoadNetwork, NetworkInput
from warpdata.geometry.network.windows import Chain, Window, merge_windows, plan_windows
from warpdata.geometry.types import (
    FrameGeometry,
    Outcome,
    Progress,
    Provenance,
    SceneGeometry,
    in_scene_order,
    no_progress,
)
from warpdata.geometry.usable import check_enough, check_sides, load_usable
from warpdata.sources.orientation import upright_camera
from warpdata.sources.points import SparsePoints
from warpdata.sources.scene import Scene, View

DECODING_THREADS = 2
"""Pictures decoded at a time, while the network is at work on the window before."""


class NetworkEstimator:
    """Geometry from a network that sees up to `window_frames` pictures at a time.

    Depth comes at network size. Padding, what the view's mask excludes and what the network cannot see have depth 0.

    Args:
        load: gives the network; called with the first scene that is estimated, not before.
        provenance: of its results, without what the arguments below add to its options.
        window_frames: frames the network sees together.
        window_overlap: frames that consecutive windows share; of no effect on scenes of one window.
        poses: given keeps the scene's cameras and fits the scale of depth to them.
        scale: of what the network gives by itself.
    """

    def __init__(
        self,
        load: LoadNetwork,
        *,
        provenance: Provenance,
        window_frames: int,
        window_overlap: int,
        poses: Literal["estimated", "given"],
        scale: Literal["metric", "arbitrary"] = "arbitrary",
    ):
        self._load = load
        self._window_frames = window_frames
        self._window_overlap = window_overlap
        self._poses = poses
        self._scale = scale
        windows = {"window_frames": window_frames, "window_overlap": window_overlap, "poses": poses}
        self._provenance = replace(provenance, options={**provenance.options, **windows})

    @property
    def provenance(self) -> Provenance:
        return self._provenance

    def __call__(self, scene: Scene, *, progress: Progress = no_progress) -> SceneGeometry:
        network = self._load()
        failures: dict[str, str] = {}
        sizes: dict[str, tuple[int, int]] = {}
        for view in scene.views:
            try:
                sizes[view.name] = self._usable_size(view, network)
            except ViewError as error:
                failures[view.name] = str(error)
        check_enough(scene, failures)
        views = [view for view in scene.views if view.name in sizes]
        run = _Run(network, views, list(sizes.values()), failures, progress, cameras_known=self._poses == "given")
        windows = plan_windows(len(views), self._window_frames, self._window_overlap)
        run.check_memory(len(windows[0]))
        return SceneGeometry(
            scene_id=scene.id,
            scale=scene.scale if self._poses == "given" else self._scale,
            provenance=self.provenance,
            outcomes=self._outcomes(scene, run, windows),
        )

    def _usable_size(self, view: View, network: DepthNetwork) -> tuple[int, int]:
        """Height and width of a view's picture, from its header.

        Raises:
            ViewError: the view cannot be used, as far as that is known before its pixels are decoded.
        """
        hw = view.picture.hw()
        check_sides(hw)
        if self._poses == "given" and upright_camera(view, hw) is None:
            raise ViewError('the scene ships no camera for it, and `poses="given"` was asked for')
        if min(network.input_size(hw)) < 1:
            raise ViewError(f"a picture of {hw[1]}x{hw[0]} pixels is too flat for the network")
        return hw

    def _outcomes(self, scene: Scene, run: _Run, windows: Sequence[range]) -> Generator[Outcome, None, dict[str, Any]]:
        report: dict[str, Any] = {
            "frames": len(run.views),
            "windows": len(windows),
            "precision": run.network.precision,
        }
        if self._poses == "given":
            cameras = {i: view.camera_at(hw) for i, (view, hw) in enumerate(zip(run.views, run.sizes, strict=True))}
            points = _points_of(scene, report)
            place = KnownPoses(cameras, fits=report.setdefault("depth_scale", []), points=points)
        else:
            place = Chain(seams=report.setdefault("seams", []))
        with closing(run.windows(windows)) as predicted:
            yield from in_scene_order(scene, run.failures, merge_windows(predicted, place))
        return report


def _points_of(scene: Scene, report: dict[str, Any]) -> SparsePoints | None:
    """The scene's sparse points; where they cannot be read, the report says so and depth is scaled without them."""
    if scene.points is None:
        return None
    try:
        return scene.points.load()
    except ViewError as error:
        report.setdefault("warnings", []).append(str(error))
        return None


class _Run:
    """One scene on its way through the network.

    Attributes:
        failures: view name -> why it has no frame, in any window or in one of its windows; grows as windows are seen.
    """

    def __init__(
        self,
        network: DepthNetwork,
        views: list[View],
        sizes: list[tuple[int, int]],
        failures: dict[str, str],
        progress: Progress,
        *,
        cameras_known: bool,
    ):
        self.network = network
        self.views = views
        self.sizes = sizes
        self.failures = failures
        self._progress = progress
        self._cameras_known = cameras_known
        inputs = [network.input_size(size) for size in set(sizes)]
        self._hw = (max(height for height, _ in inputs), max(width for _, width in inputs))

    def check_memory(self, frames: int) -> None:
        """Refuse a window that would run out of memory.

        Raises:
            GeometryError: it would; what fits and what to do is in the message.
        """
        fits = self.network.frames_that_fit(self._hw)
        if fits is not None and fits < frames:
            raise GeometryError(self._too_large(frames, fits))

    def windows(self, windows: Sequence[range]) -> Iterator[Window]:
        """Every window in its own world; the next one's pictures are decoded while the network sees this one."""
        with ThreadPoolExecutor(DECODING_THREADS) as pool:
            loading: dict[int, Future[NetworkInput]] = {}
            for number, window in enumerate(windows):
                for index in [*window, *(windows[number + 1] if number + 1 < len(windows) else ())]:
                    if index not in loading:
                        loading[index] = pool.submit(self._input, index)
                loading = {index: future for index, future in loading.items() if index >= window.start}
                yield self._predicted({index: loading[index] for index in window})
                self._progress("estimating depth and cameras", window.stop, len(self.views))

    def _input(self, index: int) -> NetworkInput:
        return self.network.prepare(load_usable(self.views[index])).padded(self._hw)

    def _predicted(self, loading: dict[int, Future[NetworkInput]]) -> Window:
        """One window through the network; frames that cannot be used are missing, and named in `failures`."""
        inputs: dict[int, NetworkInput] = {}
        for index, future in loading.items():
            try:
                inputs[index] = future.result()
            except ViewError as error:
                self.failures[self.views[index].name] = str(error)
        if not inputs:
            return {}
        images = torch.stack([seen.pixels for seen in inputs.values()]).float() / 255
        try:
            prediction = self.network(images, self._known_cameras(inputs))
        except (torch.cuda.OutOfMemoryError, MemoryError) as error:
            raise GeometryError(self._too_large(len(inputs), None)) from error
        frames: dict[int, FrameGeometry] = {}
        for place, (index, seen) in enumerate(inputs.items()):
            camera = Camera(K=prediction.K[place], cam_from_world=prediction.cam_from_world[place], hw=self._hw)
            try:
                frames[index] = self._frame(index, seen, camera, prediction.depth[place], prediction.confidence[place])
            except ViewError as error:
                self.failures[self.views[index].name] = str(error)
        return frames

    def _known_cameras(self, inputs: Mapping[int, NetworkInput]) -> Camera | None:
        """The scene's cameras of the network's inputs, a batch; None where they are to be found."""
        if not self._cameras_known:
            return None
        cameras = [
            camera_of_map(seen.content_box, self._hw, self.views[index].camera_at(self.sizes[index]))
            for index, seen in inputs.items()
        ]
        poses = torch.stack([camera.cam_from_world for camera in cameras])
        return Camera(K=torch.stack([camera.K for camera in cameras]), cam_from_world=poses, hw=self._hw)

    def _frame(
        self,
        index: int,
        seen: NetworkInput,
        camera: Camera,
        depth: Float[Tensor, "h w"],
        confidence: Float[Tensor, "h w"],
    ) -> FrameGeometry:
        """One frame, with depth only where the picture is.

        Raises:
            ViewError: the predicted camera is none, or the view's mask cannot be read.
        """
        if reason := check_camera(camera):
            # A field of view of 0 is within what the network can say; its focal length is infinite.
            raise ViewError(f"the network gives it no usable camera: {reason}")
        view, size = self.views[index], self.sizes[index]
        valid = torch.zeros(self._hw, dtype=torch.bool)
        left, top, right, bottom = seen.content
        valid[top:bottom, left:right] = True
        valid &= torch.isfinite(depth) & (depth > 0) & torch.isfinite(confidence)
        mask = view_mask(view, size)
        if mask is not None:
            passed = sample_picture(mask.float()[None, None], size, seen.content_box, self._hw, mode="nearest")
            valid &= passed[0, 0] > 0
        return FrameGeometry(
            name=view.name,
            depth=depth.where(valid, 0),
            confidence=confidence.clamp_min(1).where(valid, 1),
            camera=camera,
            image_hw=size,
            content_box=seen.content_box,
        )

    def _too_large(self, frames: int, fits: int | None) -> str:
        height, width = self._hw
        problem = f"{frames} frames of {width}x{height} at a time do not fit into the memory that is free"
        if fits is None:
            return f'{problem}; use a smaller `window_frames`, or `device="cpu"`'
        if fits < 2:
            return f'{problem}, nor do two; close what else uses it, or use `device="cpu"`'
        return (
            f"{problem}: {fits} do; use `window_frames={fits}` `window_overlap={max(1, min(fits - 1, fits // 4))}`, or "
            "close what else uses it"
        )
