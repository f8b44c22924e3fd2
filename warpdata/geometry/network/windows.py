"""One geometry from overlapping windows of a long scene, in memory that does not grow with the scene.

A network sees a window of frames at a time and gives it a world frame and a scale of its own. Consecutive windows share
frames; the same pixels unprojected in both windows are point pairs, from which the similarity transform between the two
worlds is fitted. The approach of Deng et al., "VGGT-Long: Chunk it, Loop it, Align it" (2025), without loop closure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from warpdata.camera import unproject
from warpdata.errors import GeometryError
from warpdata.geometry.maths.sim3 import Fit, Sim3, fit_sim3_robust, median_rotation, weighted_quantile
from warpdata.geometry.types import FrameGeometry

POINTS_A_FRAME = 2000
"""Pixels of a shared frame that are paired; more add time and no accuracy."""
CENTRE_WEIGHT = 0.05
"""Weight of a shared frame's two camera centres as a pair, as part of the weight of its points."""

Window = Mapping[int, FrameGeometry]
"""Frames by their place in the scene; one that the network could not see may be missing."""
Place = Callable[[Window, Window], Window]
"""Takes a window and the placed window before it (empty at first) to the window, placed."""


def plan_windows(count: int, size: int, overlap: int) -> list[range]:
    """Windows over `count` frames: each `size` long, consecutive ones share `overlap` frames or, at the end, more.

    Raises:
        ValueError: no frames, or an overlap that does not leave room to advance.
    """
    if count < 1 or size < 1 or not 0 <= overlap < size:
        raise ValueError(f"{count} frames cannot be cut into windows of {size} that share {overlap}")
    if count <= size:
        return [range(count)]
    starts = [*range(0, count - size, size - overlap), count - size]
    return [range(start, start + size) for start in starts]


