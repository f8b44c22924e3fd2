"""The renderer for CPUs: the definition's arithmetic in compiled loops over bands of rows.

Depth maps go in directly; no point cloud is made. Each picture passes through five stages, with its rows shared among
`torch.get_num_threads()` threads in each: project, draw, find visible, distance and fill, finish. What a band computes
does not depend on the others, so neither do the bytes on the number of threads. Rows count from the bottom until the
last stage.

The first rendering on a machine compiles the kernels, which takes some 15 seconds; they are kept on disk, beside the
package or, where that cannot be written, in numba's folder among the user's caches (NUMBA_CACHE_DIR moves it).
Any number of threads may render at once, and so may spawned and forked processes.
"""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from warpdata.config import RenderOptions
from warpdata.render.cpu import picture
from warpdata.render.types import WARP_VERSION, Rendering
from warpdata.render.view import View

PLANES = ("rgb", "coverage", "visible", "depth")


def splat_depth(
    image: UInt8[Tensor, "B 3 h2 w2"],
    depth: Float[Tensor, "B h w"],
    confidence: Float[Tensor, "B h w"] | None,
    view: View,
    s0: Float[Tensor, "B"] | None,
    options: RenderOptions,
) -> Rendering:
    """As `warpdata.render.reference.splat_depth`, for tensors in main memory."""
    rendering = empty_rendering(len(image), view.hw, options.version)
    for b in range(len(image)):
        task = picture.task_of(view, b, options, points=image[b, 0].numel(), s0=item(s0, b))
        projected = picture.project_depth(task, item(image, b), item(depth, b), item(confidence, b))
        picture.paint(task, projected, *(item(getattr(rendering, name), b) for name in PLANES))
    return rendering


def splat_points(
    points: Float[Tensor, "B N 3"],
    colors: UInt8[Tensor, "B N 3"],
    confidence: Float[Tensor, "B N"] | None,
    view: View,
    s0: Float[Tensor, "B"] | None,
    options: RenderOptions,
) -> Rendering:
    """As `warpdata.render.reference.splat_points`, for tensors in main memory."""
    rendering = empty_rendering(len(points), view.hw, options.version)
    for b in range(len(points)):
        task = picture.task_of(view, b, options, points=points.shape[1], s0=item(s0, b))
        projected = picture.project_points(task, item(points, b), item(colors, b), item(confidence, b))
        picture.paint(task, projected, *(item(getattr(rendering, name), b) for name in PLANES))
    return rendering


def empty_rendering(batch: int, hw: tuple[int, int], version: int = WARP_VERSION) -> Rendering:
    return Rendering(
        rgb=torch.empty(batch, 3, *hw, dtype=torch.uint8),
        coverage=torch.empty(batch, 1, *hw, dtype=torch.uint8),
        visible=torch.empty(batch, 1, *hw, dtype=torch.bool),
        depth=torch.empty(batch, 1, *hw, dtype=torch.float32),
        backend="numba",
        version=version,
    )


def item(tensor: Tensor | None, b: int) -> np.ndarray | None:
    """One item of a batch, as numpy sees its memory."""
    return None if tensor is None else tensor[b].detach().numpy()