def merge_windows(windows: Iterable[Window], place: Place) -> Iterator[FrameGeometry]:
    """Every frame once, in the scene's order, from windows as `plan_windows` cuts them; two are held at a time.

    A shared frame is taken from the window whose middle it is nearer to, unless it is missing there.

    Args:
        windows: each in a world of its own, in order.
        place: takes each into the common world.
    """
    previous: Window = {}
    pending: dict[int, FrameGeometry] = {}
    start = 0
    for window in windows:
        placed = place(window, previous)
        shared = sorted(pending.keys() & placed.keys())
        after = shared[len(shared) // 2] if shared else max(pending, default=-1) + 1
        both = {**placed, **{index: frame for index, frame in pending.items() if index < after or index not in placed}}
        yield from (both[index] for index in sorted(both) if start <= index < after)
        pending = {index: frame for index, frame in both.items() if index >= after}
        previous, start = placed or previous, after
    yield from (pending[index] for index in sorted(pending))


@dataclass
class Chain:
    """Places each window by its shared frames, into the world of the first camera: a `Place`.

    Attributes:
        seams: how each window fitted the one before, in order, as JSON: for the report.
    """

    seams: list[dict[str, Any]]

    def __call__(self, window: Window, previous: Window) -> Window:
        if not window:
            return window
        first = window[min(window)]
        if previous:
            fit = align_windows(previous, window)
            self.seams.append(
                {"frame": first.name, "scale": fit.b_from_a.scale, "residual": fit.residual, "inliers": fit.inliers}
            )
            world_from_window = fit.b_from_a
        else:
            pose = first.camera.cam_from_world
            world_from_window = Sim3(scale=1.0, rotation=pose[:3, :3], translation=pose[:3, 3])
        return {index: moved(frame, world_from_window) for index, frame in window.items()}


def moved(frame: FrameGeometry, b_from_a: Sim3) -> FrameGeometry:
    """A frame of world a in world b."""
    return replace(frame, depth=frame.depth * b_from_a.scale, camera=b_from_a.move_camera(frame.camera))


def align_windows(previous: Window, current: Window) -> Fit:
    """`previous_from_current`, from the frames that both windows hold; residuals are in units of a point's depth.

    Poses and depth ratios give a start that up to half of either may spoil; point pairs and camera centres, weighted by
    confidence, refine it.

    Raises:
        GeometryError: the windows share no frame with reliable depth in both.
    """
    shared = sorted(previous.keys() & current.keys())
    samples = [sample_pair(previous[index], current[index]) for index in shared]
    samples = [sample for sample in samples if len(sample.ratios) >= 3]
    if not samples:
        last, first = previous[max(previous)].name, current[min(current)].name
        raise GeometryError(
            f"the window that ends with {last} and the one that begins with {first} share no frame with depth that can "
            "be relied on, so they cannot be joined; use larger windows (`window_frames`) or a larger overlap "
            "(`window_overlap`)"
        )
    start = start_from_poses(samples)
    return fit_sim3_robust(
        torch.cat([sample.points_a for sample in samples]),
        torch.cat([sample.points_b for sample in samples]),
        torch.cat([sample.weights for sample in samples]),
        start=start,
        # Depth of both windows alike: measured by one alone, what that one puts too near would weigh more, and the
        # scale would drift along the chain.
        lengths_b=torch.cat([sample.lengths for sample in samples]) * start.scale**0.5,
    )


@dataclass(frozen=True, kw_only=True)
class SharedFrame:
    """Point pairs of one frame that lies in two windows, a (the later) and b; the camera's centre is the last pair.

    Attributes:
        lengths: geometric mean of the depths in a and b, of the camera's centre their median.
        rotation: of `b_from_a`, by this frame's two poses alone.
        ratios: depth in b over depth in a, of all pairs but the last.
    """

    points_a: Float[Tensor, "n 3"]
    points_b: Float[Tensor, "n 3"]
    weights: Float[Tensor, "n"]
    lengths: Float[Tensor, "n"]
    rotation: Float[Tensor, "3 3"]
    ratios: Float[Tensor, "m"]


def sample_pair(frame_b: FrameGeometry, frame_a: FrameGeometry) -> SharedFrame:
    """Point pairs on a regular grid of pixels, where both windows have depth."""
    a, b = thinned(frame_a, POINTS_A_FRAME), thinned(frame_b, POINTS_A_FRAME)
    depth_a, depth_b = a.depth.double(), b.depth.double()
    trust = (reliability(a) * reliability(b)).sqrt()
    valid = (depth_a > 0) & (depth_b > 0) & (trust > 0)
    centre_a, centre_b = (frame.camera.world_from_cam[:3, 3] for frame in (a, b))
    weights, depths = trust[valid], (depth_a * depth_b)[valid].sqrt()
    middle = depths.median() if len(depths) else torch.ones((), dtype=torch.float64)
    return SharedFrame(
        points_a=torch.cat([unproject(depth_a, a.camera)[valid], centre_a[None]]),
        points_b=torch.cat([unproject(depth_b, b.camera)[valid], centre_b[None]]),
        weights=torch.cat([weights, CENTRE_WEIGHT * weights.sum()[None]]),
        lengths=torch.cat([depths, middle[None]]),
        rotation=b.camera.cam_from_world[:3, :3].mT @ a.camera.cam_from_world[:3, :3],
        ratios=(depth_b / depth_a)[valid],
    )


def thinned(frame: FrameGeometry, pixels: int) -> FrameGeometry:
    """A frame with about so many of its pixels: every n-th of every n-th row, the grid in the middle of the map."""
    step = max(1, round((frame.depth.numel() / pixels) ** 0.5))
    start = step // 2
    depth = frame.depth[start::step, start::step]
    # The kept pixel k has its centre where pixel `start + k step` had it.
    offset = 0.5 - (start + 0.5) / step
    return replace(
        frame,
        depth=depth,
        confidence=frame.confidence[start::step, start::step],
        camera=frame.camera.mapped((1 / step, 1 / step), (offset, offset), tuple(depth.shape)),
    )


def reliability(frame: FrameGeometry) -> Float[Tensor, "h w"]:
    """Confidence as a weight from 0, where the estimator cannot vouch (1), towards 1; float64."""
    return 1 - 1 / frame.confidence.double().clamp_min(1)


def start_from_poses(samples: Sequence[SharedFrame]) -> Sim3:
    """A first `b_from_a` from medians: of rotations between poses, of depth ratios, of the centres' shifts."""
    ratios = torch.cat([sample.ratios for sample in samples])
    scale = weighted_quantile(ratios.log(), torch.cat([sample.weights[:-1] for sample in samples])).exp().item()
    rotation = median_rotation(torch.stack([sample.rotation for sample in samples]))
    shifts = torch.stack([s.points_b[-1] - scale * rotation @ s.points_a[-1] for s in samples])
    return Sim3(scale=scale, rotation=rotation, translation=shifts.quantile(0.5, dim=0))
